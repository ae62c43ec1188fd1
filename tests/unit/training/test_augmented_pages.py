from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.augmented_pages import AugmentedPages, sampling_weights
from training.data import OOD_LABEL, SYNTHETIC_SOURCE, LabelledDocument, Page
from training.recipe import Recipe, Schedule


def _pages(*groups: tuple[int, str, int]) -> list[Page]:
    """Return pages by label, source and count."""
    pixels = np.full((8, 8), 200, np.uint8)
    return [
        Page(pixels, LabelledDocument(Path(f"{source}-{label}-{number}.png"), label, source))
        for label, source, count in groups
        for number in range(count)
    ]


def _share(pages: list[Page], weights: np.ndarray, source: str, label: int = 0) -> float:
    chosen = [page.document.source == source and page.document.label == label for page in pages]
    return float(weights[chosen].sum())


def test_labels_are_sampled_by_the_square_root_of_their_size() -> None:
    pages = _pages((0, "a", 100), (1, "b", 25))
    weights = sampling_weights(pages)
    assert _share(pages, weights, "a") == pytest.approx(10 / 15)
    assert weights[:100] == pytest.approx([weights[0]] * 100)


def test_balanced_sources_are_sampled_by_the_square_root_of_their_size() -> None:
    pages = _pages((0, "archive", 100), (0, "office", 4))
    weights = sampling_weights(pages, balance_sources=True)
    assert _share(pages, weights, "archive") / _share(pages, weights, "office") == pytest.approx(5)


def test_balancing_does_not_change_the_share_of_synthetic_pages() -> None:
    pages = _pages((0, "archive", 50), (0, "office", 10), (0, SYNTHETIC_SOURCE, 20), (1, "b", 9))
    shares = [
        _share(pages, sampling_weights(pages, balance_sources=balanced), SYNTHETIC_SOURCE) for balanced in (False, True)
    ]
    assert shares[0] == pytest.approx(shares[1])


def test_balanced_real_ood_pages_count_as_much_as_synthetic_ones() -> None:
    pages = _pages((OOD_LABEL, "maps", 8), (OOD_LABEL, "photos", 2), (OOD_LABEL, SYNTHETIC_SOURCE, 90), (0, "a", 10))
    weights = sampling_weights(pages, balance_sources=True)
    real = _share(pages, weights, "maps", OOD_LABEL) + _share(pages, weights, "photos", OOD_LABEL)
    assert real == pytest.approx(_share(pages, weights, SYNTHETIC_SOURCE, OOD_LABEL))


@given(
    st.lists(
        st.tuples(st.integers(-1, 2), st.sampled_from(["a", "b", "", SYNTHETIC_SOURCE]), st.integers(1, 9)), min_size=1
    ),
    st.booleans(),
)
def test_every_page_can_be_sampled(groups: list[tuple[int, str, int]], balanced: bool) -> None:
    weights = sampling_weights(_pages(*groups), balanced)
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).all()


def test_recipe_limits_the_number_of_pages_in_an_epoch() -> None:
    pages = _pages((0, "a", 4), (1, "b", 4))
    for limit, expected in ((None, 8), (5, 5), (20, 8)):
        recipe = Recipe(version="v9", architecture="resnet18", schedule=Schedule(max_pages_per_epoch=limit))
        assert len(AugmentedPages(pages, recipe, 0, (8, 8))) == expected
