"""Protects: shape, colours and smoothing of a model's input, on which training and serving rely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from decoding.preprocessing import MAX_DECODE_SIDE, Preprocessing
from tests.support.pages import page

sides = st.integers(1, 96)


@given(width=sides, height=sides, page_width=sides, page_height=sides, grey=st.booleans())
def test_any_page_is_resized_to_the_input(
    width: int, height: int, page_width: int, page_height: int, grey: bool
) -> None:
    preprocessing = Preprocessing(width, height, "grey" if grey else "rgb")

    pixels = preprocessing.apply(Image.new("RGB", (page_width, page_height), (10, 100, 200)))

    assert pixels.dtype == np.uint8
    assert pixels.shape == (height, width, 3)
    assert tuple(pixels[0, 0]) == ((84, 84, 84) if grey else (10, 100, 200))


def test_grey_removes_colour_and_keeps_three_channels() -> None:
    pixels = Preprocessing(32, 32, "grey").apply(page())

    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_a_page_is_resized_without_keeping_its_aspect_ratio() -> None:
    wide = Image.new("RGB", (400, 100), "white")
    wide.paste("black", (0, 0, 200, 100))

    pixels = Preprocessing(64, 64, "rgb").apply(wide)

    assert pixels[:, :30].max() == 0
    assert pixels[:, 34:].min() == 255


def test_fine_lines_are_averaged_to_grey() -> None:
    lines = np.full((640, 640, 3), 255, np.uint8)
    lines[::10] = 0

    pixels = Preprocessing(64, 64, "rgb").apply(Image.fromarray(lines))

    assert abs(float(pixels.mean()) - 229.5) < 2
    assert pixels.min() > 180


def test_pages_are_decoded_larger_than_the_input() -> None:
    assert Preprocessing(224, 320, "rgb").min_side == 480


def test_small_inputs_can_share_the_page_of_large_ones() -> None:
    assert Preprocessing(128, 128, "grey", decode_side=480).min_side == Preprocessing(320, 320, "rgb").min_side
    assert Preprocessing(400, 400, "rgb", decode_side=480).min_side == 600, "never less than the input needs"
    for side in (-1, MAX_DECODE_SIDE + 1):
        with pytest.raises(ValueError, match="decode_side"):
            Preprocessing(128, 128, "grey", decode_side=side)


@pytest.mark.parametrize("color", ["rgb", "grey"])
def test_a_page_in_luminance_and_chrominance_gives_its_colours(color: str) -> None:
    preprocessing = Preprocessing(64, 64, color)  # type: ignore[arg-type]
    sheet = page()
    sheet.paste((200, 40, 60), (20, 20, 60, 60))
    expected, pixels = (preprocessing.apply(each).astype(int) for each in (sheet, sheet.convert("YCbCr")))

    assert np.abs(pixels - expected).max() <= 5, "both are rounded to 8 bits"


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, -1)])
def test_an_input_without_pixels_is_rejected(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Preprocessing(width, height, "rgb")


def test_an_unknown_colour_mode_is_rejected() -> None:
    with pytest.raises(ValueError, match="must be 'rgb' or 'grey'"):
        Preprocessing(5, 5, "sepia")  # type: ignore[arg-type]
