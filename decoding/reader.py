"""From the bytes of a document to its pages, along the cheapest right path of each format.

Training and serving both come through here, so that a model sees the same pixels in both.
The format is told by the content alone: names and media types lie.
"""

import re
from typing import Final

from PIL import Image

from decoding import pdf, raster
from decoding.cancellation import CancelCheck, never_cancel
from decoding.document import DecodedDocument
from decoding.errors import DocumentTooLargeError, EmptyDocumentError, UnsupportedFormatError
from decoding.limits import Limits

__all__ = ["FORMATS", "DecodedDocument", "Limits", "decode_document", "decode_pages", "sniff"]

# A PDF may carry some bytes of junk before its header; readers accept it within the first 1024.
_PDF_HEADER_WITHIN: Final = 1024

_SIGNATURES: Final[dict[str, re.Pattern[bytes]]] = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    # Boxes of ISO/IEC 14496-12: the brand tells the codec, or mif1 for either, where AVIF also names itself.
    "AVIF": re.compile(rb".{4}ftyp(?:avi[fs]|mif1.{4}(?:.{4}){0,7}avif)", re.DOTALL),
    "HEIF": re.compile(rb".{4}ftyp(?:hei[cxms]|mif1)", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    # Two letters alone would claim many a text file: ask for the size of a known header as well.
    "BMP": re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL),
    "PDF": re.compile(rb".{0,%d}?%%PDF-" % (_PDF_HEADER_WITHIN - 5), re.DOTALL),
}

FORMATS: Final = tuple(_SIGNATURES)
"""Names of the formats that are decoded."""


def sniff(data: bytes) -> str | None:
    """Tell a document's format by its first bytes: one of `FORMATS`, or None."""
    return next((name for name, signature in _SIGNATURES.items() if signature.match(data)), None)


def decode_document(
    data: bytes, *, min_side: int, limits: Limits | None = None, check_cancelled: CancelCheck = never_cancel
) -> DecodedDocument:
    """Decode a document of any supported format.

    Args:
        data: The whole document.
        min_side: Pixels that the shorter side of a page must keep. A page that has more is decoded or
            rendered smaller, which is where the time is saved; one that has fewer stays as it is.
        limits: Bounds on the document; the defaults of `Limits` if None.
        check_cancelled: Called before each page; what it raises abandons the document.

    Returns:
        The pages, RGB, upright and on white, and whether some were left unread.

    Raises:
        DocumentError: One of its subclasses, and nothing else, whatever the bytes.
    """
    limits = limits or Limits()
    if not data:
        raise EmptyDocumentError("The document has no bytes.")
    if len(data) > limits.max_bytes:
        raise DocumentTooLargeError(f"The document is above the limit of {limits.max_bytes:,} bytes.")
    kind = sniff(data)
    if kind is None:
        raise UnsupportedFormatError(f"The content is none of {', '.join(FORMATS)}.")
    if kind == "PDF":
        return pdf.decode_pdf(data, min_side=min_side, limits=limits, check_cancelled=check_cancelled)
    return raster.decode_image(data, kind, min_side=min_side, limits=limits, check_cancelled=check_cancelled)


def decode_pages(data: bytes, *, min_side: int, limits: Limits | None = None) -> list[Image.Image]:
    """The pages of a document: `read` for those who need nothing else of it."""
    return decode_document(data, min_side=min_side, limits=limits).pages
