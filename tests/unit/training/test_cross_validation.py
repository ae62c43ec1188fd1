from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from training import cross_validation
from training.data import Document, Page
from training.network import Served, make_graph
from training.precision import Row
from training.recipe import Precision, Recipe, Validation
from training.train import Fit, Resources

LABELS = ("form", "slides")


def _page(label: int, source: str, number: int) -> Page:
    return Page(np.full((8, 8), 20 * number, np.uint8), Document(Path(f"{source}-{number}.png"), label, source))


@pytest.mark.parametrize("last", ["fold-1", "fold-2", "final"])
def test_a_cross_validation_that_was_broken_off_makes_no_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, last: str
) -> None:
    """The folds' figures are not those of a network that had no time to learn, and must not stand on its card."""
    recipe = Recipe(version="v9", architecture="resnet18", validation=Validation(folds=2))
    pages = [_page(label, f"{'ab'[n % 2]}{label}", n) for label in range(2) for n in range(6)]
    graph = make_graph(recipe, 2)
    monkeypatch.setattr(cross_validation.Job, "fit", lambda _job, name, _learn, _aside: Fit(graph, [], name == last))
    monkeypatch.setattr(cross_validation, "_ask", lambda _job, _fitted, _learn, aside: (np.zeros((len(aside), 2)), {}))
    job = cross_validation.Job(recipe, LABELS, tmp_path, Resources(1, 0), None, Console(quiet=True))
    with pytest.raises(cross_validation.BrokenOff, match="no version was written"):
        cross_validation.fit_and_measure(job, pages, [], frozenset())


def test_a_training_that_was_broken_off_before_its_first_epoch_makes_no_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recipe = Recipe(version="v9", architecture="resnet18")
    graph = make_graph(recipe, 2)
    monkeypatch.setattr(cross_validation.Job, "fit", lambda *_: Fit(graph, [], interrupted=True))
    job = cross_validation.Job(recipe, LABELS, tmp_path, Resources(1, 0), None, Console(quiet=True))
    with pytest.raises(cross_validation.BrokenOff, match="before the first epoch"):
        cross_validation.fit_and_measure(job, [_page(n % 2, "a", n) for n in range(6)], [], frozenset())


def test_no_page_is_measured_by_a_network_that_saw_its_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The promise of source-wise cross-validation, seen from the fits: only drawn pages are in all of them."""
    recipe = Recipe(version="v9", architecture="resnet18", validation=Validation(folds=2))
    pages = [_page(label, f"{'ab'[n % 2]}{label}", n) for label in range(2) for n in range(6)]
    drawn = [_page(0, "drawn", 9)]
    learnt: dict[str, set[str]] = {}
    measured: dict[int, set[str]] = {}
    graphs: list[Served] = []

    def fit(job: cross_validation.Job, name: str, learn: list[Page], aside: list[Page]) -> Fit:
        learnt[name] = {page.document.source for page in learn}
        assert not aside
        graphs.append(make_graph(recipe, 2))
        return Fit(graphs[-1], [], interrupted=False)

    def answer(
        job: cross_validation.Job, fitted: Fit, learn: list[Page], asked: list[Page]
    ) -> tuple[np.ndarray, dict[Precision, Row]]:
        measured[graphs.index(fitted.graph)] = {page.document.source for page in asked}
        return np.zeros((len(asked), 2), np.float32), {}

    monkeypatch.setattr(cross_validation.Job, "fit", fit)
    monkeypatch.setattr(cross_validation, "_ask", answer)
    job = cross_validation.Job(recipe, LABELS, tmp_path, Resources(1, 0), None, Console(quiet=True))
    _, held = cross_validation.fit_and_measure(job, pages, drawn, frozenset({0}))
    assert set(learnt) == {"fold-1", "fold-2", "final"}
    for number, name in enumerate(("fold-1", "fold-2")):
        assert learnt[name].isdisjoint(measured[number])
        assert "drawn" in learnt[name]
    assert learnt["final"] == {"a0", "b0", "a1", "b1", "drawn"}
    assert sorted(page.document.file for page in held.pages) == sorted(page.document.file for page in pages)
