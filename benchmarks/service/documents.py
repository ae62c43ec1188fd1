"""The documents of the benchmark, drawn from a seed."""

import io
from typing import Any, Final

from PIL import Image

from training.synthesis.samples import draw_page
from training.synthesis.typeset import document_content, typeset_pdf

A4_AT_300_DPI: Final = 3509
"""Long side of the page in pixels."""

SCAN: Final = "A4 scan, 300 dpi, JPEG"
PHOTO: Final = "photo, 1000 px, JPEG"
FAX: Final = "A4, 300 dpi, TIFF group 4"
PDF: Final = "PDF, a page of text"


def draw(each: int = 3) -> dict[str, list[bytes]]:
    """Draw documents of each kind. JPEGs have quality 76, as scanners write them."""
    seeds = range(each)
    return {
        SCAN: [_jpeg(draw_page("invoice", seed, condition="scan", long_side=A4_AT_300_DPI)) for seed in seeds],
        PHOTO: [_jpeg(draw_page("receipt", seed, condition="photo", long_side=1000)) for seed in seeds],
        FAX: [_fax(draw_page("typewritten", seed, condition="copy", long_side=A4_AT_300_DPI)) for seed in seeds],
        PDF: [typeset_pdf("invoice", document_content(seed)) for seed in seeds],
    }


def _jpeg(page: Image.Image) -> bytes:
    return _file(page, "JPEG", quality=76, dpi=(300, 300))


def _fax(page: Image.Image) -> bytes:
    return _file(page.convert("1"), "TIFF", compression="group4", dpi=(300, 300))


def _file(page: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    page.save(file, kind, **options)
    return file.getvalue()
