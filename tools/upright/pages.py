"""Pages to train with, and what is known about how they lie."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from decoding.errors import DocumentError
from decoding.grey import to_grey
from decoding.limits import Limits
from decoding.orientation import orientation_view
from decoding.reader import decode_pages
from model_service.orientation import MIN_CONFIDENCE, agreement, orbit
from training.data import DataError, LabelledDocument

SHORTER_SIDE: Final = 256
"""Shorter side of the page of which a view shows the centre."""
_LONGER_SIDE: Final = 512
_MAX_PAGES: Final = 3
# Larger than a view, so that it is reduced as in the service.
_MIN_SIDE: Final = 700

Scores = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
"""A function like `OrientationNetwork.probabilities`."""


@dataclass(frozen=True)
class UprightPage:
    """A page that lies upright in its file.

    Attributes:
        document: Document that the page belongs to.
        view: What the service sees of the page.
        surroundings: The centre of the page with a shorter side of `SHORTER_SIDE`, from which other views are cut.
        target: Probabilities of the four turns that the network should have for the view.
    """

    document: LabelledDocument
    view: NDArray[np.uint8]
    surroundings: NDArray[np.uint8]
    target: NDArray[np.float32]


def load_upright_pages(documents: Sequence[LabelledDocument], scores: Scores) -> tuple[list[UprightPage], list[str]]:
    """Read the first pages of documents.

    Args:
        documents: Documents that should be upright.
        scores: The orientation network. A page that it would turn is left out.

    Returns:
        The pages, and one message for each document that cannot be read and each page that is left out.

    Raises:
        DataError: No page can be used.
    """
    pages: list[UprightPage] = []
    skipped: list[str] = []
    for document in documents:
        try:
            images = decode_pages(document.file.read_bytes(), min_side=_MIN_SIDE, limits=Limits(max_pages=_MAX_PAGES))
        except (DocumentError, OSError) as error:
            skipped.append(f"{document.file}: {error}")
            continue
        for image in images[:_MAX_PAGES]:
            view = orientation_view(image)
            target = target_of(scores(orbit(view)))
            if target is None:
                skipped.append(f"{document.file}: a page seems not to be upright")
            else:
                pages.append(UprightPage(document, view, _surroundings(image), target))
    if not pages:
        raise DataError("no readable upright page was found" + "".join(f"\n{line}" for line in skipped[:3]))
    return pages, skipped


def target_of(scores: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Return the probabilities of the four turns that the small network should have for a page of a file.

    A page whose orientation is hard to see, such as a picture, is not given as certainly upright.

    Args:
        scores: Probabilities that the orientation network has for the `orbit` of the page, shape (4, 4).

    Returns:
        Shape (4,); None if the orientation network would turn the page.
    """
    mean = agreement(scores)
    if mean.argmax() and mean.max() >= MIN_CONFIDENCE:
        return None
    upright = np.array([1, 0, 0, 0], np.float32)
    return upright if mean[0] >= 0.5 else (upright + mean.astype(np.float32)) / np.float32(2)


def _surroundings(page: Image.Image) -> NDArray[np.uint8]:
    scale = SHORTER_SIDE / min(page.size)
    width, height = (max(SHORTER_SIDE, round(side * scale)) for side in page.size)
    grey = np.asarray(to_grey(page).resize((width, height), Image.Resampling.BILINEAR))
    left, top = (max(0, side // 2 - _LONGER_SIDE // 2) for side in (width, height))
    return grey[top : top + _LONGER_SIDE, left : left + _LONGER_SIDE]
