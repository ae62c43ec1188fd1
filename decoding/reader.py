"""Decoding of documents in every supported format.

Training and serving both use this module, so that a model gets the same pixels in both. The format is detected by the
content; file names and media types are ignored.
"""

import re
from dataclasses import replace
from typing import Final

from PIL import Image

from decoding import pdf, raster, text, text_pdf, tiff
from decoding.cancellation import CancelCheck, never_cancel
from decoding.convertible import PARAMETER, convertible_format
from decoding.document import DecodedDocument
from decoding.errors import DocumentTooLargeError, EmptyDocumentError, UnsupportedFormatError
from decoding.grey import to_rgb
from decoding.limits import Limits
from decoding.raster import JpegMode

# A PDF may have other bytes before its header. Viewers accept it within the first 1024 bytes.
_PDF_HEADER_WITHIN: Final = 1024

_SIGNATURES: Final[dict[str, re.Pattern[bytes]]] = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    # Boxes of ISO/IEC 14496-12. The brand names the codec: of still images or sequences, in several profiles. With mif1
    # and msf1, which allow any codec, AVIF also lists its own brand.
    "AVIF": re.compile(rb".{4}ftyp(?:avi[fs]|m[is]f1.{4}(?:.{4}){0,7}avi[fs])", re.DOTALL),
    "HEIF": re.compile(rb".{4}ftyp(?:he[iv][cxms]|m[is]f1)", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    # Two letters would also match text files; the size of a known header follows them.
    "BMP": re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL),
    # Some writers omit the dash before the version. The header of the first file in an archive that is not compressed
    # (ZIP, TAR) or in a compound file of Office is not that of the document.
    "PDF": re.compile(
        rb"(?!PK\x03\x04|\xd0\xcf\x11\xe0|.{257}ustar).{0,%d}?%%PDF[-\s\d]" % (_PDF_HEADER_WITHIN - 5), re.DOTALL
    ),
}

# What every PDF contains behind its header.
_PDF_SYNTAX: Final = re.compile(rb"\b\d+\s+obj\b|\bstartxref\b")

_TEXT: Final = "TEXT"
# Images whose files are text: PBM, PGM and PPM in ASCII, XPM and XBM.
_IMAGE_AS_TEXT: Final = re.compile(
    rb"P[123]\s+(?:#[^\n]*\n\s*)*\d+\s+\d+\s|/\* XPM|(?:/\*.{0,200}?\*/\s*)?#define \w+_width\s", re.DOTALL
)

FORMATS: Final = (*_SIGNATURES, _TEXT)
"""Names of the supported formats."""


def sniff(data: bytes) -> str | None:
    """Return the format of a document by its content: one of `FORMATS`, or None."""
    name = sniff_signature(data)
    if name == "PDF" and _only_mentions_pdf(data):
        name = None
    if name is not None or convertible_format(data) is not None or _IMAGE_AS_TEXT.match(data):
        return name
    return _TEXT if text.read_text(data) is not None else None


def _only_mentions_pdf(data: bytes) -> bool:
    """Return whether a file that contains the header of a PDF is a text about one, such as a log."""
    if data.lstrip().startswith(b"%PDF") or _PDF_SYNTAX.search(data):
        return False
    return text.read_text(data) is not None


def sniff_signature(data: bytes) -> str | None:
    """Return the format of a document with a signature; None for text and for other content."""
    return next((name for name, signature in _SIGNATURES.items() if signature.match(data)), None)


def decode_document(
    data: bytes,
    *,
    min_side: int,
    limits: Limits | None = None,
    check_cancelled: CancelCheck = never_cancel,
    part: range | None = None,
) -> DecodedDocument:
    """Decode a document of any supported format.

    Args:
        data: The whole document.
        min_side: Minimum length of the shorter side of a page in pixels. Larger pages are decoded or rendered at a
            reduced size, which saves time. Smaller pages keep their size.
        limits: Bounds on the document; the defaults of `Limits` if None.
        check_cancelled: Called before each page.
        part: The pages of a PDF to decode, from 0 on; all if None. Other formats are always decoded completely.

    Returns:
        The pages in RGB, and whether there are further ones.

    Raises:
        DocumentError: If the document cannot be read. No other exception is raised for any content.
    """
    document = decode_unconverted(data, min_side=min_side, limits=limits, check_cancelled=check_cancelled, part=part)
    return replace(document, pages=[to_rgb(page) for page in document.pages])


def decode_unconverted(
    data: bytes,
    *,
    min_side: int,
    limits: Limits | None = None,
    check_cancelled: CancelCheck = never_cancel,
    part: range | None = None,
    jpeg_mode: JpegMode = "RGB",
) -> DecodedDocument:
    """Decode a document like `decode_document`, but leave pages in grey that are stored so.

    Most JPEG files in colour are decoded to `jpeg_mode`, see `decoding.raster.decode_image`.
    """
    limits = limits or Limits()
    if not data:
        raise EmptyDocumentError("The document has no bytes.")
    if len(data) > limits.max_bytes:
        raise DocumentTooLargeError(f"The document is above the limit of {limits.max_bytes:,} bytes.")
    kind = sniff(data)
    if kind is None:
        raise _unsupported(data)
    if kind == "PDF":
        return pdf.decode_pdf(data, min_side=min_side, limits=limits, check_cancelled=check_cancelled, part=part)
    if kind == "TIFF":
        return tiff.decode_tiff(data, min_side=min_side, limits=limits, check_cancelled=check_cancelled)
    if kind == _TEXT:
        return text_pdf.decode_text(data, min_side=min_side, limits=limits, check_cancelled=check_cancelled)
    return raster.decode_image(
        data, kind, min_side=min_side, limits=limits, check_cancelled=check_cancelled, jpeg_mode=jpeg_mode
    )


def _unsupported(data: bytes) -> UnsupportedFormatError:
    if convertible_format(data):
        return UnsupportedFormatError(
            f"Office documents, web pages, mail and archives are read only with the parameter {PARAMETER}."
        )
    return UnsupportedFormatError(f"The format is not supported. Supported: {', '.join(FORMATS)}.")


def decode_pages(data: bytes, *, min_side: int, limits: Limits | None = None) -> list[Image.Image]:
    """Return the pages of a document; see `decode_document`."""
    return decode_document(data, min_side=min_side, limits=limits).pages
