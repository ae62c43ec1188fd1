"""JPEG files: their colours, those whose end is missing, and the memory that their decoding takes."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from decoding.errors import CorruptDocumentError

END_MARKER: Final = b"\xff\xd9"
_START_OF_SCAN: Final = 0xDA
# Sequential frames with Huffman coding: baseline and extended.
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

# Segments of a header that are read; a photograph has about ten, or a hundred with a large colour profile or metadata.
_MAX_SEGMENTS: Final = 1000

# The decoder leaves missing blocks at the middle of the range.
_MISSING: Final = 128
# Rows of a block of subsampled pixels.
_BLOCK: Final = 16
MIN_SHARE: Final = 0.4
"""Share of a page that must have been decoded."""


def is_decoded_by_rows(data: bytes) -> bool:
    """Return whether the file is decoded row by row, so that a reduced decoding takes memory for the reduced size only.

    Files with several scans, such as progressive ones, are decoded to coefficients of the full size first.
    """
    components = 0
    for marker, segment in _segments(data):
        if marker in _FRAMES:
            if marker not in _SEQUENTIAL or len(segment) < 6:
                return False
            components = segment[5]
        if marker == _START_OF_SCAN:
            return components > 0 and segment[:1] == bytes([components])
    return False


def frame_size(data: bytes) -> tuple[int, int]:
    """Return width and height as the header states them; zeros if it does not."""
    for marker, segment in _segments(data):
        if marker in _FRAMES and len(segment) >= 5:
            return int.from_bytes(segment[3:5]), int.from_bytes(segment[1:3])
    return 0, 0


def has_luminance(image: JpegImagePlugin.JpegImageFile) -> bool:
    """Return whether the channels of a file in colour are luminance and chrominance, not R, G and B.

    libjpeg decides in the same way (`default_decompress_parms` in jdapimin.c).
    """
    if "jfif" in image.info:
        return True
    if "adobe" in image.info:
        return image.info.get("adobe_transform") != 0
    return [channel[0] for channel in image.layer] != list(b"RGB")


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the segments of the header, up to the first scan."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        if position + 4 > len(data) or data[position] != 0xFF:
            return
        marker = data[position + 1]
        if marker == 0xFF:  # padding
            position += 1
            continue
        size = int.from_bytes(data[position + 2 : position + 4])
        if size < 2:
            return
        yield marker, data[position + 4 : position + 2 + size]  # empty in an empty comment
        if marker == _START_OF_SCAN:
            return
        position += 2 + size


def whiten_missing(image: Image.Image) -> tuple[Image.Image, bool]:
    """Replace the pixels that are missing at the end of a page by white.

    Args:
        image: A page decoded from an incomplete file.

    Returns:
        The page, and whether pixels are missing.

    Raises:
        CorruptDocumentError: If less than `MIN_SHARE` of the page has been decoded.
    """
    missing = _missing(np.asarray(image))
    if not missing.any():
        return image, False
    if missing.mean() > 1 - MIN_SHARE:
        raise CorruptDocumentError("The JPEG file ends before two fifths of its page.")
    white = (0, 0, 0, 0) if image.mode == "CMYK" else "white"
    image.paste(white, mask=Image.fromarray(missing))
    return image, True


def _missing(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which pixels are missing: whole rows at the bottom, and the rest of the last row of blocks above them."""
    close = np.abs(pixels.astype(np.int16) - _MISSING) <= 1
    grey: NDArray[np.bool_] = np.all(close, axis=2) if close.ndim == 3 else close
    complete = np.flatnonzero(~grey.all(axis=1))
    last = int(complete[-1]) if len(complete) else -1
    missing = np.zeros_like(grey)
    missing[last + 1 :] = True
    if last >= 0:
        right = int(np.flatnonzero(~grey[last])[-1]) + 1
        band = slice(max(0, last + 1 - _BLOCK), last + 1)
        missing[band, right:] = grey[band, right:]
    return missing
