import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.flowers import plant
from tests.support.tiny_model import write_tiny_model
from triptych.cli import app
from triptych.errors import TriptychError

LABELS = ("daisy", "rose", "sunflower")


def run(*arguments: object) -> str:
    """Run the command; what it cannot do is raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for seed, version in enumerate(("v1", "v2")):
        write_tiny_model(tmp_path / "models", version, labels=LABELS, color="rgb", seed=seed)
    return tmp_path / "models"


def test_evaluate_prints_json_that_scripts_can_use(models: Path, tmp_path: Path) -> None:
    garden, picture = plant(tmp_path / "garden", each=2), tmp_path / "vote.png"
    told = json.loads(run("evaluate", "v1", "v2", "--data", garden, "--models", models, "--json", "--picture", picture))
    assert told["images"] == 6
    for version in ("v1", "v2"):
        assert {"accuracy", "macro_f1", "ece", "recall"} <= set(told["versions"][version])
    assert {"accuracy", "macro_f1", "flagged"} <= set(told["vote"])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_evaluate_prints_a_table_for_people(models: Path, tmp_path: Path) -> None:
    table = run("evaluate", "v1", "v2", "--data", plant(tmp_path / "garden", each=2), "--models", models)
    for expected in ("accuracy", "macro-F1", "found of sunflower", "vote", "6 documents"):
        assert expected in table


def test_what_cannot_be_measured_is_said_in_a_sentence(models: Path, tmp_path: Path) -> None:
    with pytest.raises(TriptychError, match="is not a folder"):
        run("evaluate", "v1", "--data", tmp_path / "nowhere", "--models", models)
    with pytest.raises(TriptychError, match="v7"):
        run("evaluate", "v7", "--data", plant(tmp_path / "garden", each=2), "--models", models)


def test_what_cannot_be_trained_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A person's first mistakes: a version without a recipe, and a folder with a single label."""
    garden = plant(tmp_path / "garden", each=2, labels=("rose",))
    with pytest.raises(TriptychError, match=r"recipe\.toml: cannot be read"):
        run("train", "v9", "--data", garden, "--models", tmp_path / "models")
    recipe = tmp_path / "small.toml"
    recipe.write_text('version = "v9"\narchitecture = "resnet18"\n')
    with pytest.raises(TriptychError, match="at least two labels"):
        run("train", "v9", "--data", garden, "--models", tmp_path / "models", "--recipe", recipe)
