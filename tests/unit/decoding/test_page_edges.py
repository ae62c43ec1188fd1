"""Protects: a page photographed on a desk is cropped, and pictures that are the page itself are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from decoding.batch import decode_batch
from decoding.limits import Limits
from decoding.page_edges import crop_to_page, find_page, without_print
from decoding.preprocessing import Preprocessing
from decoding.reader import decode_pages
from tests.support.pages import encode, page
from tests.support.samples import READABLE, sample

SHEET = page((300, 480)).crop((0, 60, 300, 480))  # without the dark bar at the top
PHOTOGRAPHS = {"receipt-lunch.jpg", "IMG_20240612_101503.jpg"}  # samples that show a table as well


def desk(kind: str, seed: int = 0, size: tuple[int, int] = (500, 640)) -> Image.Image:
    """Draw a desk without a page."""
    random = np.random.default_rng(seed)
    width, height = size
    noise = random.normal(0, 5, (height, width, 1))
    rows = np.sin(np.linspace(0, 40, height))[:, np.newaxis, np.newaxis]
    base = {"dark": 40 + noise, "wood": np.array([120, 85, 55]) + 15 * rows + noise}[kind]
    return Image.fromarray(np.broadcast_to(base, (height, width, 3)).clip(0, 255).astype(np.uint8))


def photograph(kind: str, corners: list[tuple[int, int]], seed: int = 0) -> Image.Image:
    """Put the sheet on a desk, with its corners at these pixels."""
    background = desk(kind, seed)
    equations, values = [], []
    sources = [(0, 0), (SHEET.width, 0), SHEET.size, (0, SHEET.height)]
    for (x, y), (u, v) in zip(corners, sources, strict=True):
        equations += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    warp = tuple(np.linalg.solve(np.array(equations, float), np.array(values, float)))
    mask = Image.new("L", SHEET.size, 255).transform(background.size, Image.Transform.PERSPECTIVE, warp)
    background.paste(SHEET.transform(background.size, Image.Transform.PERSPECTIVE, warp), mask=mask)
    return background


shifts = st.integers(-20, 20)


@settings(max_examples=20)
@given(
    st.sampled_from(["dark", "wood"]), st.lists(st.tuples(shifts, shifts), min_size=4, max_size=4), st.integers(0, 99)
)
def test_a_page_on_a_desk_is_found_in_perspective(kind: str, moves: list[tuple[int, int]], seed: int) -> None:
    base = [(110, 120), (390, 120), (390, 520), (110, 520)]
    corners = [(x + dx, y + dy) for (x, y), (dx, dy) in zip(base, moves, strict=True)]

    found = find_page(photograph(kind, corners, seed))

    assert found is not None
    assert np.abs(found - np.array(corners)).max() < 12


def test_the_crop_is_the_page() -> None:
    picture = photograph("dark", [(90, 100), (400, 120), (385, 540), (115, 525)])
    corners = find_page(picture)

    assert corners is not None
    crop = crop_to_page(picture, corners)
    difference = np.asarray(crop.resize((60, 84)).convert("L"), int) - np.asarray(SHEET.resize((60, 84)).convert("L"))
    assert np.abs(difference).mean() < 20


def test_a_batch_names_the_pages_that_were_cropped() -> None:
    small = photograph("wood", [(110, 120), (390, 120), (390, 520), (110, 520)])
    document = encode(small, "TIFF", save_all=True, append_images=[SHEET])

    batch = decode_batch(document, Preprocessing(64, 64, "rgb"), Limits())

    assert batch.cropped == [True, False]
    assert batch.pixels[0].mean() > 150, "the desk is gone"


@pytest.mark.parametrize("name", READABLE)
def test_of_the_samples_only_photographs_are_cropped(name: str) -> None:
    pictures = decode_pages(sample(name).read_bytes(), min_side=200)

    assert [find_page(picture) is not None for picture in pictures] == [name in PHOTOGRAPHS] * len(pictures)


@pytest.mark.parametrize(
    "picture",
    [
        SHEET,
        Image.new("RGB", (300, 400), "white"),
        Image.new("RGB", (300, 400), "black"),
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 300, 3), np.uint8)),
        desk("wood"),
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (3, 2000), "grey"),
    ],
    ids=["page", "white", "black", "noise", "empty-desk", "pixel", "strip"],
)
def test_a_picture_without_a_page_on_a_desk_is_not_cropped(picture: Image.Image) -> None:
    assert find_page(picture) is None


@pytest.mark.parametrize(
    "corners",
    [
        [(-40, 120), (390, 120), (390, 520), (-40, 520)],
        [(230, 300), (270, 300), (270, 340), (230, 340)],
    ],
    ids=["beyond-the-picture", "small"],
)
def test_a_page_that_is_not_clearly_one_is_not_cropped(corners: list[tuple[int, int]]) -> None:
    assert find_page(photograph("dark", corners)) is None


def test_in_a_long_strip_no_page_is_searched_because_it_would_be_enlarged_without_bound() -> None:
    strip = Image.new("L", (60, 970), 30)
    strip.paste(240, (15, 250, 45, 750))

    assert find_page(strip) is None
    assert find_page(strip.crop((0, 10, 60, 970))) is not None, "just short enough"


def test_two_pages_are_not_cropped_to_one() -> None:
    picture = photograph("dark", [(40, 100), (220, 100), (220, 400), (40, 400)])
    picture.paste(SHEET.resize((180, 300)), (270, 150))

    assert find_page(picture) is None


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_filters_are_those_of_pillow(height: int, width: int, seed: int) -> None:
    grey = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    closed = Image.fromarray(grey).filter(ImageFilter.MaxFilter(7)).filter(ImageFilter.MinFilter(7))

    np.testing.assert_array_equal(without_print(grey), np.asarray(closed.filter(ImageFilter.MedianFilter(3))))
