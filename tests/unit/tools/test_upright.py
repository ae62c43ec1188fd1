"""Protects: the network that recognises upright pages can be trained again from a folder of documents."""

import csv
from pathlib import Path

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
import pytest

from decoding.orientation import VIEW_SIDE
from model_service.inference import openvino_core
from model_service.orientation import orbit
from tests.support.pages import encode, page
from tools.upright.__main__ import main
from tools.upright.augmentation import vary
from tools.upright.pages import SHORTER_SIDE, UprightPage, target_of
from training.data import LabelledDocument

BROKEN = b"\x89PNG\r\n\x1a\n" + bytes(50)
UPRIGHT = [0.97, 0.01, 0.01, 0.01]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two readable documents and a broken one, each with a source of its own."""
    documents = tmp_path / "documents"
    for name in ("form/one.png", "letter/two.png"):
        file = documents / name
        file.parent.mkdir(parents=True)
        file.write_bytes(encode(page(), "PNG"))
    (documents / "letter" / "broken.png").write_bytes(BROKEN)
    with (documents / "manifest.csv").open("w", newline="") as manifest:
        csv.writer(manifest).writerows([("file", "source"), ("form/one.png", "office"), ("letter/two.png", "archive")])
    return documents


def test_one_step_writes_a_graph_that_the_service_can_use(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "upright.xml"
    main([str(folder), "--steps", "1", "--out", str(out)])

    graph = openvino_core().compile_model(openvino_core().read_model(out), "CPU")
    assert graph.input(0).element_type == ov.Type.u8
    [probabilities] = graph(np.zeros((3, VIEW_SIDE, VIEW_SIDE), np.uint8)).values()
    assert probabilities.shape == (3, 4)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)
    printed = capsys.readouterr()
    assert "2 pages to train with" in printed.out
    assert "broken.png" in printed.err


def test_a_network_that_is_measured_on_other_sources_is_not_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "upright.xml"
    main([str(folder), "--steps", "1", "--out", str(out), "--held-out", "archive"])

    assert not out.exists()
    assert "1 pages to train with, 1 to measure" in (printed := capsys.readouterr().out)
    assert "| threshold | 0° | 90° | 180° | 270° |" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--held-out", "museum"], "no document has the source or family museum"),
        (["--held-out", "office", "archive", ""], "every document is held out"),
    ],
)
def test_sources_that_cannot_be_held_out_are_named(folder: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        main([str(folder), "--steps", "1", *arguments])


def test_a_folder_without_a_readable_page_is_an_error(tmp_path: Path) -> None:
    for label in ("form", "letter"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "broken.png").write_bytes(BROKEN)

    with pytest.raises(SystemExit, match="no readable upright page"):
        main([str(tmp_path), "--steps", "1", "--out", str(tmp_path / "upright.xml")])


@pytest.mark.parametrize("arguments", [["--steps", "0"], ["--out", "nowhere/upright.xml"], ["--out", "upright.bin"]])
def test_an_option_that_would_fail_after_the_training_fails_before(folder: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(folder), *arguments])


def test_a_page_is_a_certain_example_only_if_its_orientation_can_be_seen() -> None:
    recognised = np.array([np.roll(UPRIGHT, turn) for turn in range(4)])
    turned = np.array([np.roll(UPRIGHT, turn + 1) for turn in range(4)])
    blank = np.full((4, 4), 0.25)

    assert target_of(recognised) == pytest.approx([1, 0, 0, 0])
    assert target_of(turned) is None
    assert target_of(blank) == pytest.approx([0.625, 0.125, 0.125, 0.125])


def test_variations_keep_the_orientation_of_a_page() -> None:
    """A page with a dark top third: every varied view is darker there than below."""
    surroundings = np.full((SHORTER_SIDE + 100, SHORTER_SIDE), 230, np.uint8)
    surroundings[: len(surroundings) // 2] = 60
    document = UprightPage(
        LabelledDocument(Path("page.png"), 0),
        surroundings[66:-66, 16:-16],
        surroundings,
        np.array([1, 0, 0, 0], np.float32),
    )
    rng = np.random.default_rng(0)
    views = [vary(document, rng) for _ in range(30)]

    assert {view.shape for view in views} == {(VIEW_SIDE, VIEW_SIDE)}
    darker_above = sum(view[:40].mean() < view[-40:].mean() for view in views)
    assert darker_above >= 27  # a few are inverted


def test_an_orbit_turns_clockwise() -> None:
    view = np.array([[1, 2], [3, 4]], np.uint8)

    assert orbit(view).tolist() == [[[1, 2], [3, 4]], [[3, 1], [4, 2]], [[4, 3], [2, 1]], [[2, 4], [1, 3]]]
