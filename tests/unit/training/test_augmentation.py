from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from decoding.preprocessing import Preprocessing
from training.augmentation import _place_on_canvas, augment
from training.recipe import Augmentation

ALWAYS = Augmentation(
    tint=1,
    shading=1,
    whiten=1,
    binarise=1,
    blur=1,
    noise=1,
    jpeg=1,
    resolution=1,
    border=1,
    warp=1,
    streaks=1,
    erase=1,
    flip=1,
    canvas=1,
)
NEVER = Augmentation(
    crop=0,
    margin=0,
    skew=0,
    contrast=0,
    tint=0,
    shading=0,
    whiten=0,
    binarise=0,
    invert=0,
    blur=0,
    noise=0,
    jpeg=0,
    resolution=0,
    border=0,
    warp=0,
    streaks=0,
    erase=0,
)


def _page(mode: str = "RGB", size: tuple[int, int] = (90, 130)) -> Image.Image:
    page = Image.new("RGB", size, (240, 235, 220))
    pen = ImageDraw.Draw(page)
    for line in range(10, size[1] - 10, 9):
        pen.line((10, line, size[0] - 12, line), fill=(30, 30, 60), width=3)
    return page.convert(mode)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(["grey", "rgb"]), st.integers(2, 300), st.integers(2, 300))
def test_augmented_page_has_the_shape_and_type_of_the_input(
    seed: int, color: Literal["grey", "rgb"], width: int, height: int
) -> None:
    """For any seed and any page size, shape and type are right and grey pages stay grey."""
    page = _page("L" if color == "grey" else "RGB", (max(2, width), max(2, height)))
    pixels = augment(page, Preprocessing(40, 48, color), ALWAYS, np.random.default_rng(seed))
    assert pixels.shape == (48, 40, 3)
    assert pixels.dtype == np.uint8
    if color == "grey":
        assert np.array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("color", ["grey", "rgb"])
def test_page_without_augmentation_equals_the_preprocessed_page(color: Literal["grey", "rgb"]) -> None:
    preprocessing = Preprocessing(64, 64, color)
    page = _page("L" if color == "grey" else "RGB")
    pixels = augment(page, preprocessing, NEVER, np.random.default_rng(0))
    # The gain and gamma of a contrast of zero are one.
    assert np.abs(pixels.astype(int) - preprocessing.apply(page)).max() <= 1


def test_same_seed_gives_the_same_page() -> None:
    preprocessing = Preprocessing(64, 64, "rgb")
    first, again, other = (
        augment(_page(), preprocessing, Augmentation(), np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_binarised_page_has_two_values() -> None:
    settings = NEVER.model_copy(update={"binarise": 1.0})
    pixels = augment(_page("L"), Preprocessing(90, 130, "grey"), settings, np.random.default_rng(0))
    assert set(np.unique(pixels)) <= {0, 255}


def test_whitening_removes_the_colour_of_the_paper() -> None:
    """The colour of old paper would identify an archive."""
    settings = NEVER.model_copy(update={"whiten": 1.0})
    dull = Image.fromarray((np.asarray(_page("L")) * 0.6).astype(np.uint8))
    pixels = augment(dull, Preprocessing(90, 130, "grey"), settings, np.random.default_rng(0))
    assert np.median(np.asarray(dull)) < 150
    assert np.quantile(pixels, 0.9) > 240


@pytest.mark.parametrize("seed", range(12))
def test_streaks_darken_the_page_and_never_lighten_it(seed: int) -> None:
    settings = NEVER.model_copy(update={"streaks": 1.0})
    preprocessing = Preprocessing(90, 130, "grey")
    before = preprocessing.apply(_page("L")).astype(int)
    after = augment(_page("L"), preprocessing, settings, np.random.default_rng(seed)).astype(int)
    assert (after <= before + 1).all()
    assert (after < before - 5).any()


def test_warp_moves_pixels_without_new_values() -> None:
    settings = NEVER.model_copy(update={"warp": 1.0})
    preprocessing = Preprocessing(90, 130, "grey")
    before = preprocessing.apply(_page("L"))
    shades = np.unique(before).astype(int)
    waved = [augment(_page("L"), preprocessing, settings, np.random.default_rng(seed)) for seed in range(12)]
    for after in waved:
        assert np.abs(after[..., None].astype(int) - shades).min(axis=-1).max() <= 1
    assert sum(not np.array_equal(before, after) for after in waved) > 6


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("seed", range(6))
def test_page_on_a_canvas_is_surrounded_and_complete(mode: str, seed: int) -> None:
    page = _page(mode, (60, 80))
    placed = _place_on_canvas(page, np.random.default_rng(seed))
    assert placed.mode == mode
    assert placed.width > page.width
    assert placed.height > page.height
    found = any(
        placed.crop((x, y, x + page.width, y + page.height)).tobytes() == page.tobytes()
        for x in range(placed.width - page.width + 1)
        for y in range(placed.height - page.height + 1)
    )
    assert found
