"""Orientation of pages: the view from which a network recognises it, and turning of page batches."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from decoding.grey import to_grey

QUARTER: Final = 90
"""Degrees of a quarter turn."""
VIEW_SIDE: Final = 224
"""Width and height of a view in pixels."""
VIEW_BYTES: Final = VIEW_SIDE * VIEW_SIDE
"""Bytes of a view."""
# The network was trained on the centre of pages whose shorter side has 256 pixels.
_SHARE_OF_SHORTER_SIDE: Final = VIEW_SIDE / 256
# Pillow turns counter-clockwise.
_TRANSPOSE: Final = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


def orientation_view(page: Image.Image) -> NDArray[np.uint8]:
    """Return the centre of a page in grey, uint8 of shape (`VIEW_SIDE`, `VIEW_SIDE`).

    A square, so that the view of a turned page is the turned view of the page.
    """
    side = _SHARE_OF_SHORTER_SIDE * min(page.size)
    left, top = (page.width - side) / 2, (page.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(to_grey(page).resize((VIEW_SIDE, VIEW_SIDE), Image.Resampling.BILINEAR, box))


def turn_page(page: Image.Image, degrees: int) -> Image.Image:
    """Turn a page clockwise by a multiple of 90 degrees."""
    transpose = _TRANSPOSE.get(degrees % 360)
    return page if transpose is None else page.transpose(transpose)


def turn_pages(pixels: NDArray[np.uint8], degrees: Sequence[int]) -> NDArray[np.uint8]:
    """Turn the pages of a batch clockwise.

    Args:
        pixels: Shape (pages, height, width, 3).
        degrees: For each page, a multiple of 90.

    Returns:
        The same shape. If it is not square, the pages that lie on their side are resized.
    """
    if not any(degrees):
        return pixels
    return np.stack([_turn(page, angle) for page, angle in zip(pixels, degrees, strict=True)])


def _turn(page: NDArray[np.uint8], angle: int) -> NDArray[np.uint8]:
    turned = np.rot90(page, -(angle // QUARTER))
    if turned.shape == page.shape:
        return turned
    size = (page.shape[1], page.shape[0])
    return np.asarray(Image.fromarray(np.ascontiguousarray(turned)).resize(size, Image.Resampling.BILINEAR))
