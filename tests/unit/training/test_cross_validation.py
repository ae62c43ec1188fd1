from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from torch import nn

from tests.support.small_architecture import SMALL
from training import cross_validation
from training.cross_validation import PageScores, TrainingInterrupted, VersionTraining, fit_and_validate
from training.data import OOD_LABEL, LabelledDocument, Page
from training.forest import ForestModel
from training.network import build_model
from training.precision import PrecisionResult
from training.recipe import RANDOM_FOREST, Forest, Input, Precision, Recipe, Validation
from training.train import FitResult, Resources

LABELS = ("form", "slides")
Predictions = tuple[PageScores, PageScores, dict[Precision, PrecisionResult]]
FOLDS = Recipe(version="v9", architecture=SMALL, validation=Validation(folds=2))
HOLDOUT = Recipe(version="v9", architecture=SMALL)


def _page(label: int, source: str, number: int) -> Page:
    document = LabelledDocument(Path(f"{source}-{number}.png"), label, source)
    return Page(np.full((8, 8), 20 * number, np.uint8), document)


def _pages_of_two_sources_per_label() -> list[Page]:
    return [_page(label, f"{'ab'[n % 2]}{label}", n) for label in range(2) for n in range(6)]


def _training(recipe: Recipe, runs: Path) -> VersionTraining:
    return VersionTraining(recipe, LABELS, runs, Resources(1, 0), None, Console(quiet=True))


def _predict(
    _recipe: Recipe, _fitted: FitResult, _train: list[Page], held_out: list[Page], ood: list[Page]
) -> Predictions:
    """Return zeros, instead of exporting the network."""
    held, others = (PageScores(np.zeros((len(p), 2), np.float32), np.ones(len(p), np.float32)) for p in (held_out, ood))
    return held, others, {}


@pytest.mark.parametrize("interrupted_fit", ["fold-1", "fold-2", "final"])
def test_interrupted_cross_validation_makes_no_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, interrupted_fit: str
) -> None:
    """The metrics of the folds do not apply to a model whose training was interrupted."""
    model = build_model(FOLDS, 2)
    monkeypatch.setattr(
        VersionTraining, "fit", lambda _self, name, _train, _val: FitResult(model, [], name == interrupted_fit)
    )
    monkeypatch.setattr(cross_validation, "_predict", _predict)
    with pytest.raises(TrainingInterrupted, match="no version was written"):
        fit_and_validate(_training(FOLDS, tmp_path), _pages_of_two_sources_per_label(), [], frozenset())


def test_training_interrupted_in_its_first_epoch_makes_no_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = build_model(HOLDOUT, 2)
    monkeypatch.setattr(VersionTraining, "fit", lambda *_: FitResult(model, [], interrupted=True))
    pages = [_page(n % 2, "a", n) for n in range(6)]
    with pytest.raises(TrainingInterrupted, match="before the end of the first epoch"):
        fit_and_validate(_training(HOLDOUT, tmp_path), pages, [], frozenset())


def test_no_page_is_classified_by_a_network_that_was_trained_on_its_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only synthetic pages are in every training set."""
    pages = _pages_of_two_sources_per_label()
    trained: dict[str, set[str]] = {}
    measured: dict[int, set[str]] = {}
    models: list[nn.Module] = []

    def fit(_self: VersionTraining, name: str, train: list[Page], validation: list[Page]) -> FitResult:
        trained[name] = {page.document.source for page in train}
        assert not validation
        models.append(build_model(FOLDS, 2))
        return FitResult(models[-1], [], interrupted=False)

    def predict(
        recipe: Recipe, fitted: FitResult, train: list[Page], held_out: list[Page], ood: list[Page]
    ) -> Predictions:
        measured[models.index(fitted.model)] = {page.document.source for page in held_out}
        return _predict(recipe, fitted, train, held_out, ood)

    monkeypatch.setattr(VersionTraining, "fit", fit)
    monkeypatch.setattr(cross_validation, "_predict", predict)
    synthetic = [_page(0, "synthetic", 9)]
    _, held_out = fit_and_validate(_training(FOLDS, tmp_path), pages, synthetic, frozenset({0}))
    assert set(trained) == {"fold-1", "fold-2", "final"}
    for number, name in enumerate(("fold-1", "fold-2")):
        assert trained[name].isdisjoint(measured[number])
        assert "synthetic" in trained[name]
    assert trained["final"] == {"a0", "b0", "a1", "b1", "synthetic"}
    assert sorted(page.document.file for page in held_out.pages) == sorted(page.document.file for page in pages)


def test_kinds_of_out_of_distribution_pages_are_held_out_in_turn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Otherwise the share of them below the threshold would be that of kinds that the network has seen."""
    trained: dict[str, set[str]] = {}

    def fit(_self: VersionTraining, name: str, train: list[Page], _validation: list[Page]) -> FitResult:
        trained[name] = {page.document.source for page in train if page.document.label == OOD_LABEL}
        return FitResult(build_model(FOLDS, 2), [], interrupted=False)

    monkeypatch.setattr(VersionTraining, "fit", fit)
    monkeypatch.setattr(cross_validation, "_predict", _predict)
    ood = [_page(OOD_LABEL, kind, number) for kind in ("maps", "photos") for number in range(2)]
    pages = _pages_of_two_sources_per_label()
    _, held_out = fit_and_validate(_training(FOLDS, tmp_path), pages, [], frozenset(), ood)
    assert trained == {"fold-1": {"photos"}, "fold-2": {"maps"}, "final": {"maps", "photos"}}
    assert [page.document.source for page in held_out.ood_pages] == ["maps", "maps", "photos", "photos"]
    assert held_out.ood_logits is not None
    assert held_out.ood_logits.shape == (4, 2)
    assert held_out.norms is not None
    assert held_out.ood_norms is not None
    assert (held_out.norms.shape, held_out.ood_norms.shape) == ((12,), (4,))


FOREST = Recipe(
    version="v9",
    architecture=RANDOM_FOREST,
    input=Input(width=32, height=32),
    forest=Forest(trees=2, variants=0),
    validation=Validation(folds=2),
)


def test_forest_is_validated_without_norms_of_features(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def predict(
        _recipe: Recipe, _fitted: FitResult, _train: list[Page], held_out: list[Page], ood: list[Page]
    ) -> Predictions:
        held, others = (PageScores(np.zeros((len(pages), 2), np.float32), None) for pages in (held_out, ood))
        return held, others, {}

    monkeypatch.setattr(cross_validation, "_predict", predict)
    fitted, held_out = fit_and_validate(_training(FOREST, tmp_path), _pages_of_two_sources_per_label(), [], frozenset())
    assert isinstance(fitted.model, ForestModel)
    assert held_out.norms is None
    assert held_out.ood_norms is None


def test_interrupted_forest_makes_no_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cross_validation, "fit_forest", interrupt)
    with pytest.raises(TrainingInterrupted, match="no version was written"):
        _training(FOREST, tmp_path).fit("final", _pages_of_two_sources_per_label(), [])
