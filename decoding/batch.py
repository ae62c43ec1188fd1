"""Page batches: every page of a document, decoded once and brought to the input size of one model or several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from decoding.cancellation import CancelCheck, never_cancel
from decoding.grey import to_grey
from decoding.limits import Limits
from decoding.orientation import orientation_view
from decoding.page_edges import crop_to_page, find_page
from decoding.preprocessing import Preprocessing
from decoding.raster import JpegMode
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
    upright: list[bool] = field(default_factory=list)
    """Whether each page is known to be upright, see `DecodedDocument.upright`; empty if none is known to be."""

    @property
    def known_upright(self) -> list[bool]:
        """Whether each page is known to be upright, one value for each page."""
        return self.upright or [False] * len(self.views)


PageBatches = tuple[PageBatch, ...]
"""The pages of one document for several inputs, in their order. All that does not depend on an input is the same."""

BatchDecoder = Callable[[bytes, Sequence[Preprocessing], Limits, CancelCheck], PageBatches]
"""A function like `decode_batches`, such as what `DecoderPool.batch_decoder` yields, which uses a decoder process."""


def decode_batch(
    data: bytes,
    preprocessing: Preprocessing,
    limits: Limits,
    check_cancelled: CancelCheck = never_cancel,
    part: range | None = None,
) -> PageBatch:
    """Decode a document for one input; see `decode_batches`."""
    return decode_batches(data, [preprocessing], limits, check_cancelled, part)[0]


def decode_batches(
    data: bytes,
    inputs: Sequence[Preprocessing],
    limits: Limits,
    check_cancelled: CancelCheck = never_cancel,
    part: range | None = None,
) -> PageBatches:
    """Decode a document and preprocess its pages for each input, in this process.

    Inputs with the same `min_side` get the same pixels together as each alone.

    Args:
        data: The whole document.
        inputs: The inputs of the models.
        limits: Bounds on the document.
        check_cancelled: Called before each page.
        part: The pages to decode, as in `decoding.reader.decode_document`; all if None.

    Raises:
        DocumentError: If the document cannot be read.
    """
    jpeg_mode: JpegMode = "YCbCr" if any(each.color == "rgb" for each in inputs) else "L"
    document = decode_unconverted(
        data,
        min_side=max(each.min_side for each in inputs),
        limits=limits,
        check_cancelled=check_cancelled,
        part=part,
        jpeg_mode=jpeg_mode,
    )
    pixels, views, cropped = zip(*(_prepare(page, inputs) for page in document.pages), strict=True)
    stacked, marks = np.stack(views), list(cropped)
    return tuple(
        PageBatch(np.stack(pages), stacked, marks, document.truncated, document.unread, list(document.upright))
        for pages in zip(*pixels, strict=True)
    )


def _prepare(
    page: Image.Image, inputs: Sequence[Preprocessing]
) -> tuple[list[NDArray[np.uint8]], NDArray[np.uint8], bool]:
    """Return the pixels of a page for each input, its view, and whether it was cropped."""
    grey = to_grey(page)  # once for all steps
    corners = find_page(grey)
    coloured = page if any(each.color == "rgb" for each in inputs) and page.mode != "L" else None
    if corners is not None:
        if coloured is not None and coloured.mode == "YCbCr":
            coloured = crop_to_page(coloured, corners)
            grey = to_grey(coloured)  # its luminance, with the pixels that cropping it alone would give
        else:
            grey = crop_to_page(grey, corners)
            coloured = None if coloured is None else crop_to_page(coloured, corners)
    pixels = [each.apply(grey if coloured is None or each.color == "grey" else coloured) for each in inputs]
    return pixels, orientation_view(grey), corners is not None
