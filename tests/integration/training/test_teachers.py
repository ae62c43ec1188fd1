"""Protects: teachers are trained before their students, and never on what a student holds out."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.support.flowers import RECIPE, write_flowers
from tests.support.small_architecture import SMALL, small_architecture
from training.metrics import classification_metrics
from training.version import TrainedVersion
from triptych.cli import app
from triptych.errors import TriptychError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _small_architecture() -> Iterator[None]:
    with small_architecture():
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with flowers and the recipes of a student (v1) and of its teacher (v2); read-only."""
    folder = tmp_path_factory.mktemp("teachers")
    for version, distillation in {"v1": '[distillation]\nteachers = ["v2"]\n', "v2": ""}.items():
        (folder / "models" / version).mkdir(parents=True)
        recipe = RECIPE.replace("epochs = 3", "epochs = 2").replace("seed = 1", f"seed = {version[1:]}")
        recipe = recipe.replace("resnet18", SMALL)
        (folder / "models" / version / "recipe.toml").write_text(f'version = "{version}"\n{recipe}{distillation}')
    write_flowers(folder / "flowers", each=8)
    return folder


@pytest.fixture(scope="module")
def trained(template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return the folder in which both versions were trained, student first, and the output; read-only."""
    folder = tmp_path_factory.mktemp("trained") / "work"
    shutil.copytree(template, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, _train("v1", "v2")


def _train(*versions: str) -> Result:
    return CliRunner().invoke(app, ["train", *versions, "--data", "flowers", "--models", "mine", "--threads", "1"])


def _work_in_copy(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")


def test_teacher_is_trained_before_its_student(trained: tuple[Path, Result]) -> None:
    folder, result = trained
    assert result.exit_code == 0, result.exception
    assert result.stderr.index("v2: ") < result.stderr.index("v1: ")
    for version in ("v1", "v2"):
        manifest = json.loads((folder / "mine" / version / "manifest.json").read_text())
        assert manifest["labels"] == ["daisy", "rose", "sunflower"]


def test_student_learns_from_reused_variations(
    trained: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _work_in_copy(trained[0], monkeypatch, tmp_path)
    recipe = Path("mine/v1/recipe.toml").read_text("utf-8").replace('version = "v1"', 'version = "v3"')
    Path("mine/v3").mkdir()
    Path("mine/v3/recipe.toml").write_text(recipe.replace("batch = 6", "batch = 6\nvariations = 12"), "utf-8")
    result = _train("v3")
    assert result.exit_code == 0, result.exception
    assert "made 12 variations of 18 pages" in result.stderr
    assert (Path("mine/v3") / "manifest.json").exists()


def test_student_without_its_teacher_is_rejected(
    template: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _work_in_copy(template, monkeypatch, tmp_path)
    result = _train("v1")
    assert isinstance(result.exception, TriptychError)
    assert "v1 has the teacher v2: train both" in str(result.exception)


def test_teacher_with_another_training_set_is_rejected(
    trained: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After new pictures, the student's validation set is different, and the teacher may know its pages."""
    _work_in_copy(trained[0], monkeypatch, tmp_path)
    write_flowers(Path("flowers"), each=12)
    result = _train("v1")
    assert isinstance(result.exception, TriptychError)
    assert "was not trained on exactly the pages of holdout" in str(result.exception)


def test_ctrl_c_ends_the_training_of_all_versions(
    template: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(_recipe: Path, _data: Path, out: Path, **_options: object) -> TrainedVersion:
        metrics = classification_metrics(np.eye(2), np.arange(2), ("a", "b"))
        return TrainedVersion(out, metrics, (), interrupted=True)

    _work_in_copy(template, monkeypatch, tmp_path)
    monkeypatch.setattr("training.version.train_version", interrupted)
    result = _train("v1", "v2")
    assert result.exit_code == 130
    assert "Not trained: v1" in result.stderr
    assert _train("v2").exit_code == 0  # the version was written, and no version remains to train


def test_one_recipe_cannot_be_used_for_two_versions() -> None:
    result = CliRunner().invoke(app, ["train", "v1", "v2", "--data", "flowers", "--recipe", "models/v1/recipe.toml"])
    assert "--recipe can be used with one version only" in str(result.exception)
