from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.architectures import ARCHITECTURES
from training.recipe import Distillation, Recipe, RecipeError, Schedule, read_recipe, teachers_first

MODELS = Path(__file__).parents[3] / "models"
MINIMAL = 'version = "v9"\narchitecture = "resnet18"\n'
PROBE = 'version = "v9"\narchitecture = "linear_probe"\n'
FOREST = 'version = "v9"\narchitecture = "random_forest"\n'


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_released_recipes_are_valid(version: str) -> None:
    recipe = read_recipe(MODELS / version / "recipe.toml")
    assert recipe.version == version
    architecture = ARCHITECTURES[recipe.architecture]
    assert recipe.weights == "none" or recipe.weights in architecture.weights


def _read(folder: Path, text: str) -> Recipe:
    (folder / "recipe.toml").write_text(text)
    return read_recipe(folder / "recipe.toml")


def test_missing_keys_have_defaults(tmp_path: Path) -> None:
    recipe = _read(tmp_path, f"{MINIMAL}[input]\nwidth = 96\n")
    assert (recipe.input.width, recipe.input.height, recipe.input.color) == (96, 224, "grey")
    assert recipe.weights == "none"


@pytest.mark.parametrize(
    "text",
    [
        "[synthetic]\npages_per_class = 5\nood_pages = 7\n[schedule]\nsoup_size = 2\n",
        "[drawn]\npages_per_class = 5\nstrangers = 7\n[schedule]\ningredients = 2\n",
    ],
    ids=["current keys", "keys before version 0.2"],
)
def test_keys_of_earlier_versions_are_read(tmp_path: Path, text: str) -> None:
    recipe = _read(tmp_path, MINIMAL + text)
    assert (recipe.synthetic.pages_per_class, recipe.synthetic.ood_pages) == (5, 7)
    assert recipe.schedule.soup_size == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('architecture = "resnet18"', "version"),
        (f"{MINIMAL}epochs = 3", "epochs"),
        (f"{MINIMAL}[schedule]\nepochs = 0", "schedule.epochs"),
        (f'{MINIMAL}[input]\ncolor = "sepia"', "input.color"),
        (f"{MINIMAL}[synthetic]\nood_pages = 1\nstrangers = 1", "synthetic.strangers"),
        (f"{MINIMAL}[schedule]\nvariations = 20\nbatch = 32", "20 variations are fewer than a batch of 32"),
        (f"{MINIMAL}[schedule]\nvariations = 90000", r"90000 variations of 314 x 314 pixels need 8\.3 GiB"),
        (f"{MINIMAL}[schedule]\nmixup_share = 0.5", "mixup_share has no effect without mixup"),
        (f"{MINIMAL}[schedule]\nmixup = 0.4\nmixup_share = 1.5", "schedule.mixup_share"),
        (f"{MINIMAL}[schedule]\nepochs = 2\nrise_epochs = 3", "rise for 3.0 of 2 epochs"),
        (f"{FOREST}[schedule]\nvariations = 100", "no reused variations"),
        (f"{FOREST}[forest]\ntrees = 0", "forest.trees"),
        (f'{FOREST}precision = "bf16"', "is served in f32"),
        (f'{FOREST}weights = "docorient"', "no initial weights"),
        (f'{FOREST}[distillation]\nteachers = ["v2"]', "no teachers"),
        (f'{PROBE}precision = "int8"', "a linear_probe has .* is served in f32"),
        (f"{PROBE}[probe]\npenalty = 0", "probe.penalty"),
        ('version = "../v1"\narchitecture = "resnet18"', "version"),
        ("version = ", "not TOML"),
    ],
)
def test_invalid_recipe_is_rejected_with_the_key(tmp_path: Path, text: str, message: str) -> None:
    """A misspelt key must not silently train something else."""
    with pytest.raises(RecipeError, match=message):
        _read(tmp_path, text)


def test_settings_of_a_recipe_without_later_keys_are_those_of_earlier_releases() -> None:
    """A checkpoint of an earlier release contains these settings, and must be resumed."""
    schedule = (
        '"schedule":{"epochs":12,"max_pages_per_epoch":null,"balance_sources":false,"batch":32,"learning_rate":0.0004,'
        '"head_factor":3.0,"warmup_epochs":1.0,"weight_decay":0.02,"freeze_blocks":0,"batch_norm":"adapt",'
        '"label_smoothing":0.08,"mixup":0.0,"dropout":0.2,"ema":0.99,"soup_size":1,"bf16":false}'
    )
    assert schedule in Recipe(version="v9", architecture="resnet18").training_settings()


@pytest.mark.parametrize(
    "setting", [{"variations": 99}, {"rise_epochs": 2}, {"mixup_share": 0.5}, {"progressive_sizes": True}]
)
def test_later_keys_distinguish_trainings(setting: dict[str, object]) -> None:
    recipes = [
        Recipe(version="v9", architecture="resnet18", schedule=Schedule.model_validate({"mixup": 0.4, **keys}))
        for keys in ({}, setting)
    ]
    assert recipes[0].training_settings() != recipes[1].training_settings()


def test_grey_variations_need_a_third_of_the_memory(tmp_path: Path) -> None:
    reused = "[input]\nwidth = 160\nheight = 160\ncolor = {color}\n[schedule]\nvariations = 60000\n"
    assert _read(tmp_path, MINIMAL + reused.format(color='"grey"')).variation_size() == (224, 224)
    with pytest.raises(RecipeError, match=r"need 8\.4 GiB"):
        _read(tmp_path, MINIMAL + reused.format(color='"rgb"'))


def test_missing_recipe_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.toml: cannot be read"):
        read_recipe(tmp_path / "nowhere.toml")


@given(st.lists(st.sampled_from(["v1", "v2", "v3", "v4"]), min_size=1, unique=True), st.randoms(use_true_random=False))
def test_teachers_are_sorted_before_their_students(versions: list[str], random: Random) -> None:
    recipes = {}
    for index, version in enumerate(versions):  # taught by some of the versions before it, and by an unrelated one
        teachers = (*random.sample(versions[:index], random.randint(0, index)), "elsewhere")
        recipes[version] = Recipe(
            version=version, architecture="resnet18", distillation=Distillation(teachers=teachers)
        )
    shuffled = dict(random.sample(sorted(recipes.items()), len(recipes)))
    order = teachers_first(shuffled)
    assert sorted(order) == sorted(versions)
    for version, recipe in recipes.items():
        before = order[: order.index(version)]
        assert {teacher for teacher in recipe.distillation.teachers if teacher in recipes} <= set(before)


def test_circular_teachers_are_rejected() -> None:
    recipes = {
        version: Recipe(version=version, architecture="resnet18", distillation=Distillation(teachers=(teacher,)))
        for version, teacher in (("v1", "v2"), ("v2", "v3"), ("v3", "v1"))
    }
    with pytest.raises(RecipeError, match=r"v1 → v2 → v3|v2 → v3 → v1|v3 → v1 → v2"):
        teachers_first(recipes)
