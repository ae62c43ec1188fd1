"""From a document to what a model takes of it: every page decoded and brought to the model's input."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decoding import reader
from decoding.limits import Checkpoint, Limits, no_hurry
from decoding.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True)
class Frames:
    """The pages of one document, as a model takes them."""

    pixels: NDArray[np.uint8]
    """Shape (pages, height, width, 3), at least one page."""
    truncated: bool
    """Whether the document has further pages that were not read (`Limits.max_pages`)."""


Read = Callable[[bytes, Preprocessing, Limits, Checkpoint], Frames]
"""Reads a document: `read` below, or the same in a process of its own (`decoders.DecoderPool.read`)."""


def read(data: bytes, frame: Preprocessing, limits: Limits, checkpoint: Checkpoint = no_hurry) -> Frames:
    """Decode a document and preprocess its pages, in this process.

    Args:
        data: The whole document.
        frame: The model's input.
        limits: Bounds on the document.
        checkpoint: Called before each page; what it raises abandons the document.

    Raises:
        DocumentError: If the document cannot be read.
    """
    document = reader.read(data, min_side=frame.min_side, limits=limits, checkpoint=checkpoint)
    return Frames(np.stack([frame.apply(page) for page in document.pages]), document.truncated)
