from pathlib import Path

import pytest

from training.architectures import ARCHITECTURES
from training.recipe import RecipeError, read_recipe

MODELS = Path(__file__).parents[3] / "models"


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_released_recipes_are_valid(version: str) -> None:
    """A recipe that cannot be read any more would be found only when somebody trains again."""
    recipe = read_recipe(MODELS / version / "recipe.toml")
    assert recipe.version == version
    architecture = ARCHITECTURES[recipe.architecture]
    assert recipe.weights == "none" or recipe.weights in architecture.weights


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('version = "v9"\narchitecture = "resnet18"\n[input]\nwidth = 96\n')
    recipe = read_recipe(file)
    assert (recipe.input.width, recipe.input.height, recipe.input.color) == (96, 224, "grey")
    assert recipe.weights == "none"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('architecture = "resnet18"', "version"),
        ('version = "v1"\narchitecture = "resnet18"\nepochs = 3', "epochs"),
        ('version = "v1"\narchitecture = "resnet18"\n[schedule]\nepochs = 0', "schedule.epochs"),
        ('version = "v1"\narchitecture = "resnet18"\n[input]\ncolor = "sepia"', "input.color"),
        ('version = "../v1"\narchitecture = "resnet18"', "version"),
        ("version = ", "not TOML"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, text: str, named: str) -> None:
    """A typo in a recipe must not silently train something else."""
    file = tmp_path / "recipe.toml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=named):
        read_recipe(file)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.toml: cannot be read"):
        read_recipe(tmp_path / "nowhere.toml")
