"""Tests that every raster layout and out-of-distribution page can be drawn, reproducibly and with variation."""

from collections.abc import Callable

import numpy as np
import pytest

from training.synthesis.raster_layouts import cvs, decks, invoices
from training.synthesis.raster_layouts.ood_documents import OOD_DOCUMENTS
from training.synthesis.raster_layouts.ood_pictures import OOD_PICTURES
from training.synthesis.raster_layouts.receipts import draw_raster_receipt
from training.synthesis.raster_layouts.sheet import RasterSheet

Draw = Callable[[np.random.Generator], RasterSheet]


def drawn(draw: Draw, seeds: range) -> list[np.ndarray]:
    return [np.asarray(draw(np.random.default_rng(seed)).image.convert("L")) for seed in seeds]


def different(pages: list[np.ndarray]) -> bool:
    return len({(page.shape, page.tobytes()) for page in pages}) == len(pages)


@pytest.mark.parametrize("draw", [*OOD_PICTURES, *OOD_DOCUMENTS, draw_raster_receipt], ids=lambda draw: draw.__name__)
def test_each_kind_varies_and_equal_seeds_give_equal_pages(draw: Draw, full: bool) -> None:
    pages = drawn(draw, range(12 if full else 4))
    assert different(pages)
    assert all(min(page.shape) > 50 for page in pages)
    assert np.mean([page.std() > 3 for page in pages]) > 0.7  # A plain surface may be nearly blank.
    assert np.array_equal(drawn(draw, range(1))[0], pages[0])


@pytest.mark.parametrize(
    ("module", "layout"),
    [(module, layout) for module in (cvs, invoices) for layout in module.LAYOUTS],
    ids=lambda value: value.__name__.rpartition(".")[2],
)
def test_each_layout_varies(module: object, layout: object, full: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAYOUTS", {layout: 1.0})
    pages = drawn(cvs.draw_raster_resume if module is cvs else invoices.draw_raster_invoice, range(10 if full else 4))
    assert different(pages)
    assert all(page.std() > 3 for page in pages)


@pytest.mark.parametrize("layout", decks.LAYOUTS, ids=lambda layout: layout.__name__)
def test_each_slide_is_landscape_not_blank_and_reproducible(
    layout: Callable[..., None], full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decks, "LAYOUTS", {layout: 1.0})
    pages = drawn(decks.draw_raster_slide, range(30 if full else 8))
    assert different(pages)
    assert {page.shape for page in pages} <= {(450, 800), (500, 800), (600, 800)}
    assert all(page.std() > 0 for page in pages)  # A slide of three dots is nearly blank.
    again = drawn(decks.draw_raster_slide, range(8 if full else 2))
    assert all(np.array_equal(*pair) for pair in zip(again, pages[: len(again)], strict=True))
