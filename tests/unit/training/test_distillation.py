from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from model_service.engine import load_model
from tests.support.tiny_model import write_tiny_model
from training.data import DataError, Document, Page
from training.distillation import Teachers
from training.recipe import read_recipe
from training.train import Resources, fit

LABELS = ("daisy", "rose")
QUIET = Console(quiet=True)


def test_the_opinion_is_the_mean_of_what_the_teachers_serve(tmp_path: Path) -> None:
    """At temperature 1 a teacher must say exactly what its service says."""
    for seed, version in enumerate(("v1", "v2")):
        write_tiny_model(tmp_path, version, labels=LABELS, seed=seed)
    pages = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    opinion = Teachers.released([tmp_path / "v1", tmp_path / "v2"], LABELS)(torch.from_numpy(pages), 1.0).numpy()
    served = [load_model(tmp_path / version) for version in ("v1", "v2")]
    for row, page in zip(opinion, pages, strict=True):
        assert row == pytest.approx(np.mean([model.score(page[None]) for model in served], axis=0), abs=1e-5)


def test_a_teacher_of_another_size_sees_the_page_resized(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, "v1", labels=LABELS, size=(64, 48))
    grey = torch.full((2, 32, 32, 3), 90, dtype=torch.uint8)
    teachers = Teachers.released([tmp_path / "v1"], LABELS)
    expected = load_model(tmp_path / "v1").score(np.full((1, 48, 64, 3), 90, dtype=np.uint8))
    assert teachers(grey, 1.0).numpy()[0] == pytest.approx(expected, abs=1e-5)


def test_they_want_views_as_large_as_the_largest_of_them(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, "v1", labels=LABELS, size=(64, 48))
    write_tiny_model(tmp_path, "v2", labels=LABELS, size=(40, 56))
    assert Teachers.released([tmp_path / "v1", tmp_path / "v2"], LABELS).size == (56, 64)


def test_a_teacher_of_other_labels_is_refused(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, "v1", labels=("daisy", "tulip"))
    with pytest.raises(DataError, match=r"knows other labels \(daisy, tulip\): train both"):
        Teachers.released([tmp_path / "v1"], LABELS)


@pytest.fixture
def fold(tmp_path: Path) -> tuple[list[Page], Path]:
    """Pages of a fold, and the runs of a teacher that learnt from them and nothing else."""
    rng = np.random.default_rng(3)
    learn = [
        Page(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8), Document(Path(f"{number}.png"), number % 2, "ann"))
        for number in range(8)
    ]
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2" / "recipe.toml").write_text(
        'version = "v2"\narchitecture = "mobilenet_v2"\n[input]\nwidth = 32\nheight = 32\n'
        "[schedule]\nepochs = 1\nbatch = 4\nwarmup_epochs = 0\n"
    )
    recipe = read_recipe(tmp_path / "v2" / "recipe.toml")
    fit(recipe, LABELS, learn, [], tmp_path / "runs" / "v2" / "fold-1.pt", resources=Resources(1, 0), console=QUIET)
    return learn, tmp_path


def test_a_fold_is_taught_by_who_learnt_from_its_pages_and_no_other(fold: tuple[list[Page], Path]) -> None:
    """A teacher that saw what the fold holds out would tell, and the cross-validation would flatter the student."""
    learn, folder = fold
    ask = [folder / "v2"], LABELS, folder / "runs", "fold-1"
    opinion = Teachers.of_fold(*ask, learn)(torch.zeros((2, 32, 32, 3), dtype=torch.uint8), 1.0)
    assert opinion.sum(dim=1).numpy() == pytest.approx(np.ones(2))
    for others in (learn[1:], [*learn, Page(learn[0].pixels, Document(Path("held-out.png"), 0, "bob"))]):
        with pytest.raises(DataError, match="teacher v2 has not learnt from the pages of fold-1"):
            Teachers.of_fold(*ask, others)


def test_a_teacher_that_was_broken_off_teaches_nobody(fold: tuple[list[Page], Path]) -> None:
    learn, folder = fold
    recipe = folder / "v2" / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("epochs = 1", "epochs = 2"))
    with pytest.raises(DataError, match="train both"):
        Teachers.of_fold([folder / "v2"], LABELS, folder / "runs", "fold-1", learn)
