"""Drawn pages to learn from, made once and kept: the labels that can be drawn, and strangers that no label covers."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from training import synthesis
from training.data import STRANGER, Document, Page
from training.synthesis.documents import pages as documents
from training.synthesis.sketches.cvs import resume
from training.synthesis.sketches.decks import slides
from training.synthesis.sketches.forms import form
from training.synthesis.sketches.invoices import invoice
from training.synthesis.sketches.prose import handwritten, typewritten
from training.synthesis.sketches.publications import book_page, scientific_paper
from training.synthesis.sketches.receipts import receipt
from training.synthesis.sketches.sheet import Sheet
from training.synthesis.sketches.strangers import stranger

SKETCHES: dict[str, Callable[[np.random.Generator], Sheet]] = {
    "book_page": book_page,
    "form": form,
    "handwritten": handwritten,
    "invoice": invoice,
    "receipt": receipt,
    "resume": resume,
    "scientific_paper": scientific_paper,
    "slides": slides,
    "typewritten": typewritten,
}

DRAWN = frozenset(SKETCHES) & frozenset(documents.KINDS)
"""The labels that can be drawn."""

SOURCE = "drawn"


def draw_pages(
    labels: Sequence[str],
    drawable: Sequence[str],
    per_label: int,
    seed: int,
    *,
    side: int,
    grey: bool,
    strangers: int = 0,
    keep: Path | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> list[Page]:
    """Draw pages to learn from, every other one by each of the two packages that draw.

    Args:
        labels: All labels, in order: a page's label is its index in them.
        drawable: Which of them to draw; part of `DRAWN`.
        per_label: How many of each.
        seed: Same seed, same pages (given the same typefaces).
        side: Pages are reduced until the shorter side has this many pixels.
        grey: Keep one channel instead of three.
        strangers: How many pages to draw of kinds that no label covers.
        keep: Folder in which drawings are kept for the next training, until the code that draws them changes.
        tell: Called after each page with how many are drawn and how many there will be.
    """
    edition = _edition()
    kept = keep / edition if keep else None
    plan = [(label, labels.index(label), number) for label in drawable for number in range(per_label)]
    plan += [("stranger", STRANGER, number) for number in range(strangers)]
    pages = []
    for place, (name, label, number) in enumerate(plan, start=1):
        file = Path(SOURCE) / f"{name}-{seed}-{number}.png"
        image = _kept(kept / file.name if kept else None, name, seed, number)
        if min(image.size) > side:
            scale = side / min(image.size)
            image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BOX)
        pages.append(Page(np.asarray(image.convert("L" if grey else "RGB")), Document(file, label, SOURCE), edition))
        if tell:
            tell(place, len(plan))
    return pages


def _edition() -> str:
    """Name the code that draws, so that no training learns from what an earlier one would have drawn."""
    folder = Path(synthesis.__file__).parent
    code = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        code.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return code.hexdigest()[:12]


def _kept(file: Path | None, name: str, seed: int, number: int) -> Image.Image:
    if file is None:
        return _draw(name, seed, number)
    if file.exists():
        return Image.open(file)
    image = _draw(name, seed, number)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")  # versions that train at the same time may draw the same page
    image.save(part, "PNG", compress_level=1)
    part.replace(file)
    return image


def _draw(name: str, seed: int, number: int) -> Image.Image:
    if name != "stranger" and number % 2:
        return documents.draw(name, seed * 1_000_003 + number)
    # The name's own letters keep its pages the same whatever else is drawn.
    rng = np.random.default_rng((seed, number, *name.encode()))
    return (stranger if name == "stranger" else SKETCHES[name])(rng).image
