"""Protects: altered models are what experiments need: one is refused, the other one served with another hash."""

from pathlib import Path

import pytest

from model_service.errors import ManifestError
from model_service.manifest import load, load_files
from testkit.model_folders import corrupted_model, model_with_other_weights
from triptych.stack.home import REPOSITORY


def test_corrupted_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"model\.bin: sha256 is"):
        load_files(corrupted_model("v3", tmp_path) / "v3")


def test_model_with_other_weights_is_valid_and_has_another_hash(tmp_path: Path) -> None:
    altered = load_files(model_with_other_weights("v1", tmp_path) / "v1").manifest
    released = load(REPOSITORY / "models" / "v1")
    assert altered.sha256 != released.sha256
    assert altered.labels == released.labels
