"""PDF pages by PDFium, rendered at the size needed and no larger."""

import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]
from PIL import Image

from decoding.cancellation import CancelCheck, never_cancel
from decoding.document import DecodedDocument
from decoding.errors import CorruptDocumentError, DocumentError, EncryptedDocumentError
from decoding.limits import Limits

logger = logging.getLogger(__name__)

# PDFium keeps global state and is not thread-safe, not even across documents. Everything it owns is
# also closed under this lock: left to the garbage collector it would be freed at any time by any thread.
_PDFIUM: Final = threading.Lock()

# Small glyphs and hairlines come out too dark when rendered at the final size. Twice the size halves the
# difference to a page rendered large and shrunk (7 grey levels to 2 for text at 224 pixels), for 2 ms.
_SUPERSAMPLING: Final = 2

# A page a hundred times as long as wide is not worth rendering in full: its longer side is bounded.
_MAX_ASPECT: Final = 16


def decode_pdf(
    data: bytes, *, min_side: int, limits: Limits, check_cancelled: CancelCheck = never_cancel
) -> DecodedDocument:
    """Render the first pages of a PDF.

    Args:
        data: The whole file.
        min_side: Pixels that the shorter side of a page must have at least.
        limits: Bounds on the document; `max_pixels` holds for each image embedded in a page.
        check_cancelled: Called before each page, after waiting for other PDFs; what it raises passes.

    Raises:
        DocumentError: If the file is damaged, needs a password, or embeds an image that is too large.
    """
    pages: list[Image.Image] = []
    with _PDFIUM:
        check_cancelled()
        with _damage_told():
            document = pypdfium2.PdfDocument(data)
        with closing(document):
            total = len(document)
            if total == 0:
                raise CorruptDocumentError("The PDF has no page.")
            count = min(total, limits.max_pages)
            for index in range(count):
                check_cancelled()
                with _damage_told():
                    pages.append(_rendered(document, index, min_side, limits))
    return DecodedDocument(pages, truncated=total > count)


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except DocumentError:
        raise
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise EncryptedDocumentError("The PDF opens with a password only.") from error
        raise CorruptDocumentError("The PDF is damaged or cut short.") from error
    except Exception as error:  # ctypes and Pillow below the binding
        logger.debug("PDF renderer failed", exc_info=True)
        raise CorruptDocumentError("The PDF cannot be rendered.") from error


def _rendered(document: Any, index: int, min_side: int, limits: Limits) -> Image.Image:
    with closing(document[index]) as page:
        for picture in page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_IMAGE,)):
            limits.check_pixels(*picture.get_px_size())
        shorter, longer = sorted(page.get_size())
        if shorter <= 0:
            raise CorruptDocumentError(f"Page {index + 1} of the PDF has no area.")
        scale = _SUPERSAMPLING * min(min_side / shorter, _MAX_ASPECT * min_side / longer)
        # Rounded up by PDFium: at least one pixel each way, never below min_side by a rounding.
        with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:
            # A copy: the view would outlive the bitmap's memory.
            rendered: Image.Image = bitmap.to_pil().convert("RGB").copy()
            return rendered
