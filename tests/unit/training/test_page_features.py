"""Protects: the features of a forest are those of the literature, and whole numbers on every page."""

from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from training.page_features import (
    CELL,
    GRID,
    ORIENTATIONS,
    PATTERNS,
    PageFeatures,
    gradient_histograms,
    texture_histograms,
)


def _grey(height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).integers(0, 256, (height, width)).astype(np.float32)


def test_gradient_histograms_are_those_of_scikit_image() -> None:
    feature = pytest.importorskip("skimage.feature")
    page = _grey(5 * CELL, 4 * CELL)
    expected = feature.hog(page, ORIENTATIONS, (CELL, CELL), (2, 2), feature_vector=False)
    computed = gradient_histograms(torch.from_numpy(page)[None, None]).numpy()
    rows, columns = expected.shape[:2]
    blocks = computed.reshape(4, ORIENTATIONS, rows, columns).transpose(2, 3, 0, 1)
    assert blocks.reshape(expected.shape) == pytest.approx(expected, abs=1e-6)


def test_textures_are_counted_as_defined() -> None:
    """The definition, written as a loop over pixels."""
    page = _grey(10, 14) // 64  # few shades, so that neighbours are often equal
    expected = np.zeros((PATTERNS, GRID, GRID))
    for row in range(8):
        for column in range(12):
            nine = page[row : row + 3, column : column + 3]
            ring = nine[[0, 0, 0, 1, 2, 2, 2, 1], [0, 1, 2, 2, 2, 1, 0, 0]] >= nine[1, 1]
            changes = (ring != np.roll(ring, 1)).sum()
            expected[ring.sum() if changes <= 2 else PATTERNS - 1, row // 2, column // 3] += 1 / 6
    computed = texture_histograms(torch.from_numpy(page)[None, None]).numpy()
    assert computed.reshape(expected.shape) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=20)
@given(page=arrays(np.uint8, (40, 33, 3), elements=st.sampled_from([0, 1, 127, 128, 254, 255])))
@pytest.mark.parametrize("color", ["rgb", "grey"])
def test_features_are_whole_numbers_in_a_byte(page: NDArray[np.uint8], color: Literal["rgb", "grey"]) -> None:
    features = PageFeatures(color)(torch.from_numpy(page)[None])
    assert torch.equal(features, features.clamp(0, 255).round())


def test_features_of_a_page_do_not_depend_on_its_batch() -> None:
    pages = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (3, 48, 64, 3), dtype=np.uint8))
    features = PageFeatures("rgb")
    assert torch.equal(features(pages)[1], features(pages[1:2])[0])


def test_colours_are_features_of_coloured_input_only() -> None:
    red, green = torch.zeros((2, 1, 48, 48, 3), dtype=torch.uint8)
    red[..., 0], green[..., 1] = 150, 77  # the same grey
    assert not torch.equal(PageFeatures("rgb")(red), PageFeatures("rgb")(green))
    assert PageFeatures("grey")(red).shape[1] < PageFeatures("rgb")(red).shape[1]
