"""Rendering of PDF pages with PDFium, no larger than needed."""

import threading
from contextlib import closing
from typing import Any, Final

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]
from PIL import Image

from decoding.cancellation import CancelCheck, never_cancel
from decoding.document import DecodedDocument
from decoding.errors import CorruptDocumentError, EncryptedDocumentError
from decoding.limits import Limits
from decoding.translation import translate_errors

# PDFium has global state and is not thread-safe, not even across documents. Everything that it owns is closed while
# this lock is held; the garbage collector would free it at any time in any thread.
_PDFIUM: Final = threading.Lock()

# Small glyphs and hairlines are too dark if rendered at the final size. Twice the size reduces the difference from a
# page that is rendered large and then reduced (from 7 grey levels to 2 for text at 224 pixels), for 2 ms.
_SUPERSAMPLING: Final = 2

# Bounds the longer side of very long pages, which are not worth rendering at full size.
_MAX_ASPECT: Final = 16


def decode_pdf(
    data: bytes, *, min_side: int, limits: Limits, check_cancelled: CancelCheck = never_cancel
) -> DecodedDocument:
    """Render the first pages of a PDF.

    Args:
        data: The whole file.
        min_side: Minimum length of the shorter side of a page in pixels.
        limits: Bounds on the document; `max_pixels` applies to each image embedded in a page.
        check_cancelled: Called before each page, and when other PDFs have released PDFium.

    Raises:
        DocumentError: If the file is damaged, requires a password, or embeds an image above the limit.
    """
    pages: list[Image.Image] = []
    with _PDFIUM:
        check_cancelled()
        with translate_errors("PDF"):
            document = _open(data)
        with closing(document):
            total = len(document)
            if total == 0:
                raise CorruptDocumentError("The PDF has no page.")
            count = min(total, limits.max_pages)
            for index in range(count):
                check_cancelled()
                with translate_errors("PDF"):
                    pages.append(_render(document, index, min_side, limits))
    return DecodedDocument(pages, truncated=total > count)


def _open(data: bytes) -> Any:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise EncryptedDocumentError("The PDF requires a password.") from error
        raise


def _render(document: Any, index: int, min_side: int, limits: Limits) -> Image.Image:
    with closing(document[index]) as page:
        for image in page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_IMAGE,)):
            limits.check_pixels(*image.get_px_size())
        shorter, longer = sorted(page.get_size())
        if shorter <= 0:
            raise CorruptDocumentError(f"Page {index + 1} of the PDF has no area.")
        scale = _SUPERSAMPLING * min(min_side / shorter, _MAX_ASPECT * min_side / longer)
        # PDFium rounds up: at least one pixel each way, and never below min_side.
        with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:
            # A copy, because the bitmap frees its memory.
            rendered: Image.Image = bitmap.to_pil().convert("RGB").copy()
            return rendered
