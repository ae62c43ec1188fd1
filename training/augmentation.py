"""Augmentation of pages during training, so that a network learns layouts rather than properties of the source.

Nearly every label comes from one or two sources, which paper colour, print quality, margins and logos identify. Each
step removes one of these shortcuts: clean renders are degraded to look scanned, and scans are cleaned and binarised.
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
    page: Image.Image, preprocessing: Preprocessing, settings: Augmentation, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return one random variation of a page, preprocessed for the network.

    Args:
        page: The decoded page.
        preprocessing: Preprocessing of the version, applied as in the model service.
        settings: Probabilities and extents.
        rng: Random generator.

    Returns:
        uint8 pixels, shape (height, width, 3).
    """
    page = _vary_geometry(page, settings, rng)
    if settings.canvas and rng.random() < settings.canvas:
        page = _place_on_canvas(page, rng)
    if rng.random() < settings.binarise:
        page = _binarise(page, rng)
    if rng.random() < settings.resolution:
        page = _reduce_resolution(page, rng)
    channels = 1 if preprocessing.color == "grey" else 3
    pixels = preprocessing.apply(page)[..., :channels].astype(np.float32) / 255
    pixels = _vary_light(pixels, settings, rng)
    pixels = _vary_optics(pixels, settings, rng)
    if rng.random() < settings.warp:
        pixels = _warp(pixels, rng)
    if rng.random() < settings.streaks:
        pixels = _add_streaks(pixels, rng)
    if rng.random() < settings.erase:
        pixels = _erase(pixels, rng)
    if rng.random() < settings.border:
        pixels = _add_border(pixels, rng)
    result = np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)
    if rng.random() < settings.jpeg:
        result = _compress(result, rng)
    return np.repeat(result, 3 // channels, axis=2)


def _vary_geometry(page: Image.Image, settings: Augmentation, rng: np.random.Generator) -> Image.Image:
    """Crop or extend each side, rotate slightly, and mirror if the recipe allows it."""
    width, height = page.size
    left, top, right, bottom = rng.uniform(-settings.margin, settings.crop, 4)
    box = (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    paper = _paper_color(page)
    wider = tuple(max(0, side) for side in (-box[0], -box[1], box[2] - width, box[3] - height))
    if any(wider):
        page = ImageOps.expand(page, cast(tuple[int, int, int, int], wider), fill=paper)
    page = page.crop((box[0] + wider[0], box[1] + wider[1], box[2] + wider[0], box[3] + wider[1]))
    if settings.skew and rng.random() < 0.6:
        page = page.rotate(rng.uniform(-settings.skew, settings.skew), Image.Resampling.BILINEAR, fillcolor=paper)
    if rng.random() < settings.flip:
        page = ImageOps.mirror(page)
    return page


def _paper_color(page: Image.Image) -> int | tuple[int, ...]:
    """Return the colour of the paper: the median of a thumbnail."""
    small = np.asarray(page.resize((16, 16), Image.Resampling.BOX)).reshape(256, -1)
    color = tuple(int(channel) for channel in np.median(small, axis=0))
    return color if len(color) > 1 else color[0]


def _place_on_canvas(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Place the page on a background that is 5 to 60 % larger: an almost even one, or one of several shades."""
    width, height = page.size
    size = (round(width * (1 + rng.uniform(0.05, 0.6))), round(height * (1 + rng.uniform(0.05, 0.6))))
    shades = rng.integers(0, 256, (2, 2, 1)) if rng.random() < 0.3 else rng.integers(0, 256, (1, 1, 1))
    colors = np.clip(shades + rng.integers(-20, 21, (2, 2, 3)), 0, 255).astype(np.uint8)
    canvas = Image.fromarray(colors).resize(size, Image.Resampling.BILINEAR).convert(page.mode)
    canvas.paste(page, (int(rng.uniform(0, size[0] - width)), int(rng.uniform(0, size[1] - height))))
    return canvas


def _binarise(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Convert to black and white like a fax or a Group 4 TIFF, by a threshold between ink and paper."""
    grey = np.asarray(page.convert("L"))
    ink, paper = np.percentile(grey, (2, 80))
    threshold = ink + (paper - ink) * rng.uniform(0.45, 0.75)
    return Image.fromarray(((grey > threshold) * np.uint8(255)).astype(np.uint8)).convert(page.mode)


def _reduce_resolution(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Reduce the resolution, like a photocopy of a photocopy."""
    scale = rng.uniform(0.4, 0.9)
    return page.resize((max(8, int(page.width * scale)), max(8, int(page.height * scale))), Image.Resampling.BOX)


def _vary_light(pixels: Pixels, settings: Augmentation, rng: np.random.Generator) -> Pixels:
    """Vary paper and light: whitened or tinted paper, uneven light, contrast, brightness, gamma."""
    if rng.random() < settings.whiten:
        dark, bright = np.percentile(pixels, (1, 75))
        if bright - dark > 0.2:
            pixels = np.clip((pixels - dark) / (bright * rng.uniform(0.92, 1) - dark), 0, 1)
    if rng.random() < settings.tint:
        strength = rng.uniform(0, 0.25)
        pixels = pixels * np.asarray(1 - strength * rng.random(pixels.shape[2]), dtype=np.float32)
    if rng.random() < settings.shading:
        field = rng.uniform(0.7, 1.05, (3, 3)).astype(np.float32)
        size = (pixels.shape[1], pixels.shape[0])
        light = np.asarray(Image.fromarray(field).resize(size, Image.Resampling.BICUBIC))
        pixels = pixels * light[..., None]
    gain, shift = (
        rng.uniform(1 - settings.contrast, 1 + settings.contrast),
        rng.uniform(-settings.contrast, settings.contrast) / 2,
    )
    mean = float(pixels.mean())
    pixels = np.clip((pixels - mean) * gain + mean + shift, 0, 1)
    if rng.random() < 0.3:
        pixels = pixels ** rng.uniform(1 - 2 * settings.contrast, 1 + 3 * settings.contrast)
    if rng.random() < settings.invert:
        pixels = 1 - pixels
    return np.asarray(pixels, dtype=np.float32)


def _vary_optics(pixels: Pixels, settings: Augmentation, rng: np.random.Generator) -> Pixels:
    """Add the effects of a lens and a sensor: blur or sharpening, and noise."""
    if rng.random() < settings.blur:
        image = _as_image((pixels * 255).astype(np.uint8))
        filters = (ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1)), ImageFilter.UnsharpMask(1.5, 120, 2))
        filtered = np.asarray(image.filter(filters[int(rng.random() < 0.35)]))
        pixels = filtered.reshape(pixels.shape).astype(np.float32) / 255
    if rng.random() < settings.noise:
        grain = rng.standard_normal((*pixels.shape[:2], 1), dtype=np.float32)
        pixels = pixels + grain * np.float32(rng.uniform(0.01, 0.07))
    return pixels


def _warp(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Shift each column or each row of pixels slightly, like paper that does not lie flat."""
    across = rng.random() < 0.5
    lines = np.swapaxes(pixels, 0, 1) if across else pixels
    length, count = lines.shape[:2]
    place = np.linspace(0, 2 * np.pi, count)
    waves = sum(rng.normal() * np.sin(place * rng.uniform(0.3, 3) + rng.uniform(0, 2 * np.pi)) for _ in range(2))
    move = np.rint(waves * length * rng.uniform(0.003, 0.014)).astype(int)
    source = np.clip(np.arange(length)[:, None] + move, 0, length - 1)
    moved = lines[source, np.arange(count)]
    return np.swapaxes(moved, 0, 1) if across else moved


def _add_streaks(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Add the dark stripes or dirty bands of a worn copier, along or across the page."""
    height, width = pixels.shape[:2]
    along = rng.random() < 0.6
    length = width if along else height
    coarse = rng.random(int(rng.integers(3, length))).astype(np.float32)[None, :]
    stripes = np.asarray(Image.fromarray(coarse).resize((length, 1), Image.Resampling.BILINEAR))
    dark = stripes * np.float32(rng.uniform(0.1, 0.5))
    shade = np.repeat(dark, height, axis=0) if along else np.repeat(dark.T, width, axis=1)
    if rng.random() < 0.35:  # dirt in a few bands only
        shade = np.where(shade > 0.85 * dark.max(), rng.random(shade.shape) * rng.uniform(0.5, 1), 0)
    return np.asarray(np.clip(pixels - shade[..., None], 0, 1), dtype=np.float32)


def _erase(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Cover one to three patches with the colour of the paper, so that no single logo or stamp is decisive."""
    height, width = pixels.shape[:2]
    paper = np.median(pixels)
    pixels = pixels.copy()
    for _ in range(rng.integers(1, 4)):
        h, w = int(height * rng.uniform(0.05, 0.25)), int(width * rng.uniform(0.05, 0.35))
        y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        pixels[y : y + h, x : x + w] = paper
    return pixels


def _add_border(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Add the dark or light edge of a scanner's lid on some sides."""
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


def _compress(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add the blocks and the ringing of a strongly compressed JPEG."""
    buffer = io.BytesIO()
    _as_image(pixels).save(buffer, "JPEG", quality=int(rng.integers(20, 85)))
    return np.array(Image.open(buffer)).reshape(pixels.shape)


def _as_image(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
