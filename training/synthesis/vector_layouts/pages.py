"""Pages by label and seed: layout, typeface, language and wear."""

from random import Random
from types import MappingProxyType
from typing import Protocol

import numpy as np
from PIL import Image

from training.synthesis.vector_layouts import (
    book_page,
    form,
    handwritten,
    invoice,
    receipt,
    resume,
    scientific_paper,
    slides,
    typewritten,
)
from training.synthesis.vector_layouts.degrade import CONDITIONS
from training.synthesis.vector_layouts.drawing import VectorSheet


class VectorLayout(Protocol):
    """Function that draws a document of one label."""

    def __call__(self, rng: Random, language: str | None = None) -> VectorSheet:
        """Draw a document, in a random language if none is given."""


VECTOR_LAYOUTS: MappingProxyType[str, VectorLayout] = MappingProxyType({
    "book_page": book_page.draw_vector_book_page,
    "form": form.draw_vector_form,
    "handwritten": handwritten.draw_vector_handwritten,
    "invoice": invoice.draw_vector_invoice,
    "receipt": receipt.draw_vector_receipt,
    "resume": resume.draw_vector_resume,
    "scientific_paper": scientific_paper.draw_vector_paper,
    "slides": slides.draw_vector_slide,
    "typewritten": typewritten.draw_vector_typewritten,
})  # fmt: skip
"""Functions that draw the documents of each label."""

# Every label has several conditions, so that no condition identifies a label.
_MODERN = {"clean": 5, "scan": 4, "copy": 2, "photo": 2, "creased photo": 1}
_OLD = {"old": 5, "old scan": 3, "worn copy": 2, "scan": 2, "clean": 1, "photo": 1}
CONDITION_WEIGHTS: MappingProxyType[str, dict[str, int]] = MappingProxyType({
    "book_page": _OLD,
    "form": _MODERN,
    "handwritten": {"clean": 3, "scan": 4, "old": 3, "old scan": 1, "copy": 2, "photo": 3, "creased photo": 1},
    "invoice": _MODERN,
    "receipt": {"clean": 2, "scan": 5, "copy": 3, "photo": 3, "creased photo": 3},
    "resume": _MODERN,
    "scientific_paper": _MODERN,
    "slides": {"clean": 9, "scan": 1, "copy": 1, "photo": 1},
    "typewritten": _OLD,
})  # fmt: skip
"""Weights of the conditions (see `degrade.CONDITIONS`) of each label's pages."""


def draw_page(
    label: str, seed: int, *, condition: str | None = None, language: str | None = None, long_side: int = 900
) -> Image.Image:
    """Draw one page; equal arguments give equal pixels.

    Args:
        label: A label of `VECTOR_LAYOUTS`.
        seed: Determines everything that the other arguments leave open.
        condition: One of `degrade.CONDITIONS`; drawn with the label's `CONDITION_WEIGHTS` if not given.
        language: A language of the label's module, such as "en" or "fr"; random if not given.
        long_side: Length of the page's longer side in pixels, before it is photographed or scanned.

    Returns:
        An RGB page.

    Raises:
        KeyError: The label or condition does not exist.
    """
    rng = Random(f"{label} {seed}")
    sheet = VECTOR_LAYOUTS[label](rng, language)
    weights = CONDITION_WEIGHTS[label]
    drawn = rng.choices(list(weights), list(weights.values()))[0]
    return apply_condition(sheet.images(72.0 * long_side / sheet.longest)[0], condition or drawn, rng)


def apply_condition(page: Image.Image, condition: str, rng: Random) -> Image.Image:
    """Apply the wear of a condition of `degrade.CONDITIONS` to a page."""
    return CONDITIONS[condition](page, np.random.default_rng(rng.getrandbits(64)))
