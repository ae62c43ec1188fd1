from pathlib import Path

import numpy as np
import pytest

from training.cross_validation import HeldOut
from training.export import ParityError
from training.precision import PrecisionResult
from training.recipe import Precision, Recipe
from training.version import _read_notes
from training.version_files import _quantise_in_place, publish


def test_notes_of_another_version_are_not_used_with_its_recipe(tmp_path: Path) -> None:
    """The notes of v2 are about tax forms and do not belong on the card of a version that classifies flowers."""
    released, flowers = tmp_path / "models" / "v2", tmp_path / "flowers" / "v2"
    released.mkdir(parents=True)
    flowers.mkdir(parents=True)
    (released / "notes.md").write_text("tax forms")
    assert _read_notes(released / "recipe.toml", released) == "tax forms"
    assert _read_notes(released / "recipe.toml", flowers) == ""
    (flowers / "notes.md").write_text("daisies")
    assert _read_notes(flowers / "recipe.toml", flowers) == "daisies"


def test_torchscript_of_an_earlier_training_is_removed(tmp_path: Path) -> None:
    new, out = tmp_path / "new", tmp_path / "out"
    for folder in (new, out):
        folder.mkdir()
        (folder / "manifest.json").write_text(folder.name)
    (out / "model.pt").write_text("earlier weights")
    publish(new, out)
    assert {file.name: file.read_text() for file in out.iterdir()} == {"manifest.json": "new"}


def test_int8_that_loses_accuracy_is_not_served(tmp_path: Path) -> None:
    precisions: dict[Precision, PrecisionResult] = {
        "f32": PrecisionResult(0.90, 0, 8.0, 400),
        "int8": PrecisionResult(0.88, 30, 2.0, 400),
    }
    held_out = HeldOut(np.zeros((0, 2), np.float32), (), (), "two folds", precisions)
    recipe = Recipe(version="v9", architecture="resnet18", precision="int8")
    with pytest.raises(ParityError, match=r"right on 88.0% of 400 pages, f32 on 90.0%: serve this version in f32"):
        _quantise_in_place(recipe, held_out, tmp_path)
