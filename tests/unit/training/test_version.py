from pathlib import Path

import numpy as np
import pytest

from training.export import ParityError
from training.held_out import Held
from training.precision import Row
from training.recipe import Precision, Recipe
from training.version import _serve_int8


def test_int8_that_costs_accuracy_is_not_served(tmp_path: Path) -> None:
    """Speed is no reason to be wrong more often: the training ends, and says what the recipe should say."""
    table: dict[Precision, Row] = {"f32": Row(0.90, 0, 8.0, 400), "int8": Row(0.88, 30, 2.0, 400)}
    held = Held(np.zeros((0, 2), np.float32), (), (), "two folds", table)
    recipe = Recipe(version="v9", architecture="resnet18", precision="int8")
    with pytest.raises(ParityError, match=r"right on 88.0% of 400 pages, f32 on 90.0%: serve this version in f32"):
        _serve_int8(recipe, held, tmp_path)
