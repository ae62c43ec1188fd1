"""Varying pages while training, so that a network reads the layout and not the paper it came on.

Nearly every label comes from one or two offices, and paper colour, print quality, margins and logos give it away. Each
step here takes one of those clues away: clean renders are made to look scanned, and scans are cleaned and binarised.
"""

import io
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from decoding.preprocessing import Preprocessing
from training.recipe import Augmentation

Pixels = NDArray[Any]


def augment(
    page: Image.Image, preprocessing: Preprocessing, how: Augmentation, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return one random variation of a page, as the network sees it.

    Args:
        page: The decoded page.
        preprocessing: The version's own, applied exactly as it is when serving.
        how: Probabilities and extents.
        rng: The only source of chance.

    Returns:
        uint8 pixels, shape (height, width, 3).
    """
    page = _geometry(page, how, rng)
    if rng.random() < how.binarise:
        page = _binarised(page, rng)
    if rng.random() < how.resolution:
        page = _coarser(page, rng)
    channels = 1 if preprocessing.color == "grey" else 3
    pixels = preprocessing.apply(page)[..., :channels].astype(np.float32) / 255
    pixels = _light(pixels, how, rng)
    pixels = _optics(pixels, how, rng)
    if rng.random() < how.warp:
        pixels = _warped(pixels, rng)
    if rng.random() < how.streaks:
        pixels = _streaked(pixels, rng)
    if rng.random() < how.erase:
        pixels = _erased(pixels, rng)
    if rng.random() < how.border:
        pixels = _bordered(pixels, rng)
    result = np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)
    if rng.random() < how.jpeg:
        result = _compressed(result, rng)
    return np.repeat(result, 3 // channels, axis=2)


def _geometry(page: Image.Image, how: Augmentation, rng: np.random.Generator) -> Image.Image:
    """Cut or widen each side, turn a little, mirror where the recipe allows it."""
    width, height = page.size
    left, top, right, bottom = rng.uniform(-how.margin, how.crop, 4)
    box = (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    paper = _paper(page)
    wider = tuple(max(0, side) for side in (-box[0], -box[1], box[2] - width, box[3] - height))
    if any(wider):
        page = ImageOps.expand(page, cast(tuple[int, int, int, int], wider), fill=paper)
    page = page.crop((box[0] + wider[0], box[1] + wider[1], box[2] + wider[0], box[3] + wider[1]))
    if how.skew and rng.random() < 0.6:
        page = page.rotate(rng.uniform(-how.skew, how.skew), Image.Resampling.BILINEAR, fillcolor=paper)
    if rng.random() < how.flip:
        page = ImageOps.mirror(page)
    return page


def _paper(page: Image.Image) -> int | tuple[int, ...]:
    """The colour that most of the page has: the median of a thumbnail."""
    small = np.asarray(page.resize((16, 16), Image.Resampling.BOX)).reshape(256, -1)
    color = tuple(int(channel) for channel in np.median(small, axis=0))
    return color if len(color) > 1 else color[0]


def _binarised(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Black and white as a fax or a Group-4 TIFF: a threshold between the page's ink and its paper."""
    grey = np.asarray(page.convert("L"))
    ink, paper = np.percentile(grey, (2, 80))
    threshold = ink + (paper - ink) * rng.uniform(0.45, 0.75)
    return Image.fromarray(((grey > threshold) * np.uint8(255)).astype(np.uint8)).convert(page.mode)


def _coarser(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Lose fine detail, as a photocopy of a photocopy does."""
    scale = rng.uniform(0.4, 0.9)
    return page.resize((max(8, int(page.width * scale)), max(8, int(page.height * scale))), Image.Resampling.BOX)


def _light(pixels: Pixels, how: Augmentation, rng: np.random.Generator) -> Pixels:
    """Paper and ink: whitened or tinted paper, uneven light, contrast, brightness, gamma."""
    if rng.random() < how.whiten:
        dark, bright = np.percentile(pixels, (1, 75))
        if bright - dark > 0.2:
            pixels = np.clip((pixels - dark) / (bright * rng.uniform(0.92, 1) - dark), 0, 1)
    if rng.random() < how.tint:
        strength = rng.uniform(0, 0.25)
        pixels = pixels * np.asarray(1 - strength * rng.random(pixels.shape[2]), dtype=np.float32)
    if rng.random() < how.shading:
        field = rng.uniform(0.7, 1.05, (3, 3)).astype(np.float32)
        size = (pixels.shape[1], pixels.shape[0])
        light = np.asarray(Image.fromarray(field).resize(size, Image.Resampling.BICUBIC))
        pixels = pixels * light[..., None]
    gain, shift = rng.uniform(1 - how.contrast, 1 + how.contrast), rng.uniform(-how.contrast, how.contrast) / 2
    mean = float(pixels.mean())
    pixels = np.clip((pixels - mean) * gain + mean + shift, 0, 1)
    if rng.random() < 0.3:
        pixels = pixels ** rng.uniform(1 - 2 * how.contrast, 1 + 3 * how.contrast)
    if rng.random() < how.invert:
        pixels = 1 - pixels
    return np.asarray(pixels, dtype=np.float32)


def _optics(pixels: Pixels, how: Augmentation, rng: np.random.Generator) -> Pixels:
    """What a lens and a sensor add: blur or sharpening, and noise."""
    if rng.random() < how.blur:
        image = _as_image((pixels * 255).astype(np.uint8))
        filters = (ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1)), ImageFilter.UnsharpMask(1.5, 120, 2))
        filtered = np.asarray(image.filter(filters[int(rng.random() < 0.35)]))
        pixels = filtered.reshape(pixels.shape).astype(np.float32) / 255
    if rng.random() < how.noise:
        grain = rng.standard_normal((*pixels.shape[:2], 1), dtype=np.float32)
        pixels = pixels + grain * np.float32(rng.uniform(0.01, 0.07))
    return pixels


def _warped(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The waves of paper that does not lie flat: each column of pixels, or each row, moved along by a little."""
    across = rng.random() < 0.5
    lines = np.swapaxes(pixels, 0, 1) if across else pixels
    length, count = lines.shape[:2]
    place = np.linspace(0, 2 * np.pi, count)
    waves = sum(rng.normal() * np.sin(place * rng.uniform(0.3, 3) + rng.uniform(0, 2 * np.pi)) for _ in range(2))
    move = np.rint(waves * length * rng.uniform(0.003, 0.014)).astype(int)
    source = np.clip(np.arange(length)[:, None] + move, 0, length - 1)
    moved = lines[source, np.arange(count)]
    return np.swapaxes(moved, 0, 1) if across else moved


def _streaked(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """What a worn copier adds: stripes along or across the page, darker or lighter, fine or broad, or dirty bands."""
    height, width = pixels.shape[:2]
    along = rng.random() < 0.6
    length = width if along else height
    coarse = rng.random(int(rng.integers(3, length))).astype(np.float32)[None, :]
    stripes = np.asarray(Image.fromarray(coarse).resize((length, 1), Image.Resampling.BILINEAR))
    dark = stripes * np.float32(rng.uniform(0.1, 0.5))
    shade = np.repeat(dark, height, axis=0) if along else np.repeat(dark.T, width, axis=1)
    if rng.random() < 0.35:  # dirt sits in a few bands only
        shade = np.where(shade > 0.85 * dark.max(), rng.random(shade.shape) * rng.uniform(0.5, 1), 0)
    return np.asarray(np.clip(pixels - shade[..., None], 0, 1), dtype=np.float32)


def _erased(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Cover one to three patches with paper, so that no single logo or stamp decides."""
    height, width = pixels.shape[:2]
    paper = np.median(pixels)
    pixels = pixels.copy()
    for _ in range(rng.integers(1, 4)):
        h, w = int(height * rng.uniform(0.05, 0.25)), int(width * rng.uniform(0.05, 0.35))
        y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        pixels[y : y + h, x : x + w] = paper
    return pixels


def _bordered(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The dark or light edge that a scanner's lid leaves on some sides."""
    height, width = pixels.shape[:2]
    shade = np.float32(rng.choice([0.05, 0.3, 0.6, 1.0]))
    pixels = pixels.copy()
    for side in range(4):
        if rng.random() < 0.5:
            depth = int((height if side < 2 else width) * rng.uniform(0.005, 0.05))
            edge = (slice(0, depth), slice(height - depth, height))[side % 2] if side < 2 else slice(None)
            across = slice(None) if side < 2 else (slice(0, depth), slice(width - depth, width))[side % 2]
            pixels[edge, across] = shade
    return pixels


def _compressed(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The blocks and ringing of a small JPEG."""
    buffer = io.BytesIO()
    _as_image(pixels).save(buffer, "JPEG", quality=int(rng.integers(20, 85)))
    return np.array(Image.open(buffer)).reshape(pixels.shape)


def _as_image(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
