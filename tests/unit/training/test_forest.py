"""Protects: a forest of tensors predicts what scikit-learn's forest predicts, and learns from the training set."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]

from tests.support.shaded_pages import ShadedPages, as_input
from training.data import OOD_LABEL
from training.forest import ForestModel, NodeTables, fit_forest, page_features
from training.metrics import softmax
from training.page_features import PageFeatures
from training.recipe import RANDOM_FOREST, Forest, Input, Recipe

RECIPE = Recipe(
    version="v9",
    architecture=RANDOM_FOREST,
    input=Input(width=32, height=32),
    forest=Forest(trees=50, min_pages_per_leaf=1, features_per_split=0.2, variants=0),
)


def _pages(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def _probabilities(model: ForestModel, pages: NDArray[np.uint8]) -> NDArray[np.float64]:
    with torch.no_grad():
        return softmax(model(torch.from_numpy(pages)).numpy())


@pytest.mark.parametrize("max_depth", [1, 4, 20])
def test_probabilities_are_those_of_scikit_learn(max_depth: int) -> None:
    features, pages = PageFeatures("grey"), _pages(60)
    values = page_features(features, iter(pages))
    truth = np.random.default_rng(1).integers(0, 3, 60)
    forest = RandomForestClassifier(30, max_depth=max_depth, random_state=0).fit(values, truth)
    unseen = _pages(40, seed=2)
    expected = forest.predict_proba(page_features(features, iter(unseen)))
    model = ForestModel(features, NodeTables.of(forest, 3))
    assert _probabilities(model, unseen) == pytest.approx(expected, abs=1e-5)


def test_label_that_no_page_has_keeps_its_place() -> None:
    """A fold of a cross-validation may hold out every page of a label."""
    features, pages = PageFeatures("grey"), _pages(20)
    forest = RandomForestClassifier(5, bootstrap=False, random_state=0)
    forest.fit(page_features(features, iter(pages)), np.repeat([0, 2], 10))
    probabilities = _probabilities(ForestModel(features, NodeTables.of(forest, 4)), pages)
    assert probabilities[:, [1, 3]].max() < 1e-5
    assert (probabilities.argmax(axis=1) == np.repeat([0, 2], 10)).all()


PAGES = ShadedPages(32, 32)


def test_forest_learns_the_labels_and_doubts_unknown_pages() -> None:
    model = fit_forest(RECIPE, 2, [*PAGES.known, *PAGES.unknown], threads=1)
    known, unknown = (PAGES.page(1, 99), PAGES.page(OOD_LABEL, 99))
    assert _probabilities(model, as_input(known))[0, 1] > 0.7
    assert abs(_probabilities(model, as_input(unknown))[0, 1] - 0.5) < 0.2


def test_seed_determines_the_forest() -> None:
    recipe = RECIPE.model_copy(update={"forest": RECIPE.forest.model_copy(update={"variants": 1})})
    first, again = (fit_forest(recipe, 2, PAGES.known, threads=threads).state_dict() for threads in (1, 2))
    other = fit_forest(recipe.model_copy(update={"seed": 7}), 2, PAGES.known, threads=1).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["feature"].shape != other["feature"].shape or not torch.equal(first["feature"], other["feature"])
