"""Old-style JPEG in TIFF (TIFF 6.0, section 22), converted to a JPEG file."""

import struct
from typing import Final

from decoding.errors import CorruptDocumentError
from decoding.tiff_directories import Directory, Tag

_START: Final = b"\xff\xd8"
_END: Final = b"\xff\xd9"
_SCAN: Final = b"\xff\xda"
_QUANTIZATION_BYTES: Final = 64
_HUFFMAN_LENGTHS: Final = 16


def to_jpeg(data: bytes, directory: Directory, strips: list[bytes]) -> bytes:
    """Return the page of a directory as a JPEG file.

    Args:
        data: The whole TIFF file.
        directory: The page's description.
        strips: Its encoded strips.

    Raises:
        CorruptDocumentError: If the file contains neither a JPEG stream nor the tables of one.
    """
    scans = b"".join(strips)
    start = directory.integer(Tag.OLD_JPEG_STREAM, 0)
    if start and data[start : start + 2] == _START:
        stream = data[start : start + (directory.integer(Tag.OLD_JPEG_STREAM_BYTES, 0) or len(data))]
        # Some writers put only the tables here; the scans are in the strips.
        return stream if _SCAN in stream else stream.removesuffix(_END) + scans + _END
    if scans.startswith(_START):
        return scans + _END
    return _START + _tables(data, directory) + _frame(directory) + scans + _END


def _tables(data: bytes, directory: Directory) -> bytes:
    tables = b""
    offsets = directory.integers(Tag.OLD_JPEG_QUANTIZATION)
    if not offsets:
        raise CorruptDocumentError("The TIFF file has a page of old-style JPEG without its tables.")
    for index, offset in enumerate(offsets):
        tables += _segment(0xDB, bytes([index]) + data[offset : offset + _QUANTIZATION_BYTES])
    for kind, tag in enumerate((Tag.OLD_JPEG_DC, Tag.OLD_JPEG_AC)):
        for index, offset in enumerate(directory.integers(tag)):
            values = sum(data[offset : offset + _HUFFMAN_LENGTHS])
            tables += _segment(0xC4, bytes([kind << 4 | index]) + data[offset : offset + _HUFFMAN_LENGTHS + values])
    if restart := directory.integer(Tag.OLD_JPEG_RESTART, 0):
        tables += _segment(0xDD, struct.pack(">H", restart))
    return tables


def _frame(directory: Directory) -> bytes:
    """Return the headers of the frame and of its only scan."""
    samples = directory.integer(Tag.SAMPLES, 1)
    horizontal, vertical = (directory.integers(Tag.SUBSAMPLING) or [2, 2])[:2] if samples == 3 else (1, 1)
    size = struct.pack(">BHHB", 8, directory.integer(Tag.HEIGHT), directory.integer(Tag.WIDTH), samples)
    quantization = len(directory.integers(Tag.OLD_JPEG_QUANTIZATION)) - 1
    huffman = len(directory.integers(Tag.OLD_JPEG_DC)) - 1
    components, selectors = b"", b""
    for index in range(samples):
        factors = horizontal << 4 | vertical if index == 0 else 0x11
        components += bytes([index + 1, factors, min(index, quantization)])
        table = max(min(index, huffman), 0)
        selectors += bytes([index + 1, table << 4 | table])
    return _segment(0xC0, size + components) + _segment(0xDA, bytes([samples]) + selectors + bytes([0, 63, 0]))


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
