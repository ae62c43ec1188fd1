"""Variations of views: other crops, slight rotations, print, light, sensors, faxes and compression."""

import io
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from decoding.orientation import VIEW_SIDE
from tools.upright.pages import SHORTER_SIDE, UprightPage

Pixels = NDArray[np.float32]
"""Grey values from 0 to 255, shape (side, side)."""
_AXIS: Final = np.linspace(-1, 1, VIEW_SIDE, dtype=np.float32)
_MAX_DEGREES: Final = 3


def vary(page: UprightPage, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a varied view of a page, shape (`VIEW_SIDE`, `VIEW_SIDE`)."""
    view = Image.fromarray(page.view) if rng.random() < 0.25 else _crop(page.surroundings, rng)
    pixels = _vary_light(np.asarray(_vary_sharpness(view, rng)).astype(np.float32), rng)
    if rng.random() < 0.3:
        pixels = pixels + rng.normal(0, rng.uniform(2, 14), pixels.shape).astype(np.float32)
    if rng.random() < 0.04:
        pixels = 255 - pixels
    varied = np.clip(pixels, 0, 255).astype(np.uint8)
    return _compress(varied, rng) if rng.random() < 0.2 else varied


def _crop(page: NDArray[np.uint8], rng: np.random.Generator) -> Image.Image:
    """Cut a view out of a page, slightly rotated, of another size and not at its centre."""
    size = np.array(page.shape[::-1])
    side = VIEW_SIDE * rng.uniform(0.8, 1.08)
    angle = math.radians(rng.uniform(-_MAX_DEGREES, _MAX_DEGREES)) if rng.random() < 0.7 else 0
    # Along the longer side, the centre is usually near that of the page.
    reach = 1 if rng.random() < 0.4 else 0.3
    slack = np.maximum(0, size - side) / 2 * np.where(size > 1.02 * SHORTER_SIDE, reach, 1)
    x, y = size / 2 + slack * rng.uniform(-1, 1, 2)
    cos, sin = math.cos(angle) * side / VIEW_SIDE, math.sin(angle) * side / VIEW_SIDE
    half = VIEW_SIDE / 2
    return Image.fromarray(page).transform(
        (VIEW_SIDE, VIEW_SIDE),
        Image.Transform.AFFINE,
        (cos, -sin, x - half * cos + half * sin, sin, cos, y - half * sin - half * cos),
        Image.Resampling.BILINEAR if rng.random() < 0.5 else Image.Resampling.BICUBIC,
        fillcolor=int(np.median(page[::8, ::8])),
    )


def _vary_sharpness(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    kind = rng.random()
    if kind < 0.2:
        return view.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1)))
    if kind < 0.35:
        return view.filter(ImageFilter.UnsharpMask(1, int(rng.uniform(50, 200)), 0))
    return view


def _vary_light(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Binarise softly like a fax, change contrast and brightness, or add the shadow of a photograph."""
    if rng.random() < 0.1:
        threshold = np.median(pixels) - rng.uniform(15, 60)
        pixels = np.clip((pixels - threshold) * rng.uniform(2, 12) + 128, 0, 255)
    if rng.random() < 0.6:
        darker = rng.uniform(0, 60) if rng.random() < 0.6 else 0
        pixels = (pixels - 255) * rng.uniform(0.5, 1.4) + 255 - darker
    if rng.random() < 0.2:
        down, right, corner = rng.normal(size=3)
        slope = down * _AXIS[:, None] + right * _AXIS[None] + corner * _AXIS[:, None] * _AXIS[None]
        pixels = pixels * (1 - rng.uniform(0.1, 0.5) * np.clip((1 + slope) / 2, 0, 1))
    return pixels.astype(np.float32)


def _compress(view: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(view).save(buffer, "JPEG", quality=int(rng.uniform(25, 80)))
    return np.asarray(Image.open(buffer))
