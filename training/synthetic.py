"""Synthetic pages for training: pages of the labels that have layouts, and out-of-distribution pages.

Pages are drawn once and cached. The cache key is a fingerprint of everything that determines their pixels: the drawing
code, the font files and the versions of the libraries.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image, features

from training import synthesis
from training.data import OOD_LABEL, SYNTHETIC_SOURCE, LabelledDocument, Page
from training.synthesis import fonts
from training.synthesis.books import draw_book_page
from training.synthesis.cvs import draw_resume
from training.synthesis.forms import draw_form
from training.synthesis.invoices import draw_invoice
from training.synthesis.ood_pages import draw_ood_page
from training.synthesis.papers import draw_paper
from training.synthesis.prose import draw_handwritten, draw_typewritten
from training.synthesis.receipts import draw_receipt
from training.synthesis.sheet import Sheet

LAYOUTS: dict[str, Callable[[np.random.Generator], Sheet]] = {
    "book_page": draw_book_page,
    "form": draw_form,
    "handwritten": draw_handwritten,
    "invoice": draw_invoice,
    "receipt": draw_receipt,
    "resume": draw_resume,
    "scientific_paper": draw_paper,
    "typewritten": draw_typewritten,
}
"""Functions that draw a page of a label. Slides have none: drawn slides did not help (docs/training.md)."""

SYNTHETIC_LABELS = frozenset(LAYOUTS)
"""Labels that have layouts."""

_OOD = "stranger"
"""Name of out-of-distribution pages. It is part of their seeds: another name would change their pixels."""
_LIBRARIES = ("faker", "numpy", "pillow")
"""Distributions whose code or data affect the pixels of a page."""


@dataclass(frozen=True)
class SyntheticRequest:
    """Which synthetic pages to draw.

    Attributes:
        labels: Labels to draw, part of `SYNTHETIC_LABELS`.
        pages_per_label: Number of pages of each label.
        ood_pages: Number of out-of-distribution pages.
        seed: Seed of all pages.
    """

    labels: Sequence[str]
    pages_per_label: int
    ood_pages: int = 0
    seed: int = 0


def draw_pages(
    all_labels: Sequence[str],
    request: SyntheticRequest,
    *,
    min_side: int,
    grey: bool,
    cache: Path | None = None,
    report: Callable[[int, int], None] | None = None,
) -> list[Page]:
    """Draw synthetic pages with the layouts.

    Args:
        all_labels: All labels of the version; a page's label is its index in them.
        request: Pages to draw.
        min_side: Larger pages are reduced until their shorter side has this many pixels.
        grey: Keep one channel instead of three.
        cache: Folder in which full-size pages are cached for other trainings.
        report: Function that is called after each page with the number of finished pages and of all pages.

    Returns:
        The pages, whose `content` is the fingerprint of the drawing code, fonts and libraries.
    """
    fingerprint = drawing_fingerprint()
    folder = cache / fingerprint if cache else None
    plan = [
        (label, all_labels.index(label), number)
        for label in request.labels
        for number in range(request.pages_per_label)
    ]
    plan += [(_OOD, OOD_LABEL, number) for number in range(request.ood_pages)]
    pages = []
    for finished, (name, label, number) in enumerate(plan, start=1):
        file = Path(SYNTHETIC_SOURCE) / f"{name}-{request.seed}-{number}.png"
        image = _cached_page(folder / file.name if folder else None, name, request.seed, number)
        if min(image.size) > min_side:
            scale = min_side / min(image.size)
            image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BOX)
        pixels = np.asarray(image.convert("L" if grey else "RGB"))
        pages.append(Page(pixels, LabelledDocument(file, label, SYNTHETIC_SOURCE), fingerprint))
        if report:
            report(finished, len(plan))
    return pages


def drawing_fingerprint() -> str:
    """Return a hash of everything except the seed that determines the pixels of a page.

    These are the code of `training.synthesis` and of this module, the contents of the fonts, and the versions of
    the libraries that draw.
    """
    folder = Path(synthesis.__file__).parent
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    for role in fonts.FONT_ROLES:
        for face in fonts.faces(role):
            for font in (face.regular, face.bold, face.italic):
                digest.update(role.encode() + b"\0" + hashlib.sha256(font.read_bytes()).digest())
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    for engine in ("freetype2", "raqm"):
        digest.update(f"{engine} {features.version(engine)}\n".encode())
    return digest.hexdigest()[:12]


def _cached_page(file: Path | None, name: str, seed: int, number: int) -> Image.Image:
    if file is None:
        return _draw(name, seed, number)
    if file.exists():
        return Image.open(file)
    image = _draw(name, seed, number)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")  # versions that are trained at the same time may draw the same page
    image.save(part, "PNG", compress_level=1)
    part.replace(file)
    return image


def _draw(name: str, seed: int, number: int) -> Image.Image:
    # The name in the seed makes a page independent of which other labels are drawn.
    rng = np.random.default_rng((seed, number, *name.encode()))
    return (draw_ood_page if name == _OOD else LAYOUTS[name])(rng).image
