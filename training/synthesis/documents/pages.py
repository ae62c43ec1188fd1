"""Any page by its label and a seed: layout, typeface, language and the wear of its journey."""

from random import Random
from types import MappingProxyType
from typing import Protocol

import numpy as np
from PIL import Image

from training.synthesis.documents import (
    book,
    form,
    handwriting,
    invoice,
    letter,
    paper,
    receipt,
    resume,
    slides,
)
from training.synthesis.documents.degrade import CONDITIONS
from training.synthesis.documents.drawing import Sheet


class Draw(Protocol):
    """What every module of this package that draws a kind of page offers."""

    def __call__(self, rng: Random, language: str | None = None) -> Sheet:
        """Draw a document; one of the kind's languages may be asked for."""


KINDS: MappingProxyType[str, Draw] = MappingProxyType({
    "book_page": book.draw,
    "form": form.draw,
    "handwritten": handwriting.draw,
    "invoice": invoice.draw,
    "receipt": receipt.draw,
    "resume": resume.draw,
    "scientific_paper": paper.draw,
    "slides": slides.draw,
    "typewritten": letter.draw,
})  # fmt: skip
"""Who draws the pages of a label."""

# How pages of a label reach an inbox: condition and weight. Every label comes in several conditions, so that no
# condition gives a label away.
_MODERN = {"clean": 5, "scan": 4, "copy": 2, "photo": 2, "creased photo": 1}
_OLD = {"old": 5, "old scan": 3, "worn copy": 2, "scan": 2, "clean": 1, "photo": 1}
ARRIVALS: MappingProxyType[str, dict[str, int]] = MappingProxyType({
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
"""The odds of each condition (see `degrade.CONDITIONS`) for the pages of a label."""


def draw(
    kind: str, seed: int, *, condition: str | None = None, language: str | None = None, long_side: int = 900
) -> Image.Image:
    """Draw one page; the same arguments give the same pixels.

    Args:
        kind: A label of `KINDS`.
        seed: Decides everything that is not asked for.
        condition: One of `degrade.CONDITIONS`; by the label's odds in `ARRIVALS` if not given.
        language: A language of the kind's module, such as "en" or "fr"; by chance if not given.
        long_side: Length of the page's longer side in pixels, before it is photographed or scanned.

    Returns:
        An RGB page.

    Raises:
        KeyError: There is no such kind or condition.
    """
    rng = Random(f"{kind} {seed}")
    sheet = KINDS[kind](rng, language)
    odds = ARRIVALS[kind]
    drawn = rng.choices(list(odds), list(odds.values()))[0]
    return arrive(sheet.images(72.0 * long_side / sheet.longest)[0], condition or drawn, rng)


def arrive(page: Image.Image, condition: str, rng: Random) -> Image.Image:
    """Give a page the wear of a condition of `degrade.CONDITIONS`."""
    return CONDITIONS[condition](page, np.random.default_rng(rng.getrandbits(64)))
