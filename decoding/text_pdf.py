"""Drawing of plain text as a PDF, with the Courier that PDFium contains and a font of the system for other scripts."""

import ctypes
import io
import logging
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from decoding.cancellation import CancelCheck, never_cancel
from decoding.document import DecodedDocument
from decoding.errors import CorruptDocumentError
from decoding.limits import Limits, PageCount
from decoding.pdf import PDFIUM_LOCK, decode_pdf
from decoding.text import MAX_TEXT_BYTES, read_text
from decoding.text_layout import CELL_WIDTH, LINE_HEIGHT, MARGIN, PAGE_HEIGHT, PAGE_WIDTH, TextLayout, cells, lay_out

logger = logging.getLogger(__name__)

_COURIER: Final = b"Courier"
_COURIER_ENCODING: Final = "cp1252"

# Of the time for further pages. A page in another script takes twice as long to draw as to render.
_DRAWING_SHARE: Final = 0.7

# Fonts for other scripts, the one with most of them first. The container image contains the first.
_FALLBACKS: Final = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",
)


def decode_text(
    data: bytes, *, min_side: int, limits: Limits, check_cancelled: CancelCheck = never_cancel
) -> DecodedDocument:
    """Draw the first pages of a text file, as a printer would.

    Args:
        data: The whole file.
        min_side: Minimum length of the shorter side of a page in pixels.
        limits: Bounds on the document.
        check_cancelled: Called before each page.

    Raises:
        CorruptDocumentError: If the file is not text.
    """
    drawing, began = PageCount(_with_further_seconds(limits, 0.0, _DRAWING_SHARE)), time.monotonic()
    text = read_text(data)
    if text is None:
        raise CorruptDocumentError("The file is not text.")
    layout = lay_out(text, limits.max_pages)
    file, complete = _draw(layout, drawing, check_cancelled)
    rest = _with_further_seconds(limits, time.monotonic() - began)
    decoded = decode_pdf(file, min_side=min_side, limits=rest, check_cancelled=check_cancelled)
    truncated = layout.truncated or not complete or decoded.truncated or len(data) > MAX_TEXT_BYTES
    return DecodedDocument(decoded.pages, truncated, upright=(True,) * len(decoded.pages))


def _with_further_seconds(limits: Limits, spent: float, share: float = 1.0) -> Limits:
    """Return the limits with a share of the time for further pages that is left."""
    if limits.further_seconds is None:
        return limits
    return replace(limits, further_seconds=max(0.0, limits.further_seconds * share - spent))


def _draw(layout: TextLayout, budget: PageCount, check_cancelled: CancelCheck) -> tuple[bytes, bool]:
    """Return the text as a PDF, and whether it has all pages."""
    drawn = 0
    with PDFIUM_LOCK, closing(pypdfium2.PdfDocument.new()) as document:
        fonts = _Fonts(document)
        size = (PAGE_HEIGHT, PAGE_WIDTH) if layout.landscape else (PAGE_WIDTH, PAGE_HEIGHT)
        for lines in layout.pages:
            check_cancelled()
            if not budget.admits_next(drawn):
                break
            drawn += 1
            with closing(document.new_page(*size)) as page:
                for number, line in enumerate(lines, start=1):
                    y = size[1] - MARGIN - number * layout.font_size * LINE_HEIGHT
                    for column, run in _runs(line):
                        x = MARGIN + column * layout.font_size * CELL_WIDTH
                        fonts.draw(page, run, x, y, layout.font_size)
                pdfium.FPDFPage_GenerateContent(page)
        file = io.BytesIO()
        document.save(file)
        return file.getvalue(), drawn == len(layout.pages)


def _runs(line: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of a line that one font draws, each with the column in which it starts."""
    column = 0
    for in_courier, group in groupby(line, key=_is_in_courier):
        run = "".join(group)
        # Courier's characters fill the grid. Those of other fonts do not, so each is positioned.
        for part in [run] if in_courier else run:
            if part.strip():
                yield column, part
            column += len(part) if in_courier else cells(part)


def _is_in_courier(character: str) -> bool:
    return character.isascii() or bool(character.encode(_COURIER_ENCODING, errors="ignore"))


class _Fonts:
    """The fonts of one document, in which the fallback is embedded when it is first used."""

    def __init__(self, document: Any) -> None:
        self._document: Final = document
        self._courier: Final = pdfium.FPDFText_LoadStandardFont(document, _COURIER)
        self._fallback: Any = None

    def draw(self, page: Any, run: str, x: float, y: float, size: float) -> None:
        """Draw characters of one font at a position in points from the lower left corner of the page."""
        font = self._courier if _is_in_courier(run[0]) else self._load_fallback()
        text = pdfium.FPDFPageObj_CreateTextObj(self._document, font, size)
        encoded = ctypes.create_string_buffer((run + "\0").encode("utf-16-le", errors="replace"))
        pdfium.FPDFText_SetText(text, ctypes.cast(encoded, pdfium.FPDF_WIDESTRING))
        pdfium.FPDFPageObj_Transform(text, 1, 0, 0, 1, x, y)
        pdfium.FPDFPage_InsertObject(page, text)

    def _load_fallback(self) -> Any:
        if self._fallback is None:
            data = _fallback_font()
            if data:
                buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
                is_cid = 1
                self._fallback = pdfium.FPDFText_LoadFont(
                    self._document, buffer, len(data), pdfium.FPDF_FONT_TRUETYPE, is_cid
                )
            self._fallback = self._fallback or self._courier
        return self._fallback


@cache
def _fallback_font() -> bytes:
    """Return the first of `_FALLBACKS` that the system has; empty without one."""
    for path in map(Path, _FALLBACKS):
        if path.is_file():
            return path.read_bytes()
    logger.warning("no font for text in other scripts than Latin")
    return b""
