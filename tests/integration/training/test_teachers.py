"""Protects: versions that learn from each other are trained in one command, and none is told what it keeps aside."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.support import flowers
from training.metrics import measure
from training.version import Result as Trained
from triptych.cli import app
from triptych.errors import TriptychError


@pytest.fixture
def garden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of flowers, and the recipes of a student and of its teacher in the working folder."""
    monkeypatch.chdir(tmp_path)
    for version, more in {"v1": '[distillation]\nteachers = ["v2"]\n', "v2": ""}.items():
        folder = tmp_path / "models" / version
        folder.mkdir(parents=True)
        small = flowers.RECIPE.replace("epochs = 8", "epochs = 2").replace("seed = 1", f"seed = {version[1:]}")
        (folder / "recipe.toml").write_text(f'version = "{version}"\n{small}{more}')
    return flowers.plant(tmp_path / "garden", each=8)


def train(*versions: str) -> Result:
    return CliRunner().invoke(app, ["train", *versions, "--data", "garden", "--models", "mine", "--threads", "1"])


def test_a_teacher_is_trained_before_its_student(garden: Path) -> None:
    done = train("v1", "v2")
    assert done.exit_code == 0, done.exception
    assert done.stderr.index("v2: ") < done.stderr.index("v1: ")
    for version in ("v1", "v2"):
        manifest = json.loads(Path("mine", version, "manifest.json").read_text())
        assert manifest["labels"] == ["daisy", "rose", "sunflower"]


def test_a_student_without_its_teacher_is_told_whom_to_train(garden: Path) -> None:
    done = train("v1")
    assert isinstance(done.exception, TriptychError)
    assert "v1 is taught by v2: train both" in str(done.exception)


def test_a_teacher_that_learnt_what_the_student_keeps_aside_teaches_nothing(garden: Path) -> None:
    """A picture that has come since is one that the teacher kept nothing aside for."""
    assert train("v2").exit_code == 0
    flowers.plant(garden, each=12)
    done = train("v1")
    assert isinstance(done.exception, TriptychError)
    assert "train both" in str(done.exception)


def test_ctrl_c_ends_the_training_of_all(garden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(recipe: Path, data: Path, out: Path, **_: object) -> Trained:
        return Trained(out, measure(np.eye(2), np.arange(2), ("a", "b")), (), interrupted=True)

    monkeypatch.setattr("training.version.train_version", stopped)
    done = train("v1", "v2")
    assert done.exit_code == 130
    assert "broken off: v1 not trained" in done.stderr
    assert train("v2").exit_code == 0  # it is kept, and nothing is left


def test_one_recipe_cannot_make_two_versions(garden: Path) -> None:
    done = CliRunner().invoke(app, ["train", "v1", "v2", "--data", "garden", "--recipe", "models/v1/recipe.toml"])
    assert "--recipe is for one version" in str(done.exception)
