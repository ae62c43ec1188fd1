"""Protects: `triptych train` and `triptych evaluate` report results and mistakes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.flowers import write_flowers
from tests.support.tiny_model import write_tiny_model
from triptych.cli import app
from triptych.errors import TriptychError

LABELS = ("daisy", "rose", "sunflower")


def run(*arguments: object) -> str:
    """Run a command and raise its error, if any."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for seed, version in enumerate(("v1", "v2")):
        write_tiny_model(tmp_path / "models", version, labels=LABELS, color="rgb", seed=seed)
    return tmp_path / "models"


def test_evaluate_prints_json(models: Path, tmp_path: Path) -> None:
    garden, picture = write_flowers(tmp_path / "garden", each=2), tmp_path / "vote.png"
    evaluation = json.loads(
        run("evaluate", "v1", "v2", "--data", garden, "--models", models, "--json", "--picture", picture)
    )
    assert evaluation["images"] == 6
    for version in ("v1", "v2"):
        assert {"accuracy", "macro_f1", "ece", "recall"} <= set(evaluation["versions"][version])
    assert {"accuracy", "macro_f1", "flagged"} <= set(evaluation["vote"])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_evaluate_prints_a_table(models: Path, tmp_path: Path) -> None:
    table = run("evaluate", "v1", "v2", "--data", write_flowers(tmp_path / "garden", each=2), "--models", models)
    for expected in ("accuracy", "macro-F1", "recall, sunflower", "vote", "6 documents"):
        assert expected in table


def test_evaluate_accepts_brackets_in_names_unreadable_files_and_missing_labels(models: Path, tmp_path: Path) -> None:
    garden = write_flowers(tmp_path / "garden", each=2, labels=("rose",))
    (garden / "rose" / "old [rose].png").write_bytes(b"\0not a picture")
    evaluation = json.loads(run("evaluate", "v1", "v2", "--data", garden, "--models", models, "--json"))
    assert evaluation["images"] == 2
    assert len(evaluation["skipped"]) == 1
    assert "old [rose].png" in evaluation["skipped"][0]
    assert set(evaluation["vote"]["recall"]) == {"rose"}


def test_evaluate_prints_its_result_even_if_the_picture_cannot_be_written(models: Path, tmp_path: Path) -> None:
    garden = write_flowers(tmp_path / "garden", each=2)
    (tmp_path / "file").write_text("in the way")
    arguments = ["evaluate", "v1", "--data", str(garden), "--models", str(models), "--json"]
    result = CliRunner().invoke(app, [*arguments, "--picture", str(tmp_path / "file" / "vote.png")])
    assert json.loads(result.stdout)["images"] == 6
    assert isinstance(result.exception, TriptychError)
    assert "picture cannot be written" in str(result.exception)


def test_evaluate_reports_a_missing_folder_or_version(models: Path, tmp_path: Path) -> None:
    with pytest.raises(TriptychError, match="is not a folder"):
        run("evaluate", "v1", "--data", tmp_path / "nowhere", "--models", models)
    with pytest.raises(TriptychError, match="v7"):
        run("evaluate", "v7", "--data", write_flowers(tmp_path / "garden", each=2), "--models", models)


def test_train_reports_common_mistakes(tmp_path: Path) -> None:
    garden = write_flowers(tmp_path / "garden", each=2, labels=("rose",))
    with pytest.raises(TriptychError, match=r"recipe\.toml: cannot be read"):
        run("train", "v9", "--data", garden, "--models", tmp_path / "models")
    recipe = tmp_path / "small.toml"
    recipe.write_text('version = "v9"\narchitecture = "resnet18"\n')
    with pytest.raises(TriptychError, match="at least two labels"):
        run("train", "v9", "--data", garden, "--models", tmp_path / "models", "--recipe", recipe)
    with pytest.raises(TriptychError, match="is the recipe of 'v9', not of 'v8'"):
        run("train", "v8", "--data", garden, "--models", tmp_path / "models", "--recipe", recipe)
    write_flowers(garden, each=2, labels=("daisy",))
    (garden / "tulip").mkdir()
    (garden / "tulip" / "half.png").write_bytes(b"\0not a picture")
    with pytest.raises(TriptychError, match="no document of the label 'tulip' could be read"):
        run("train", "v9", "--data", garden, "--models", tmp_path / "models", "--recipe", recipe)
    (garden / ("t" * 101)).mkdir()
    with pytest.raises(TriptychError, match="has more than 100 characters"):
        run("train", "v9", "--data", garden, "--models", tmp_path / "models", "--recipe", recipe)
