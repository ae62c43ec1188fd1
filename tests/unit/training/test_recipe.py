from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.architectures import ARCHITECTURES
from training.recipe import Distillation, Recipe, RecipeError, read_recipe, teachers_first

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


@given(st.lists(st.sampled_from(["v1", "v2", "v3", "v4"]), min_size=1, unique=True), st.randoms(use_true_random=False))
def test_teachers_come_before_their_students(versions: list[str], dice: Random) -> None:
    recipes = {}
    for place, version in enumerate(versions):  # each is taught by some of those before it, and by one from elsewhere
        teachers = (*dice.sample(versions[:place], dice.randint(0, place)), "elsewhere")
        recipes[version] = Recipe(
            version=version, architecture="resnet18", distillation=Distillation(teachers=teachers)
        )
    mixed = dict(dice.sample(sorted(recipes.items()), len(recipes)))
    order = teachers_first(mixed)
    assert sorted(order) == sorted(versions)
    for version, recipe in recipes.items():
        before = order[: order.index(version)]
        assert {teacher for teacher in recipe.distillation.teachers if teacher in recipes} <= set(before)


def test_versions_that_teach_each_other_are_refused() -> None:
    recipes = {
        version: Recipe(version=version, architecture="resnet18", distillation=Distillation(teachers=(teacher,)))
        for version, teacher in (("v1", "v2"), ("v2", "v3"), ("v3", "v1"))
    }
    with pytest.raises(RecipeError, match=r"v1 is taught by v2 is taught by v3|v2 is taught by v3 is taught by v1"):
        teachers_first(recipes)
