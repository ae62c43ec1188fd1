"""How much of a document the service is willing to unpack."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from decoding.errors import DecompressionBombError

CancelCheck = Callable[[], None]
"""Called between the steps of the work; raises to abandon it."""


def never_cancel() -> None:
    """The check_cancelled of those who wait as long as it takes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one document, checked before memory is spent on it."""

    max_bytes: int = 40 * 1024 * 1024
    """Bytes of the encoded document. 40 MiB hold an uncompressed 300-dpi A4 page in CMYK."""
    max_pixels: int = 80_000_000
    """Pixels of one page or embedded image. 80 million hold an A3 page at 600 dpi."""
    max_pages: int = 8
    """Pages read from the front of a document; the rest is left unread, and the answer says so."""
    max_seconds: float = 20.0
    """Seconds that a decoder process may take for the document. An honest one takes less than one."""
    max_memory: int = 3 * 1024**3
    """Bytes of address space of a decoder process (Linux). A page of `max_pixels` in 32 bits needs about 1.5 GiB."""

    def check_pixels(self, width: int, height: int) -> None:
        """Refuse a page that would unpack to too many pixels.

        Raises:
            DecompressionBombError: If `width` times `height` is above `max_pixels`.
        """
        if width * height > self.max_pixels:
            raise DecompressionBombError(
                f"A page of {width} by {height} pixels is above the limit of {self.max_pixels:,} pixels."
            )


@dataclass(frozen=True, slots=True)
class DecodedDocument:
    """The pages that were read from a document."""

    pages: list[Image.Image]
    """RGB, upright, on white; at least one."""
    truncated: bool = False
    """Whether the document has further pages that were not read (`Limits.max_pages`)."""
