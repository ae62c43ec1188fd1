"""Pages of a document as JPEG images for display."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final

from PIL import Image

from decoding.cancellation import CancelCheck, never_cancel
from decoding.limits import Limits
from decoding.orientation import turn_page
from decoding.reader import decode_document

JPEG_SIGNATURE: Final = b"\xff\xd8\xff"
_QUALITY: Final = 82


@dataclass(frozen=True, slots=True)
class RenderedPages:
    """The pages of one document as JPEG files."""

    files: list[bytes]
    """One JPEG file for each page."""
    truncated: bool
    """Whether the document has further pages or parts that were not read; see `DecodedDocument.truncated`."""


def render_jpegs(
    data: bytes,
    box: tuple[int, int],
    limits: Limits,
    check_cancelled: CancelCheck = never_cancel,
    *,
    rotated: Sequence[int] = (),
) -> RenderedPages:
    """Render the pages of a document as JPEG images, in this process.

    Args:
        data: The whole document.
        box: Width and height that a page must fit into, in pixels. Smaller pages keep their size.
        limits: Bounds on the document.
        check_cancelled: Called before each page.
        rotated: By how many degrees to turn each page clockwise, a multiple of 90; further pages are not turned.

    Raises:
        DocumentError: If the document cannot be read.
    """
    document = decode_document(data, min_side=min(box), limits=limits, check_cancelled=check_cancelled)
    degrees = chain(rotated, repeat(0))
    turned = [turn_page(page, angle) for page, angle in zip(document.pages, degrees, strict=False)]
    return RenderedPages([_encode_jpeg(page, box) for page in turned], document.truncated)


def _encode_jpeg(page: Image.Image, box: tuple[int, int]) -> bytes:
    page.thumbnail(box)
    file = io.BytesIO()
    page.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
