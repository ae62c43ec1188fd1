"""From a document to what a model takes of it: every page decoded and brought to the model's input."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decoding import reader
from decoding.limits import CancelCheck, Limits, never_cancel
from decoding.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True)
class PageBatch:
    """The pages of one document, as a model takes them."""

    pixels: NDArray[np.uint8]
    """Shape (pages, height, width, 3), at least one page."""
    truncated: bool
    """Whether the document has further pages that were not read (`Limits.max_pages`)."""


Read = Callable[[bytes, Preprocessing, Limits, CancelCheck], PageBatch]
"""Reads a document: `read` below, or the same in a process of its own (`decoders.DecoderPool.read`)."""


def decode_batch(
    data: bytes, preprocessing: Preprocessing, limits: Limits, check_cancelled: CancelCheck = never_cancel
) -> PageBatch:
    """Decode a document and preprocess its pages, in this process.

    Args:
        data: The whole document.
        preprocessing: The model's input.
        limits: Bounds on the document.
        check_cancelled: Called before each page; what it raises abandons the document.

    Raises:
        DocumentError: If the document cannot be read.
    """
    document = reader.decode_document(
        data, min_side=preprocessing.min_side, limits=limits, check_cancelled=check_cancelled
    )
    return PageBatch(np.stack([preprocessing.apply(page) for page in document.pages]), document.truncated)
