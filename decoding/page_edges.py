"""Cropping of a photograph to the page that it shows.

A page that was photographed on a desk fills a part of the picture only. It is cropped if it is the only bright part, if
that part is a quadrilateral, and if it does not reach the edge of the picture. Ordinary pages, which reach the edges or
are as bright as their margins, stay as they are.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from decoding.grey import to_grey

# Length of the shorter side at which the page is searched, in pixels.
_SIDE: Final = 144
# Widths of filters in pixels: print on the page is closed, and noise around it removed.
_PRINT, _NOISE = 7, 3
# Bounds on what counts as a page, in shares of an area, and in grey levels of 255.
_MIN_CONTRAST: Final = 40.0
_BRIGHT_PERCENTILE: Final = 75
_MIN_SHARE, _MAX_SHARE = 0.08, 0.85
_MIN_BRIGHT_INSIDE, _MAX_BRIGHT_OUTSIDE, _MAX_BRIGHT_EDGE = 0.93, 0.02, 0.02
# Photographs are not longer. At the size of the search, a longer picture would have any number of pixels.
_MAX_ASPECT: Final = 16
# Length of each side of the page, in shares of the shorter side of the picture.
_MIN_LENGTH: Final = 0.15
# Pixels by which the edge of the page may be outside the straight line between two corners.
_SLACK: Final = 1.5

Corners = NDArray[np.float64]
"""Shape (4, 2): x and y of the corners at the upper left, upper right, lower right and lower left."""


def crop_to_page(picture: Image.Image, corners: Corners) -> Image.Image:
    """Return the page that a picture shows, as a rectangle.

    Args:
        picture: A picture of any mode.
        corners: Those of the page, as `find_page` returns them.
    """
    lengths = _lengths(corners)
    size = (round(max(lengths[0], lengths[2])), round(max(lengths[1], lengths[3])))
    upper_left, upper_right, lower_right, lower_left = corners.tolist()
    quadrilateral = (*upper_left, *lower_left, *lower_right, *upper_right)
    return picture.transform(size, Image.Transform.QUAD, quadrilateral, Image.Resampling.BILINEAR)


def find_page(picture: Image.Image) -> Corners | None:
    """Return the corners of the page that a picture shows, in pixels; None if there is not clearly one."""
    if max(picture.size) > _MAX_ASPECT * min(picture.size):
        return None
    scale = _SIDE / min(picture.size)
    reduced = _reduce(picture, scale)
    grey = np.asarray(reduced)
    if np.median(_edge(grey)) > np.percentile(grey, _BRIGHT_PERCENTILE) - _MIN_CONTRAST:
        return None  # the usual case, decided early: the margins are as bright as the paper
    bright = _bright_part(without_print(grey))
    if bright is None or _edge(bright).mean() > _MAX_BRIGHT_EDGE:
        return None
    corners = _extremes(bright)
    if not _MIN_SHARE <= _area(corners) / bright.size <= _MAX_SHARE:
        return None
    inside = _inside(corners, bright.shape)
    if bright[inside].mean() < _MIN_BRIGHT_INSIDE or bright[~inside].mean() > _MAX_BRIGHT_OUTSIDE:
        return None
    if _lengths(corners).min() < _MIN_LENGTH * _SIDE:
        return None
    return (corners + 0.5) / scale


def _reduce(picture: Image.Image, scale: float) -> Image.Image:
    """Return the picture in grey at the size of the search."""
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return to_grey(picture).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def without_print(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture in grey without its thin dark parts."""
    return _median(_extreme(np.minimum, _extreme(np.maximum, grey)))


def _extreme(choose: np.ufunc, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the smallest or largest pixel of the square of `_PRINT` pixels around each pixel."""
    for axis in (0, 1):
        grey = choose.reduce(list(_shifted(grey, _PRINT, axis)))
    return grey


def _median(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the median of the nine pixels around each pixel.

    With the three columns of a square sorted, it is the median of three: the largest of the smallest pixels, the median
    of the middle ones, and the smallest of the largest.
    """
    smallest, middle, largest = (list(_shifted(row, _NOISE, 1)) for row in _sorted(*_shifted(grey, _NOISE, 0)))
    return _sorted(_sorted(*smallest)[2], _sorted(*middle)[1], _sorted(*largest)[0])[1]


def _sorted(one: NDArray[np.uint8], two: NDArray[np.uint8], three: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Sort three arrays element by element."""
    low, high = np.minimum(one, two), np.maximum(one, two)
    rest = np.maximum(low, three)
    return [np.minimum(low, three), np.minimum(high, rest), np.maximum(high, rest)]


def _shifted(grey: NDArray[np.uint8], size: int, axis: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the picture shifted by each distance within a window, with its edges repeated."""
    half = size // 2
    padded = np.pad(grey, [(half, half) if each == axis else (0, 0) for each in range(2)], mode="edge")
    for start in range(size):
        yield padded[start : start + grey.shape[0]] if axis == 0 else padded[:, start : start + grey.shape[1]]


def _bright_part(grey: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Return which pixels are above the threshold of Otsu (1979); None if the contrast is low."""
    shares = np.bincount(grey.ravel(), minlength=256) / grey.size
    below = shares.cumsum()[:-1]
    sums = (shares * np.arange(256)).cumsum()
    spread = np.maximum(below * (1 - below), 1e-9)
    variances = (sums[-1] * below - sums[:-1]) ** 2 / spread
    bright: NDArray[np.bool_] = grey > variances.argmax()
    if bright.all() or not bright.any() or grey[bright].mean() - grey[~bright].mean() < _MIN_CONTRAST:
        return None
    return bright


def _edge(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _extremes(mask: NDArray[np.bool_]) -> Corners:
    """Return the pixels of a mask that are farthest in the four diagonal directions."""
    points = np.argwhere(mask)[:, ::-1]
    directions = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners: Corners = points[(points @ directions.T).argmax(axis=0)].astype(np.float64)
    return corners


def _sides(corners: Corners) -> NDArray[np.float64]:
    """Return the vectors from each corner to the next."""
    return np.roll(corners, -1, axis=0) - corners


def _lengths(corners: Corners) -> NDArray[np.float64]:
    across, down = _sides(corners).T
    lengths: NDArray[np.float64] = np.hypot(across, down)
    return lengths


def _area(corners: Corners) -> float:
    x, y = corners.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _inside(corners: Corners, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which pixels are inside the quadrilateral, or at most `_SLACK` pixels outside it."""
    y, x = np.indices(shape)
    inside = np.ones(shape, np.bool_)
    for (left, top), (across, down), length in zip(corners, _sides(corners), _lengths(corners), strict=True):
        distance: NDArray[Any] = across * (y - top) - down * (x - left)
        inside &= distance >= -_SLACK * length
    return inside
