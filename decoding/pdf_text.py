"""Orientation of a page of a PDF, by the text that it draws."""

import ctypes
import math
from typing import Any, Final, NamedTuple

import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

# Lines of text from which on they decide. Fewer may be a stamp on a scan, which some writers draw letter by letter.
_MIN_LINES: Final = 8
_MIN_UPRIGHT_SHARE: Final = 0.9
# Share of the page that images and forms may cover. Behind more, text says nothing about what a person sees.
_MAX_COVERED: Final = 0.2
# More objects take longer to look through than the network takes to look at the page.
_MAX_OBJECTS: Final = 1000
_QUARTERS: Final = 4
_COVERING: Final = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM)
_UNSEEN: Final = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)


class _Text(NamedTuple):
    """A piece of text: its quarter turns counter-clockwise, and the position of its line across them, in points."""

    turns: int
    line: int


def has_upright_text(page: Any) -> bool:
    """Return whether a page draws lines of text, nearly all of them upright, and little else.

    Invisible text does not count: programs for character recognition add it to scans, and may have missed that a page
    is upside down. Text outside of the page does not count either, nor do pages with large images or forms.
    """
    count = pdfium.FPDFPage_CountObjects(page)
    box = pdfium.FS_RECTF()
    if count > _MAX_OBJECTS or not pdfium.FPDF_GetPageBoundingBox(page, box):
        return False
    items = [pdfium.FPDFPage_GetObject(page, index) for index in range(count)]
    kinds = [(item, pdfium.FPDFPageObj_GetType(item)) for item in items]
    covered = sum(_area(item, box) for item, kind in kinds if kind in _COVERING)
    if covered > _MAX_COVERED * (box.right - box.left) * (box.top - box.bottom):
        return False
    drawn = (_visible_text(item, box) for item, kind in kinds if kind == pdfium.FPDF_PAGEOBJ_TEXT)
    texts = [text for text in drawn if text]
    rotation = pdfium.FPDFPage_GetRotation(page)  # quarter turns clockwise, in which the page is shown
    upright = [text.line for text in texts if text.turns == rotation]
    return len(set(upright)) >= _MIN_LINES and len(upright) >= _MIN_UPRIGHT_SHARE * len(texts)


def _area(item: Any, box: Any) -> float:
    """Return the area of an object within the page, in square points."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top):
        return 0.0
    width = min(right.value, box.right) - max(left.value, box.left)
    height = min(top.value, box.top) - max(bottom.value, box.bottom)
    return max(0.0, float(width)) * max(0.0, float(height))


def _visible_text(item: Any, box: Any) -> _Text | None:
    """Return a text object; None if it is invisible or begins outside of the page.

    Mirrored text has -1 quarter turns, which no page has.
    """
    if pdfium.FPDFTextObj_GetTextRenderMode(item) in _UNSEEN:
        return None
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, matrix):
        return None
    if not (box.left <= matrix.e <= box.right and box.bottom <= matrix.f <= box.top):
        return None
    if matrix.a * matrix.d <= matrix.b * matrix.c:
        return _Text(-1, 0)
    turns = round(math.atan2(matrix.b, matrix.a) / (math.pi / 2)) % _QUARTERS
    return _Text(turns, round(matrix.e if turns % 2 else matrix.f))
