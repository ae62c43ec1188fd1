"""Tests of page wear: reproducible and legible."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from training.synthesis import wear


@pytest.fixture(scope="module")
def page() -> Image.Image:
    image = Image.new("RGB", (300, 420), "white")
    pen = ImageDraw.Draw(image)
    for row in range(40, 380, 14):
        pen.rectangle((40, row, 260, row + 5), fill="black")
    return image


def grey(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(image.convert("L"), dtype=np.float64)


@pytest.mark.parametrize("condition", sorted(wear.CONDITIONS))
def test_equal_generators_give_equal_wear(condition: str, page: Image.Image) -> None:
    apply = wear.CONDITIONS[condition]

    assert apply(page, np.random.default_rng(7)).tobytes() == apply(page, np.random.default_rng(7)).tobytes()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("condition", sorted(wear.CONDITIONS))
def test_ink_stays_darker_than_paper(condition: str, seed: int, page: Image.Image) -> None:
    worn = wear.CONDITIONS[condition](page, np.random.default_rng(seed))

    assert worn.mode == "RGB"
    # In the middle of the page, away from its edges, rows of print and rows of paper alternate.
    middle = grey(worn)[worn.height // 3 : worn.height * 2 // 3, worn.width // 3 : worn.width * 2 // 3]
    assert np.percentile(middle, 90) - np.percentile(middle, 10) > 40


@pytest.mark.parametrize("seed", range(5))
def test_photocopy_is_black_and_white(seed: int, page: Image.Image) -> None:
    copied = grey(wear.photocopy(page, np.random.default_rng(seed)))

    assert set(np.unique(copied)) <= {0.0, 255.0}


@pytest.mark.parametrize("grey_of_ink", [0, 90, 170])
def test_photocopy_keeps_faint_ink(grey_of_ink: int) -> None:
    faint = Image.new("RGB", (300, 420), "white")
    ImageDraw.Draw(faint).rectangle((60, 100, 240, 300), fill=(grey_of_ink,) * 3)

    for seed in range(5):
        copied = grey(wear.photocopy(faint, np.random.default_rng(seed)))
        assert copied[150:250, 100:200].mean() < 30
        assert copied[340:380, 100:200].mean() > 225


def test_photograph_shows_a_table_around_the_page(page: Image.Image) -> None:
    photograph = wear.photograph_page(page, np.random.default_rng(0))

    assert photograph.width > page.width
    assert photograph.height > page.height
    corner = np.asarray(photograph)[:6, :6].mean()
    assert corner < np.asarray(photograph)[photograph.height // 2].max() - 40
