"""Protects: every layout and every kind of stranger can be drawn, whatever chance says, lest it stop a training."""

from collections.abc import Callable

import numpy as np
import pytest

from training.synthesis.sketches import cvs, decks, invoices
from training.synthesis.sketches.oddments import ODDMENTS
from training.synthesis.sketches.pictures import PICTURES
from training.synthesis.sketches.receipts import receipt
from training.synthesis.sketches.sheet import Sheet

Draw = Callable[[np.random.Generator], Sheet]


def drawn(draw: Draw, seeds: range) -> list[np.ndarray]:
    return [np.asarray(draw(np.random.default_rng(seed)).image.convert("L")) for seed in seeds]


def different(pages: list[np.ndarray]) -> bool:
    return len({(page.shape, page.tobytes()) for page in pages}) == len(pages)


@pytest.mark.parametrize("draw", [*PICTURES, *ODDMENTS, receipt], ids=lambda draw: draw.__name__)
def test_each_kind_is_drawn_in_many_ways_and_the_same_for_the_same_chance(draw: Draw, full: bool) -> None:
    pages = drawn(draw, range(12 if full else 4))
    assert different(pages)
    assert all(min(page.shape) > 50 for page in pages)
    assert np.mean([page.std() > 3 for page in pages]) > 0.7  # a plain surface may have next to nothing on it
    assert np.array_equal(drawn(draw, range(1))[0], pages[0])


@pytest.mark.parametrize(
    ("module", "layout"),
    [(module, layout) for module in (cvs, invoices) for layout in module.LAYOUTS],
    ids=lambda value: value.__name__.rpartition(".")[2],
)
def test_each_layout_is_drawn_in_many_ways(
    module: object, layout: object, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAYOUTS", {layout: 1.0})
    pages = drawn(cvs.resume if module is cvs else invoices.invoice, range(10 if full else 4))
    assert different(pages)
    assert all(page.std() > 3 for page in pages)


@pytest.mark.parametrize("layout", decks.LAYOUTS, ids=lambda layout: layout.__name__)
def test_each_slide_is_broad_never_blank_and_the_same_for_the_same_chance(
    layout: Callable[..., None], full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decks, "LAYOUTS", {layout: 1.0})
    pages = drawn(decks.slides, range(30 if full else 8))
    assert different(pages)
    assert {page.shape for page in pages} <= {(450, 800), (500, 800), (600, 800)}
    assert all(page.std() > 0 for page in pages)  # a slide of three dots has next to nothing on it
    again = drawn(decks.slides, range(8 if full else 2))
    assert all(np.array_equal(*pair) for pair in zip(again, pages[: len(again)], strict=True))
