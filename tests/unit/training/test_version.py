from pathlib import Path

import numpy as np
import pytest

from training.cross_validation import Held
from training.export import ParityError
from training.precision import Row
from training.recipe import Precision, Recipe
from training.version import _notes, _publish, _serve_int8


def test_a_borrowed_recipe_does_not_lend_its_story(tmp_path: Path) -> None:
    """The notes beside v2's recipe tell of tax forms; a card about daisies that is made by it must not."""
    own, garden = tmp_path / "models" / "v2", tmp_path / "garden" / "v2"
    own.mkdir(parents=True)
    garden.mkdir(parents=True)
    (own / "notes.md").write_text("tax forms")
    assert _notes(own / "recipe.toml", own) == "tax forms"
    assert _notes(own / "recipe.toml", garden) == ""
    (garden / "notes.md").write_text("daisies")
    assert _notes(garden / "recipe.toml", garden) == "daisies"


def test_what_an_earlier_training_exported_does_not_stay_beside_a_new_network(tmp_path: Path) -> None:
    made, out = tmp_path / "made", tmp_path / "out"
    for folder in (made, out):
        folder.mkdir()
        (folder / "manifest.json").write_text(folder.name)
    (out / "model.pt").write_text("of the weights before")
    _publish(made, out)
    assert {file.name: file.read_text() for file in out.iterdir()} == {"manifest.json": "made"}


def test_int8_that_costs_accuracy_is_not_served(tmp_path: Path) -> None:
    """Speed is no reason to be wrong more often: the training ends, and says what the recipe should say."""
    table: dict[Precision, Row] = {"f32": Row(0.90, 0, 8.0, 400), "int8": Row(0.88, 30, 2.0, 400)}
    held = Held(np.zeros((0, 2), np.float32), (), (), "two folds", table)
    recipe = Recipe(version="v9", architecture="resnet18", precision="int8")
    with pytest.raises(ParityError, match=r"right on 88.0% of 400 pages, f32 on 90.0%: serve this version in f32"):
        _serve_int8(recipe, held, tmp_path)
