from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from model_service.engine import load_model
from tests.support.small_architecture import SMALL
from tests.support.tiny_model import write_tiny_model
from training.augmented_pages import AugmentedPages, load_batches
from training.data import DataError, LabelledDocument, Page
from training.distillation import TeacherEnsemble
from training.recipe import Recipe, read_recipe
from training.reused_variations import make_variations
from training.train import Resources, fit

pytestmark = pytest.mark.xdist_group("export")  # one worker imports what exports need

LABELS = ("daisy", "rose")
RECIPE = (
    f'version = "v2"\narchitecture = "{SMALL}"\n[input]\nwidth = 32\nheight = 32\n'
    "[schedule]\nepochs = {epochs}\nbatch = 4\nwarmup_epochs = 0\n"
)


def test_probabilities_are_the_mean_of_what_the_teachers_serve(tmp_path: Path) -> None:
    """At temperature 1, a teacher gives the same probabilities as the model service."""
    for seed, version in enumerate(("v1", "v2")):
        write_tiny_model(tmp_path, version, labels=LABELS, seed=seed)
    pages = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    ensemble = TeacherEnsemble.released([tmp_path / "v1", tmp_path / "v2"], LABELS)
    served = [load_model(tmp_path / version) for version in ("v1", "v2")]
    for row, page in zip(ensemble(torch.from_numpy(pages), 1.0).numpy(), pages, strict=True):
        assert row == pytest.approx(np.mean([model.score(page[None]) for model in served], axis=0), abs=1e-5)


def test_pages_are_resized_to_the_input_of_the_teacher(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, "v1", labels=LABELS, size=(64, 48))
    grey = torch.full((2, 32, 32, 3), 90, dtype=torch.uint8)
    ensemble = TeacherEnsemble.released([tmp_path / "v1"], LABELS)
    expected = load_model(tmp_path / "v1").score(np.full((1, 48, 64, 3), 90, dtype=np.uint8))
    assert ensemble(grey, 1.0).numpy()[0] == pytest.approx(expected, abs=1e-5)


def test_size_is_the_largest_input_of_the_teachers(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, "v1", labels=LABELS, size=(64, 48))
    write_tiny_model(tmp_path, "v2", labels=LABELS, size=(40, 56))
    assert TeacherEnsemble.released([tmp_path / "v1", tmp_path / "v2"], LABELS).size == (56, 64)


def test_teacher_with_other_labels_is_rejected(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, "v1", labels=("daisy", "tulip"))
    with pytest.raises(DataError, match=r"has other labels \(daisy, tulip\): train both"):
        TeacherEnsemble.released([tmp_path / "v1"], LABELS)


@pytest.fixture(scope="module")
def train() -> list[Page]:
    """Return the training set of a fold."""
    rng = np.random.default_rng(3)
    return [
        Page(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8), LabelledDocument(Path(f"{n}.png"), n % 2, "ann"))
        for n in range(8)
    ]


@pytest.fixture(scope="module")
def folder(train: list[Page], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the recipe of v2 and, in `runs`, its checkpoint for this fold."""
    folder = tmp_path_factory.mktemp("distillation")
    (folder / "v2").mkdir()
    (folder / "v2" / "recipe.toml").write_text(RECIPE.format(epochs=1))
    recipe, checkpoint = read_recipe(folder / "v2" / "recipe.toml"), folder / "runs" / "v2" / "fold-1.pt"
    fit(recipe, LABELS, train, [], checkpoint, resources=Resources(1, 0), console=Console(quiet=True))
    return folder


def test_fold_accepts_only_a_teacher_with_the_same_training_set(train: list[Page], folder: Path) -> None:
    """A teacher that was trained on held-out pages would make the cross-validation of the student optimistic."""
    arguments = [folder / "v2"], LABELS, folder / "runs", "fold-1"
    probabilities = TeacherEnsemble.of_fold(*arguments, train)(torch.zeros((2, 32, 32, 3), dtype=torch.uint8), 1.0)
    assert probabilities.sum(dim=1).numpy() == pytest.approx(np.ones(2))
    extra = Page(train[0].pixels, LabelledDocument(Path("held-out.png"), 0, "bob"))
    for other in (train[1:], [*train, extra]):
        with pytest.raises(DataError, match="teacher v2 was not trained on exactly the pages of fold-1"):
            TeacherEnsemble.of_fold(*arguments, other)


def test_reused_variations_keep_what_the_teachers_of_the_fold_predict(train: list[Page], folder: Path) -> None:
    """Teachers see an augmented page at their own sizes, whether it is reused or not."""
    teacher = TeacherEnsemble.of_fold([folder / "v2"], LABELS, folder / "runs", "fold-1", train)
    settings = {"version": "v1", "architecture": SMALL, "input": {"width": 40, "height": 40}}
    recipe = Recipe.model_validate({**settings, "schedule": {"variations": 8, "batch": 4}})
    made = make_variations(recipe, train, teacher, 0, lambda _count: None)
    for start, batch in enumerate(load_batches(AugmentedPages(train, recipe, 0, (56, 56)), recipe, 0)):
        some = slice(4 * start, 4 * start + 4)
        assert made.labels[some].tolist() == batch.labels.tolist()
        assert made.teacher_probabilities is not None
        expected = teacher(batch.pages, recipe.distillation.temperature)
        torch.testing.assert_close(made.teacher_probabilities[some], expected)


def test_unfinished_teacher_is_rejected(train: list[Page], folder: Path, tmp_path: Path) -> None:
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2" / "recipe.toml").write_text(RECIPE.format(epochs=2))
    with pytest.raises(DataError, match="train both"):
        TeacherEnsemble.of_fold([tmp_path / "v2"], LABELS, folder / "runs", "fold-1", train)
