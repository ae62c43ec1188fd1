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


def test_odd_names_and_few_labels_do_not_stop_a_measurement(models: Path, tmp_path: Path) -> None:
    """Brackets are no markup, a file that cannot be read is named, and not every label is at hand."""
    garden = plant(tmp_path / "garden", each=2, labels=("rose",))
    (garden / "rose" / "old [rose].png").write_bytes(b"not a picture")
    told = json.loads(run("evaluate", "v1", "v2", "--data", garden, "--models", models, "--json"))
    assert told["images"] == 2
    assert len(told["skipped"]) == 1
    assert "old [rose].png" in told["skipped"][0]
    assert set(told["vote"]["recall"]) == {"rose"}


def test_a_picture_that_cannot_be_written_costs_no_measurement(models: Path, tmp_path: Path) -> None:
    garden = plant(tmp_path / "garden", each=2)
    (tmp_path / "file").write_text("in the way")
    arguments = ["evaluate", "v1", "--data", str(garden), "--models", str(models), "--json"]
    result = CliRunner().invoke(app, [*arguments, "--picture", str(tmp_path / "file" / "vote.png")])
    assert json.loads(result.stdout)["images"] == 6
    assert isinstance(result.exception, TriptychError)
    assert "picture cannot be written" in str(result.exception)


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
    with pytest.raises(TriptychError, match="is the recipe of 'v9': it cannot make 'v8'"):
        run("train", "v8", "--data", garden, "--models", tmp_path / "models", "--recipe", recipe)
    plant(garden, each=2, labels=("daisy",))
    (garden / "tulip").mkdir()
    (garden / "tulip" / "half.png").write_bytes(b"not a picture")
    with pytest.raises(TriptychError, match="no document of the label 'tulip' could be read"):
        run("train", "v9", "--data", garden, "--models", tmp_path / "models", "--recipe", recipe)
    (garden / ("t" * 101)).mkdir()
    with pytest.raises(TriptychError, match="has more than 100 characters"):
        run("train", "v9", "--data", garden, "--models", tmp_path / "models", "--recipe", recipe)
