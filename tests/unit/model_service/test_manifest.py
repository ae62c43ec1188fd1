"""Protects: a model folder is served only if it matches its manifest."""

import json
from pathlib import Path
from typing import Any

import pytest

from model_service import manifest
from model_service.errors import ManifestError
from tests.support.tiny_model import LABELS, write_tiny_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tiny_model(tmp_path)
    return tmp_path / "v1"


def change(folder: Path, **values: Any) -> None:
    path = folder / manifest.FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_written_manifest_is_read_unchanged(tmp_path: Path) -> None:
    written = write_tiny_model(tmp_path)

    read = manifest.load(tmp_path / "v1")

    assert read == written
    assert read.labels == LABELS
    assert manifest.parse(read.as_json()) == read


def test_the_files_of_a_valid_folder_are_loaded(folder: Path) -> None:
    files = manifest.load_files(folder)

    assert files.graph == (folder / "model.xml").read_bytes()
    assert files.weights == (folder / "model.bin").read_bytes()


@pytest.mark.parametrize("name", ["model.xml", "model.bin"])
def test_one_flipped_bit_is_detected(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(ManifestError, match=f"{name}: sha256"):
        manifest.load_files(folder)


@pytest.mark.parametrize("name", ["model.xml", "model.bin", "manifest.json"])
def test_the_error_for_a_missing_file_names_it(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(ManifestError, match=name):
        manifest.load_files(folder)


def test_the_combined_hash_is_checked(folder: Path) -> None:
    change(folder, sha256="0" * 64)

    with pytest.raises(ManifestError, match="sha256 should be"):
        manifest.load_files(folder)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"labels": ["b", "a"]}, "not sorted"),
        ({"labels": ["a", "a"]}, "not unique"),
        ({"labels": ["only"]}, "labels"),
        ({"labels": ["", "a"]}, "labels"),
        ({"temperature": 0}, "temperature"),
        ({"abstain_below": 1.5}, "abstain_below"),
        ({"familiar_norm": 0}, "familiar_norm"),
        ({"precision": "f64"}, "precision"),
        ({"input": {"width": 0, "height": 9, "color": "rgb"}}, "input"),
        ({"input": {"width": 9, "height": 9, "color": "sepia"}}, "input.color"),
        ({"files": {"model.xml": "0" * 64}}, "model.bin"),
        ({"files": {"../../secret": "0" * 64}}, "files"),
        ({"sha256": "short"}, "sha256"),
        ({"version": "../v1"}, "version"),
        ({"normalization": {"mean": [1, 2], "std": [1, 2, 3]}}, "normalization.mean"),
        ({"date": "yesterday"}, "date"),
    ],
)
def test_the_error_for_an_invalid_value_names_the_field(folder: Path, values: dict[str, Any], named: str) -> None:
    change(folder, **values)

    with pytest.raises(ManifestError, match=named):
        manifest.load(folder)


def test_labels_are_normalized(folder: Path) -> None:
    """A version that was trained on decomposed names is still served, and its labels equal those of the others."""
    change(folder, labels=["Gr\u00f6\u00dfe", "Gru\u0308\u00dfe", "z"])
    assert manifest.load(folder).labels == ("Gr\u00f6\u00dfe", "Gr\u00fc\u00dfe", "z")
    change(folder, labels=["e\u0301a", "fa", "z"])
    assert manifest.load(folder).labels == ("\u00e9a", "fa", "z")
    change(folder, labels=["Gru\u0308\u00dfe", "Gr\u00fc\u00dfe"])
    with pytest.raises(ManifestError, match="not unique"):
        manifest.load(folder)


def test_all_invalid_fields_are_named_at_once() -> None:
    with pytest.raises(ManifestError) as caught:
        manifest.parse("{}")

    assert {"version", "labels", "sha256"} <= {message.split(":")[0] for message in str(caught.value).split("; ")}


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '"v1"'])
def test_anything_but_a_json_object_is_rejected(text: str) -> None:
    with pytest.raises(ManifestError):
        manifest.parse(text)


def test_unknown_keys_are_ignored(folder: Path) -> None:
    change(folder, remark="trained on a Sunday")

    assert manifest.load(folder).version == "v1"
