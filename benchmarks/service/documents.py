"""The documents of the benchmark, drawn from a seed."""

import io
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import cycle, islice
from typing import Any, Final

import pypdfium2  # type: ignore[import-untyped]
from PIL import Image

from training.synthesis.samples import draw_page
from training.synthesis.typeset import document_content, typeset_pdf

A4_AT_300_DPI: Final = 3509
"""Long side of the page in pixels."""

SCAN: Final = "A4 scan, 300 dpi, JPEG"
PHOTO: Final = "photo, 1000 px, JPEG"
FAX: Final = "A4, 300 dpi, TIFF group 4"
PDF: Final = "PDF, a page of text"
PNG: Final = "A4, 300 dpi, PNG in grey"
LONG_PDF: Final = "PDF, 40 pages of text"
LONG_SCAN: Final = "PDF, 40 scans at 300 dpi"
LONG_PAGES: Final = 40
LONG: Final = frozenset({LONG_PDF, LONG_SCAN})
"""Kinds with `LONG_PAGES` pages, which other servers do not read completely."""


def draw(kinds: Sequence[str] = (SCAN, PHOTO, FAX, PDF), each: int = 3) -> dict[str, list[bytes]]:
    """Draw documents of some kinds; one of each kind in `LONG`. JPEGs have quality 76, as scanners write them."""
    return {kind: [_DRAW[kind](seed) for seed in range(1 if kind in LONG else each)] for kind in kinds}


def mixture(bodies: Mapping[str, Sequence[bytes]], seed: int, count: int = 1000) -> list[bytes]:
    """Return documents of all kinds in random order, each kind and each document of a kind equally likely."""
    generator = random.Random(seed)
    kinds = list(bodies.values())
    return [generator.choice(generator.choice(kinds)) for _ in range(count)]


def _draw_scan(seed: int) -> bytes:
    return _jpeg(draw_page("invoice", seed, condition="scan", long_side=A4_AT_300_DPI))


def _draw_photo(seed: int) -> bytes:
    return _jpeg(draw_page("receipt", seed, condition="photo", long_side=1000))


def _draw_fax(seed: int) -> bytes:
    page = draw_page("typewritten", seed, condition="copy", long_side=A4_AT_300_DPI)
    return _file(page.convert("1"), "TIFF", compression="group4", dpi=(300, 300))


def _draw_png(seed: int) -> bytes:
    page = draw_page("typewritten", seed, condition="copy", long_side=A4_AT_300_DPI)
    return _file(page.convert("L"), "PNG", dpi=(300, 300))


def _draw_pdf(seed: int) -> bytes:
    return typeset_pdf("invoice", document_content(seed))


def _draw_long_pdf(seed: int) -> bytes:
    return _join([pypdfium2.PdfDocument(_draw_pdf(seed + each)) for each in range(3)])


def _draw_long_scan(seed: int) -> bytes:
    # Not the first scan: 40 of its size would exceed the limit of a document.
    return _join([_pdf_of_scan(_draw_scan(seed + each)) for each in (1, 2)])


_DRAW: Final[Mapping[str, Callable[[int], bytes]]] = {
    SCAN: _draw_scan,
    PHOTO: _draw_photo,
    FAX: _draw_fax,
    PDF: _draw_pdf,
    PNG: _draw_png,
    LONG_PDF: _draw_long_pdf,
    LONG_SCAN: _draw_long_scan,
}
KINDS: Final = tuple(_DRAW)
"""All kinds of documents."""


def _join(documents: Sequence[Any]) -> bytes:
    """Return a PDF of `LONG_PAGES` pages: those of the documents in turn."""
    with closing(pypdfium2.PdfDocument.new()) as joined:
        for document in islice(cycle(documents), LONG_PAGES):
            joined.import_pages(document)
        file = io.BytesIO()
        joined.save(file)
        return file.getvalue()


def _pdf_of_scan(jpeg: bytes) -> Any:
    """Return a PDF with a JPEG file as its page, as scanners write it."""
    document = pypdfium2.PdfDocument.new()
    image = pypdfium2.PdfImage.new(document)
    image.load_jpeg(io.BytesIO(jpeg), inline=True)
    width, height = image.get_px_size()
    page = document.new_page(width * 72 / 300, height * 72 / 300)
    image.set_matrix(pypdfium2.PdfMatrix().scale(*page.get_size()))
    page.insert_obj(image)
    page.gen_content()
    return document


def _jpeg(page: Image.Image) -> bytes:
    return _file(page, "JPEG", quality=76, dpi=(300, 300))


def _file(page: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    page.save(file, kind, **options)
    return file.getvalue()
