"""Training and serving both call this: its shape, its colours and its smoothing are a contract."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from decoding.preprocessing import Preprocessing
from tests.support.pages import page

sides = st.integers(1, 96)


@given(width=sides, height=sides, page_width=sides, page_height=sides, grey=st.booleans())
def test_any_page_becomes_the_models_input(
    width: int, height: int, page_width: int, page_height: int, grey: bool
) -> None:
    frame = Preprocessing(width, height, "grey" if grey else "rgb")

    pixels = frame.apply(Image.new("RGB", (page_width, page_height), (10, 100, 200)))

    assert pixels.dtype == np.uint8
    assert pixels.shape == (height, width, 3)
    assert tuple(pixels[0, 0]) == ((84, 84, 84) if grey else (10, 100, 200))


def test_grey_drops_colour_and_keeps_three_channels() -> None:
    pixels = Preprocessing(32, 32, "grey").apply(page())

    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_the_whole_page_is_squashed_in() -> None:
    wide = Image.new("RGB", (400, 100), "white")
    wide.paste("black", (0, 0, 200, 100))

    pixels = Preprocessing(64, 64, "rgb").apply(wide)

    assert pixels[:, :30].max() == 0
    assert pixels[:, 34:].min() == 255


def test_fine_lines_become_grey_and_do_not_vanish() -> None:
    lines = np.full((640, 640, 3), 255, np.uint8)
    lines[::10] = 0

    pixels = Preprocessing(64, 64, "rgb").apply(Image.fromarray(lines))

    assert abs(float(pixels.mean()) - 229.5) < 2
    assert pixels.min() > 180


def test_more_pixels_are_asked_of_the_decoder_than_the_input_has() -> None:
    assert Preprocessing(224, 320, "rgb").min_side == 480


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, -1)])
def test_a_frame_without_pixels_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="not positive"):
        Preprocessing(width, height, "rgb")
