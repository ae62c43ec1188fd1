"""An estimate of the time that a document takes to decode, from the sizes that its file states.

It decides where a document waits: those that are likely slow do not delay others. Nothing is decoded but the beginning
of the longest page descriptions of a PDF. The estimate is rough, and a document can be much slower than it looks: such
a document makes way later, see `decoding.isolation.lanes`.
"""

import heapq
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

from decoding import jpeg
from decoding.errors import DocumentError
from decoding.limits import Limits
from decoding.reader import sniff_signature
from decoding.tiff_directories import Tag, read_directories

LIKELY_SLOW_SECONDS: Final = 0.2
"""Estimate from which on a document counts as likely slow. Most documents take less than half of it."""

# CPU seconds per million pixels, measured on photographs and scans at the sizes that models need.
_JPEG, _PROGRESSIVE_JPEG, _TIFF = 0.006, 0.02, 0.01
_IMAGES: Final = {"PNG": 0.012, "GIF": 0.01, "BMP": 0.004, "WEBP": 0.015, "HEIF": 0.03, "AVIF": 0.025}
_IMAGES_IN_PDF: Final = {b"/JPX": 0.08, b"/DCT": 0.008, b"/CCITT": 0.004, b"/JBIG2": 0.006}
_OTHER_IMAGE_IN_PDF: Final = 0.012
_MILLION: Final = 1_000_000
# CPU seconds per byte of a page description, and per area or line that it paints.
_PER_BYTE: Final = 5e-7
_PER_PAINTING: Final = 3e-5

# What is examined at most, because the file may be hostile: pages, streams of a PDF, bytes of a dictionary.
_PAGES: Final = Limits().max_pages
_MAX_STREAMS: Final = 4000
_DICTIONARY_BYTES: Final = 500
_MAX_DESCRIPTION_BYTES: Final = int(LIKELY_SLOW_SECONDS / _PER_BYTE)
_HEIF_HEADER_BYTES: Final = 64 * 1024

_SIZE: Final = re.compile(rb"/(Width|Height)\s+(\d{1,6})\b")
# Streams that are not page descriptions: fonts, profiles, objects, cross-references, metadata, attachments.
_OTHER_STREAM: Final = re.compile(
    rb"/(?:Length[123]|FontFile|Type1C|CIDFontType0C|OpenType|ObjStm|XRef|Metadata|N|EmbeddedFile)\b"
)
_PAINTING: Final = frozenset({b"f", b"f*", b"F", b"B", b"B*", b"b", b"b*", b"S", b"s", b"sh"})
# Draws an image, or a form: a description that several pages share, or that one page repeats.
_USE: Final = b"Do"
_BRACKETS_TO_SPACES: Final = bytes.maketrans(b"])", b"  ")
_IMAGE_SPATIAL_EXTENT: Final = re.compile(rb"ispe.{4}(.{4})(.{4})", re.DOTALL)


def is_likely_slow(data: bytes) -> bool:
    """Return whether a document probably takes long to decode."""
    return estimate_seconds(data) >= LIKELY_SLOW_SECONDS


def estimate_seconds(data: bytes) -> float:
    """Return about how many CPU seconds a document takes to decode; 0 if its file states no sizes.

    Args:
        data: The whole document. Invalid content raises no error.
    """
    kind = sniff_signature(data)
    try:
        if kind == "PDF":
            return _pdf_seconds(data)
        if kind == "TIFF":
            return _TIFF * _tiff_pixels(data) / _MILLION
        if kind == "JPEG":
            width, height = jpeg.frame_size(data)
            factor = _JPEG if jpeg.is_decoded_by_rows(data) else _PROGRESSIVE_JPEG
            return factor * width * height / _MILLION
        if kind in _IMAGES:
            width, height = _IMAGE_SIZES[kind](data)
            return _IMAGES[kind] * width * height / _MILLION
    except (DocumentError, struct.error, ValueError):
        return 0.0
    return 0.0


def _pdf_seconds(data: bytes) -> float:
    """Return the estimate for a PDF: that of its largest images and longest page descriptions.

    Which of them belong to the pages that are rendered is not examined, but no more than one of each per page counts.
    """
    images, descriptions = [], []
    for dictionary, start, end in islice(_streams(data), _MAX_STREAMS):
        if b"/Image" in dictionary:
            images.append(_image_seconds(dictionary))
        elif not _OTHER_STREAM.search(dictionary):
            descriptions.append((end - start, start, dictionary))
    seconds = sum(heapq.nlargest(_PAGES, images))
    longest_form, uses = 0.0, 0
    for size, start, dictionary in heapq.nlargest(_PAGES, descriptions):
        if seconds >= LIKELY_SLOW_SECONDS:
            break
        text = memoryview(data)[start : start + size]
        description = _inflate(text) if b"Fl" in dictionary else bytes(text[:_MAX_DESCRIPTION_BYTES])
        words = description.translate(_BRACKETS_TO_SPACES).split()
        own = _PER_BYTE * len(description) + _PER_PAINTING * sum(map(_PAINTING.__contains__, words))
        seconds += own
        uses += words.count(_USE)
        if b"/Form" in dictionary:
            longest_form = max(longest_form, own)
    return seconds + uses * longest_form


def _streams(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each stream's dictionary, or the end of it, and the position of its content."""
    end = 0
    while (keyword := data.find(b"stream", end)) >= 0:
        start = keyword + len(b"stream")
        end = data.find(b"endstream", start)
        if end < 0:
            return
        before = data[max(0, keyword - _DICTIONARY_BYTES) : keyword]
        yield before[before.rfind(b"obj") + 1 :], start, end
        end += len(b"endstream")


def _image_seconds(dictionary: bytes) -> float:
    sizes = {name: int(number) for name, number in _SIZE.findall(dictionary)}
    pixels = sizes.get(b"Width", 0) * sizes.get(b"Height", 0)
    factor = next((cost for name, cost in _IMAGES_IN_PDF.items() if name in dictionary), _OTHER_IMAGE_IN_PDF)
    return factor * pixels / _MILLION


def _inflate(text: memoryview) -> bytes:
    """Return the beginning of a compressed page description; nothing if it is damaged."""
    try:
        return zlib.decompressobj().decompress(bytes(text).lstrip(b"\r\n"), _MAX_DESCRIPTION_BYTES)
    except zlib.error:
        return b""


def _tiff_pixels(data: bytes) -> int:
    """Return the number of pixels of the first pages of a TIFF file."""
    sizes = islice(read_directories(data, frozenset({Tag.WIDTH, Tag.HEIGHT})), _PAGES)
    return sum(directory.integer(Tag.WIDTH) * directory.integer(Tag.HEIGHT) for directory in sizes)


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


def _webp_size(data: bytes) -> tuple[int, int]:
    if data[12:16] == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if data[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _heif_size(data: bytes) -> tuple[int, int]:
    """Return the size of the largest image; a file may contain thumbnails and tiles."""
    extents = _IMAGE_SPATIAL_EXTENT.findall(data[:_HEIF_HEADER_BYTES])
    sizes = [(int.from_bytes(width), int.from_bytes(height)) for width, height in extents]
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


_IMAGE_SIZES: Final[Mapping[str, Callable[[bytes], tuple[int, int]]]] = {
    "PNG": _png_size,
    "GIF": _gif_size,
    "BMP": _bmp_size,
    "WEBP": _webp_size,
    "HEIF": _heif_size,
    "AVIF": _heif_size,
}
