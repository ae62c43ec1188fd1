"""Wear of a typeset page before it is uploaded: ink, age, scanner, copier and camera.

Each step takes an RGB page and a NumPy generator and returns a new RGB page. `CONDITIONS` combine steps into the
conditions in which pages arrive.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]
Step = Callable[[Image.Image, np.random.Generator], Image.Image]

_PAPERS = ((243, 234, 210), (233, 220, 192), (246, 240, 226), (217, 207, 180))
_TABLES = ((107, 74, 47), (60, 47, 40), (154, 150, 144), (44, 46, 51))


def spread_ink(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Spread and fade ink unevenly, as a ribbon or a hand press does."""
    darkness = 255 - _floats(page.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.35, 0.8)))))
    fade = 1 - _clouds(page.size, rng, 14) * float(rng.uniform(0.15, 0.4))
    return _image(255 - np.clip(darkness * float(rng.uniform(1.15, 1.6)), 0, 255) * fade[..., None])


def age_paper(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Print the page on old paper: toned, cloudy, darker at the edges, with the verso showing through."""
    sheet = 1 - _clouds(page.size, rng, 6) * float(rng.uniform(0.02, 0.1))
    sheet -= _clouds(page.size, rng, page.width // 2) * float(rng.uniform(0.02, 0.06))
    sheet -= _edges(page.size) * float(rng.uniform(0.05, 0.3))
    verso = page.transpose(Image.Transpose.FLIP_LEFT_RIGHT).convert("L").filter(ImageFilter.GaussianBlur(1.5))
    sheet *= 1 - (1 - _floats(verso) / 255) * float(rng.uniform(0.02, 0.1))
    paper = np.array(_PAPERS[rng.integers(len(_PAPERS))], np.float32)
    ink = np.array([38, 32, 28], np.float32) * float(rng.uniform(0.5, 1.4))
    printed = _floats(page) / 255
    return _image(sheet[..., None] * paper * printed + ink * (1 - printed))


def scan_page(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Scan the page: skew, soft optics, a shadow along an edge, sensor noise."""
    page = _skew(page, rng, 2).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.9))))
    if rng.random() < 0.5:
        page = page.convert("L").convert("RGB")
    shadow = np.exp(-np.linspace(0, float(rng.uniform(8, 25)), page.width)) * float(rng.uniform(0, 0.5))
    pixels = _floats(page) * (1 - shadow.astype(np.float32))[:, None]
    return _jpeg(_image(pixels + _noise(page.size, rng) * float(rng.uniform(2, 9))), rng, 35, 85)


def photocopy(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Copy or fax the page: only black and white, with specks and broken thin strokes."""
    page = _skew(page, rng, 1.5).convert("L").filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 0.9))))
    pixels = _floats(page)
    darkest, lightest = np.percentile(pixels, (0.2, 90))
    contrast = max(float(lightest - darkest), 40.0)
    pixels += (_clouds(page.size, rng, page.width // 3) - 0.5) * contrast * float(rng.uniform(0.04, 0.24))
    black = pixels < darkest + contrast * float(rng.uniform(0.5, 0.76))
    black |= rng.random(pixels.shape, dtype=np.float32) < 2e-4
    return Image.fromarray(np.where(black, np.uint8(0), np.uint8(255))).convert("RGB")


def crumple_page(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Fold the paper and smooth it again, which leaves soft creases of light and shadow."""
    pixels = _floats(page)
    for _ in range(int(rng.integers(2, 6))):
        axis = int(rng.integers(2))
        distance = np.arange(pixels.shape[axis], dtype=np.float32) - float(rng.uniform(0.15, 0.85)) * pixels.shape[axis]
        reach = float(rng.uniform(0.01, 0.05)) * page.width
        crease = 1 + np.tanh(distance / 2) * np.exp(-np.abs(distance) / reach) * float(rng.uniform(-0.12, 0.12))
        pixels *= crease[:, None, None] if axis == 0 else crease[None, :, None]
    return _image(pixels)


def photograph_page(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Photograph the page on a table: perspective, a shadow, uneven light, noise."""
    width, height = page.size
    margin = float(rng.uniform(0.04, 0.14)) * min(width, height)
    frame = (int(width + 2 * margin), int(height + 2 * margin))
    corners = [(0.0, 0.0), (float(width), 0.0), (float(width), float(height)), (0.0, float(height))]
    seen = [(x + margin * float(rng.uniform(0.3, 1.7)), y + margin * float(rng.uniform(0.3, 1.7))) for x, y in corners]
    view = (Image.Transform.PERSPECTIVE, _perspective(seen, corners), Image.Resampling.BILINEAR)
    paper, cover = page.transform(frame, *view), Image.new("L", page.size, 255).transform(frame, *view)
    grain = _floats(Image.fromarray(rng.integers(0, 256, (max(2, height // 6), 6), np.uint8)).resize(frame)) / 255
    table = _image(np.array(_TABLES[rng.integers(len(_TABLES))], np.float32) * (1 - 0.35 * grain)[..., None])
    table.paste((0, 0, 0), mask=cover.filter(ImageFilter.BoxBlur(width * 0.012)).point(lambda value: value * 0.45))
    table.paste(paper, mask=cover)
    slope = np.linspace(0, float(rng.uniform(0.06, 0.3)), frame[0], dtype=np.float32)
    pixels = _floats(table.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1))))) * (1 - slope)[:, None]
    return _jpeg(_image(pixels + _noise(frame, rng) * float(rng.uniform(2, 6))), rng, 50, 88)


CONDITIONS: dict[str, Step] = {
    "clean": lambda page, _: page,
    "scan": scan_page,
    "copy": photocopy,
    "photo": photograph_page,
    "creased photo": lambda page, rng: photograph_page(crumple_page(page, rng), rng),
    "old": lambda page, rng: _jpeg(age_paper(spread_ink(page, rng), rng), rng, 55, 92),
    "worn copy": lambda page, rng: photocopy(spread_ink(page, rng), rng),
}
"""Steps by the condition in which a page arrives."""


def _skew(page: Image.Image, rng: np.random.Generator, degrees: float) -> Image.Image:
    return page.rotate(float(rng.uniform(-degrees, degrees)), Image.Resampling.BILINEAR, fillcolor=(255, 255, 255))


def _jpeg(page: Image.Image, rng: np.random.Generator, lowest: int, highest: int) -> Image.Image:
    """Return the page after a round trip through JPEG."""
    buffer = BytesIO()
    page.save(buffer, "JPEG", quality=int(rng.integers(lowest, highest)))
    return Image.open(buffer).convert("RGB")


def _clouds(size: tuple[int, int], rng: np.random.Generator, cells: int) -> Floats:
    """Return smooth noise in 0..1 with about `cells` blobs across the width."""
    rows = max(2, round(cells * size[1] / size[0]))
    grid = Image.fromarray(rng.integers(0, 256, (rows, max(2, cells)), dtype=np.uint8))
    return _floats(grid.resize(size, Image.Resampling.BILINEAR)) / np.float32(255)


def _edges(size: tuple[int, int]) -> Floats:
    """Return 1 at the page's edges, falling towards 0 inside."""
    across, down = (np.minimum(line, line[::-1]) for line in (np.linspace(0, 1, n, dtype=np.float32) for n in size))
    fall: Floats = np.exp(-np.minimum(across[None, :], down[:, None]) / np.float32(0.07))
    return fall


def _noise(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return grey noise of unit deviation, with a shape that broadcasts over the colour channels."""
    return rng.standard_normal((size[1], size[0], 1), dtype=np.float32)


def _perspective(seen: list[tuple[float, float]], source: list[tuple[float, float]]) -> list[float]:
    """Return Pillow's eight coefficients, which map the points `seen` to the points `source`."""
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(seen, source, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    return [float(value) for value in np.linalg.solve(np.array(rows), np.array(source).reshape(8))]


def _floats(page: Image.Image) -> Floats:
    return np.array(page, dtype=np.float32)


def _image(pixels: NDArray[np.floating[Any]]) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
