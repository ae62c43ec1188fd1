"""Bounds on the resources that one document may use."""

import time
from dataclasses import dataclass
from typing import Final

from decoding.errors import DecompressionBombError

# Pixels read per pixel decoded, at most, of a page that is decoded at a reduced size.
_REDUCED_FACTOR: Final = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one document, checked before memory is spent on it."""

    max_bytes: int = 40 * 1024 * 1024
    """Bytes of the encoded document. 40 MiB hold an uncompressed 300-dpi A4 page in CMYK."""
    max_pixels: int = 80_000_000
    """Pixels decoded of one page or embedded image. 80 million hold an A3 page at 600 dpi. Baseline JPEG files, which
    are decoded at a reduced size, and bilevel images may have eight times as many: an A0 plan at 600 dpi."""
    max_pages: int = 40
    """Pages read from the front of a document. Further pages are skipped and reported as truncated."""
    front_pages: int = 8
    """Pages that are always read. The further ones up to `max_pages` never make a document unreadable: it
    is truncated where one fails, or when `further_seconds` are over."""
    further_seconds: float | None = None
    """Seconds since the start of decoding after which no page but the front ones is begun. None: no bound, so that the
    result does not depend on the machine."""
    max_seconds: float = 20.0
    """Seconds that a decoder process may work on the document. Ordinary documents take less than one."""
    max_memory: int = 3 * 1024**3
    """Bytes of address space of a decoder process (Linux). A page of `max_pixels` in 32 bits needs about 1.5 GiB."""
    slow_after: float | None = None
    """Seconds of decoding after which a document counts as too slow if its caller stops waiting. None: never."""
    forms: bool = True
    """Whether form fields of PDFs are drawn. A PDF that crashed its decoder process is decoded again without them."""

    def check_reduced_pixels(self, width: int, height: int) -> None:
        """Reject a page that is decoded at a reduced size, if the time for its full size would be too long.

        Raises:
            DecompressionBombError: If `width` times `height` is above eight times `max_pixels`.
        """
        if width * height > self.max_pixels * _REDUCED_FACTOR:
            raise DecompressionBombError(
                f"A page of {width} by {height} pixels is above the limit of {self.max_pixels * _REDUCED_FACTOR:,} "
                "pixels of a reduced decoding."
            )

    def check_pixels(self, width: int, height: int) -> None:
        """Reject a page that would decode to too many pixels.

        Raises:
            DecompressionBombError: If `width` times `height` is above `max_pixels`.
        """
        if width * height > self.max_pixels:
            raise DecompressionBombError(
                f"A page of {width} by {height} pixels is above the limit of {self.max_pixels:,} pixels."
            )


class PageCount:
    """Decides how many pages of a document are read. Decoding starts with its creation.

    Args:
        limits: Bounds on the document.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits: Final = limits
        self._end: Final = None if limits.further_seconds is None else time.monotonic() + limits.further_seconds

    def is_front(self, pages: int) -> bool:
        """Return whether the next page is one of those that must be readable, after a number of pages."""
        return pages < self._limits.front_pages

    def admits_next(self, pages: int) -> bool:
        """Return whether the next page is read, after a number of pages."""
        if pages >= self._limits.max_pages:
            return False
        return self.is_front(pages) or self._end is None or time.monotonic() < self._end
