"""Tests of later pages of forms, and that pages do not depend on the process that draws them."""

import subprocess
import sys

import numpy as np
import pytest

from training.synthesis.raster_layouts import form_pages
from training.synthesis.raster_layouts.forms import draw_raster_form

ITALIAN_TOWNS = """
import numpy as np
from training.synthesis.raster_layouts.words import RasterWords
print([RasterWords(np.random.default_rng(seed), "it_IT").fake.city() for seed in range(9)])
"""


@pytest.mark.parametrize("layout", form_pages.LAYOUTS, ids=lambda layout: layout.__name__)
def test_each_later_form_page_varies(layout: object, full: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_pages, "LAYOUTS", {layout: 1.0})
    seeds = range(25 if full else 6)
    pages = [np.asarray(form_pages.later_form_page(np.random.default_rng(seed)).image) for seed in seeds]
    assert len({page.tobytes() for page in pages}) == len(pages)
    assert all(page.std() > 3 for page in pages)
    again = np.asarray(form_pages.later_form_page(np.random.default_rng(0)).image)
    assert np.array_equal(again, pages[0])


def test_a_fifth_of_the_forms_are_later_pages(full: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    monkeypatch.setattr("training.synthesis.raster_layouts.forms.later_form_page", drawn.append)
    forms = 100 if full else 30
    for seed in range(forms):
        draw_raster_form(np.random.default_rng(seed))
    assert 0.1 * forms <= len(drawn) <= 0.3 * forms


def test_town_names_are_equal_in_every_process() -> None:
    towns = [
        subprocess.run(
            [sys.executable, "-c", ITALIAN_TOWNS], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert towns[0] == towns[1]
