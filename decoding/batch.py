"""Page batches: every page of a document, decoded and brought to a model's input size."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from decoding.cancellation import CancelCheck, never_cancel
from decoding.grey import to_grey
from decoding.limits import Limits
from decoding.orientation import orientation_view
from decoding.page_edges import crop_to_page
from decoding.preprocessing import Preprocessing
from decoding.reader import decode_unconverted


@dataclass(frozen=True, slots=True)
class PageBatch:
    """The pages of one document at a model's input size."""

    pixels: NDArray[np.uint8]
    """Shape (pages, height, width, 3), at least one page."""
    views: NDArray[np.uint8]
    """The view of each page from which its orientation is recognised; see `decoding.orientation.orientation_view`."""
    cropped: list[bool]
    """Whether each page was cropped from a photograph; see `decoding.page_edges`."""
    truncated: bool
    """Whether the document has further pages or parts that were not read; see `DecodedDocument.truncated`."""
    unread: int = 0
    """Pages that follow the part of the document that was requested; see `DecodedDocument.unread`."""


BatchDecoder = Callable[[bytes, Preprocessing, Limits, CancelCheck], PageBatch]
"""A function like `decode_batch`, such as `DecoderPool.decode_batch`, which works in a decoder process."""


def decode_batch(
    data: bytes,
    preprocessing: Preprocessing,
    limits: Limits,
    check_cancelled: CancelCheck = never_cancel,
    part: range | None = None,
) -> PageBatch:
    """Decode a document and preprocess its pages, in this process.

    Args:
        data: The whole document.
        preprocessing: The model's input.
        limits: Bounds on the document.
        check_cancelled: Called before each page.
        part: The pages to decode, as in `decoding.reader.decode_document`; all if None.

    Raises:
        DocumentError: If the document cannot be read.
    """
    document = decode_unconverted(
        data,
        min_side=preprocessing.min_side,
        limits=limits,
        check_cancelled=check_cancelled,
        part=part,
        grey=preprocessing.color == "grey",
    )
    pixels, views, cropped = zip(*(_prepare(page, preprocessing) for page in document.pages), strict=True)
    return PageBatch(np.stack(pixels), np.stack(views), list(cropped), document.truncated, document.unread)


def _prepare(page: Image.Image, preprocessing: Preprocessing) -> tuple[NDArray[np.uint8], NDArray[np.uint8], bool]:
    """Return the pixels of a page, its view, and whether it was cropped."""
    grey = to_grey(page)  # once for all three steps
    if preprocessing.color == "grey":
        page = grey
    crop = crop_to_page(page, grey)
    if crop is not None:
        page, grey = crop, to_grey(crop)
    return preprocessing.apply(page), orientation_view(grey), crop is not None
