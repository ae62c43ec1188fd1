"""Tests that layouts and out-of-distribution pages vary, and do not depend on the process that draws them."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from training.synthesis.ood_documents import OOD_DOCUMENTS
from training.synthesis.ood_pictures import OOD_PICTURES
from training.synthesis.sheet import Sheet
from training.synthetic import LAYOUTS

Draw = Callable[[np.random.Generator], Sheet]

ITALIAN_TOWNS = """
import numpy as np
from training.synthesis.words import Words
print([Words(np.random.default_rng(seed), "it_IT").fake.city() for seed in range(9)])
"""


def drawn(draw: Draw, seeds: range) -> list[np.ndarray]:
    return [np.asarray(draw(np.random.default_rng(seed)).image.convert("L")) for seed in seeds]


@pytest.mark.parametrize(
    "draw", [*OOD_PICTURES, *OOD_DOCUMENTS, *LAYOUTS.values()], ids=lambda draw: draw.__name__.removeprefix("draw_")
)
def test_each_kind_varies_and_equal_seeds_give_equal_pages(draw: Draw, full: bool) -> None:
    pages = drawn(draw, range(12 if full else 3))
    assert len({(page.shape, page.tobytes()) for page in pages}) == len(pages)
    assert all(min(page.shape) > 50 for page in pages)
    assert np.mean([page.std() > 3 for page in pages]) > 0.6  # A plain surface may be nearly blank.
    assert np.array_equal(drawn(draw, range(1))[0], pages[0])


def test_town_names_are_equal_in_every_process() -> None:
    towns = [
        subprocess.run(
            [sys.executable, "-c", ITALIAN_TOWNS], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert towns[0] == towns[1]
