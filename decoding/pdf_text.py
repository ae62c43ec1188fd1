"""Orientation of a page of a PDF, by the text that it draws."""

import math
from typing import Any, Final

import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

# Pieces of text, usually lines or words, from which on they decide. Fewer may be a stamp on a scan.
_MIN_TEXTS: Final = 20
_MIN_UPRIGHT_SHARE: Final = 0.9
_MAX_OBJECTS: Final = 1000
_QUARTERS: Final = 4
_UNSEEN: Final = (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)


def has_upright_text(page: Any) -> bool:
    """Return whether a page draws text, nearly all of it upright.

    Invisible text does not count: programs for character recognition add it to scans, and may have missed that a page
    is upside down. Text within forms does not count either, because it is not among the objects of the page.
    """
    count = min(pdfium.FPDFPage_CountObjects(page), _MAX_OBJECTS)
    turns = [_quarter_turns(pdfium.FPDFPage_GetObject(page, index)) for index in range(count)]
    rotation = pdfium.FPDFPage_GetRotation(page)  # quarter turns clockwise, in which the page is shown
    texts = [turn for turn in turns if turn is not None]
    upright = sum(turn == rotation for turn in texts)
    return len(texts) >= _MIN_TEXTS and upright >= _MIN_UPRIGHT_SHARE * len(texts)


def _quarter_turns(item: Any) -> int | None:
    """Return by how many quarter turns visible text is turned counter-clockwise; None for other objects.

    Mirrored text is turned by -1, which no page is.
    """
    if pdfium.FPDFPageObj_GetType(item) != pdfium.FPDF_PAGEOBJ_TEXT:
        return None
    if pdfium.FPDFTextObj_GetTextRenderMode(item) in _UNSEEN:
        return None
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, matrix):
        return None
    if matrix.a * matrix.d <= matrix.b * matrix.c:
        return -1
    return round(math.atan2(matrix.b, matrix.a) / (math.pi / 2)) % _QUARTERS
