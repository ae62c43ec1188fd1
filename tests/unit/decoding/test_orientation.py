"""Protects: a page turned back is the page, in its view, in a model's input and in a picture."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from decoding.limits import Limits
from decoding.orientation import VIEW_SIDE, orientation_view, turn_page, turn_pages
from decoding.preprocessing import Preprocessing
from decoding.rendering import render_jpegs
from tests.support.pages import encode, page

ANGLES = (0, 90, 180, 270)
angles = st.sampled_from(ANGLES)
seeds = st.integers(0, 2**32 - 1)


def noise(width: int, height: int, seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


@given(st.integers(1, 400), st.integers(1, 400), angles, seeds)
def test_the_view_of_a_turned_page_is_the_turned_view(width: int, height: int, angle: int, seed: int) -> None:
    upright = noise(width, height, seed)

    view = orientation_view(turn_page(upright, angle)).astype(int)

    assert view.shape == (VIEW_SIDE, VIEW_SIDE)
    assert np.abs(view - np.rot90(orientation_view(upright), -(angle // 90))).max() <= 1


@given(st.integers(20, 80), st.integers(20, 80), angles, seeds)
def test_a_square_input_is_turned_like_its_page(width: int, height: int, angle: int, seed: int) -> None:
    preprocessing = Preprocessing(32, 32, "rgb")
    upright = noise(width, height, seed)
    lying = preprocessing.apply(turn_page(upright, angle))

    [corrected] = turn_pages(lying[np.newaxis], [(360 - angle) % 360])

    assert np.abs(corrected.astype(int) - preprocessing.apply(upright)).max() <= 1


@pytest.mark.parametrize("angle", ANGLES)
def test_an_input_that_is_not_square_keeps_its_shape(angle: int) -> None:
    preprocessing = Preprocessing(48, 32, "grey")
    lying = preprocessing.apply(turn_page(page(), angle))

    [corrected] = turn_pages(lying[np.newaxis], [(360 - angle) % 360])

    assert corrected.shape == lying.shape
    assert np.abs(corrected.astype(int) - preprocessing.apply(page())).mean() < 8


def test_pages_that_are_not_turned_are_not_copied() -> None:
    pixels = np.zeros((2, 4, 4, 3), np.uint8)

    assert turn_pages(pixels, [0, 0]) is pixels


def test_each_page_of_a_picture_is_turned_by_its_angle() -> None:
    lying = encode(page((80, 120)).transpose(Image.Transpose.ROTATE_90), "PNG")

    [picture] = render_jpegs(lying, (60, 60), Limits(), rotated=(90, 180)).files
    [untouched] = render_jpegs(lying, (60, 60), Limits()).files

    with Image.open(io.BytesIO(picture)) as upright, Image.open(io.BytesIO(untouched)) as still_lying:
        assert upright.size == (40, 60)
        assert still_lying.size == (60, 40)
        assert np.asarray(upright)[:5].mean() < 60, "the bar is at the top"
