"""Wear of a page before it is uploaded: ink, age, scanner, copier and camera.

Each step takes an RGB page and a numpy generator and returns a new RGB page. `CONDITIONS` combine steps into the
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

PAPERS = ("#f3ead2", "#efe3c4", "#e9dcc0", "#f6f0e2", "#e6d3ad", "#d9cfb4", "#f2efe6", "#dcd6b8")


def spread_ink(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Spread and fade ink unevenly, as a ribbon or a hand press does."""
    soft = page.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.35, 0.8))))
    darkness = 255.0 - _floats(soft)
    spread = float(rng.uniform(1.15, 1.6))
    fade = 1.0 - cloud_noise(page.size, rng, 14) * float(rng.uniform(0.15, 0.4))
    grain = 1.0 - cloud_noise(page.size, rng, page.width // 3) * float(rng.uniform(0.1, 0.4))
    return _to_image(255.0 - np.clip(darkness * spread, 0, 255) * (fade * grain)[..., None])


def age_paper(page: Image.Image, rng: np.random.Generator, paper: str | None = None) -> Image.Image:
    """Print the page on old paper: toned, cloudy, darker at the edges, spotted, with the verso showing through."""
    tone = _rgb(paper or PAPERS[int(rng.integers(len(PAPERS)))])
    width, height = page.size
    sheet = np.ones((height, width), np.float32)
    sheet -= cloud_noise(page.size, rng, 6) * float(rng.uniform(0.02, 0.1))
    sheet -= cloud_noise(page.size, rng, width // 2) * float(rng.uniform(0.02, 0.06))
    sheet -= _edges(page.size, float(rng.uniform(0.03, 0.12))) * float(rng.uniform(0.05, 0.3))
    surface = sheet[..., None] * tone
    surface *= 1.0 - _spots(page.size, rng)[..., None] * np.array([0.25, 0.4, 0.6], np.float32)
    if rng.random() < 0.6:
        back = page.transpose(Image.Transpose.FLIP_LEFT_RIGHT).convert("L")
        ghost = 1.0 - _floats(back.filter(ImageFilter.GaussianBlur(1.5))) / 255.0
        surface *= 1.0 - ghost[..., None] * float(rng.uniform(0.02, 0.1))
    # Ink turns brown on old paper: black becomes a dark warm grey.
    black = np.array([38.0, 32.0, 28.0], np.float32) * float(rng.uniform(0.5, 1.4))
    printed = _floats(page) / 255.0
    return _to_image(surface * printed + black * (1.0 - printed))


def tint_paper(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Tint the page slightly, as modern paper is."""
    warmth = float(rng.uniform(-10, 6))
    tone = rng.uniform(238, 255) + np.array([-warmth / 2, 0.0, warmth], np.float32)
    return _to_image(_floats(page) * (tone / 255.0))


def skew_page(page: Image.Image, rng: np.random.Generator, degrees: float = 2.0) -> Image.Image:
    """Place the page on the scanner's glass at a slight angle; the lid shows at the edges."""
    lid = (255, 255, 255) if rng.random() < 0.6 else tuple(int(v) for v in rng.integers(15, 70, 1).repeat(3))
    angle = float(rng.uniform(-degrees, degrees))
    shift = (int(rng.integers(-8, 9)), int(rng.integers(-8, 9)))
    return page.rotate(angle, Image.Resampling.BILINEAR, translate=shift, fillcolor=lid)


def scan_page(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Scan the page: skew, soft optics, sensor noise, dust, and a shadow along the spine or an edge."""
    page = skew_page(tint_paper(page, rng), rng).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.9))))
    if rng.random() < 0.5:
        page = page.convert("L").convert("RGB")
    pixels = _floats(page)
    if rng.random() < 0.5:
        ramp = np.linspace(0.0, 1.0, page.width, dtype=np.float32)
        if rng.random() < 0.5:
            ramp = ramp[::-1]
        pixels *= 1.0 - (np.exp(-ramp * float(rng.uniform(8, 25))) * float(rng.uniform(0.1, 0.5)))[:, None]
    pixels = (pixels - 128) * float(rng.uniform(0.8, 1.15)) + 128 + float(rng.uniform(-6, 10))
    pixels += _noise(page.size, rng) * float(rng.uniform(2, 9))
    pixels *= 1.0 - _dust(page.size, rng)[..., None]
    return compress_as_jpeg(_to_image(pixels), rng, 35, 85)


def photocopy(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Copy or fax the page: only black and white, with specks, streaks and broken thin strokes."""
    # The threshold lies between the page's ink and paper, as an operator sets it for a legible copy.
    darkest, lightest = (float(tone) for tone in np.percentile(np.asarray(page.convert("L")), (0.2, 90)))
    contrast = max(lightest - darkest, 40.0)
    page = skew_page(page, rng, 1.5).convert("L").filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 0.9))))
    pixels = _floats(page)
    threshold = darkest + contrast * float(rng.uniform(0.5, 0.76))
    pixels += (cloud_noise(page.size, rng, page.width // 3) - 0.5) * contrast * float(rng.uniform(0.04, 0.24))
    pixels += (cloud_noise(page.size, rng, 8) - 0.5) * contrast * float(rng.uniform(0, 0.12))
    black = pixels < threshold
    black |= _dust(page.size, rng) > 0.4
    if rng.random() < 0.2:
        column = int(rng.integers(page.width))
        black[:, column : column + int(rng.integers(1, 3))] = True
    return Image.fromarray(np.where(black, np.uint8(0), np.uint8(255))).convert("RGB")


def crumple_page(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Fold the paper and smooth it again, which leaves soft creases of light and shadow."""
    width, height = page.size
    shade = np.ones((height, width), np.float32)
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    for _ in range(int(rng.integers(2, 6))):
        angle = float(rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.15))
        offset = float(rng.uniform(0.15, 0.85)) * (width * abs(np.cos(angle)) + height * abs(np.sin(angle)))
        distance = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) - np.float32(offset)
        reach = float(rng.uniform(0.01, 0.05)) * width
        shade += np.tanh(distance / 2.0) * np.exp(-np.abs(distance) / reach) * float(rng.uniform(-0.09, 0.09))
    return _to_image(_floats(page) * shade[..., None])


def photograph_page(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Photograph the page on a table: perspective, the table around it, lamp light, a shadow, noise."""
    width, height = page.size
    margin = float(rng.uniform(0.03, 0.14))
    frame = (int(width * (1 + 2 * margin)), int(height * (1 + 2 * margin)))
    wander = margin * min(width, height) * 0.75
    left, top = width * margin, height * margin
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    seen = [(x + float(rng.uniform(-wander, wander)), y + float(rng.uniform(-wander, wander))) for x, y in corners]
    source = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    view = _perspective(seen, source)
    how = (Image.Transform.PERSPECTIVE, view, Image.Resampling.BILINEAR)
    paper = tint_paper(page, rng).transform(frame, *how)
    cover = Image.new("L", page.size, 255).transform(frame, *how)
    table = _to_image(_table_top(frame, rng))
    table.paste((0, 0, 0), mask=cover.filter(ImageFilter.BoxBlur(width * 0.012)).point(lambda value: value * 0.45))
    table.paste(paper, mask=cover)
    picture = table.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.0))))
    pixels = _floats(picture) * _light(frame, rng)[..., None] + _noise(frame, rng) * float(rng.uniform(2, 6))
    return compress_as_jpeg(_to_image(pixels), rng, 50, 88)


def compress_as_jpeg(page: Image.Image, rng: np.random.Generator, lowest: int = 30, highest: int = 90) -> Image.Image:
    """Return the page after a round trip through JPEG."""
    buffer = BytesIO()
    page.save(buffer, "JPEG", quality=int(rng.integers(lowest, highest)))
    return Image.open(buffer).convert("RGB")


def keep_clean(page: Image.Image, _: np.random.Generator) -> Image.Image:
    """Return the page unchanged."""
    return page


CONDITIONS: dict[str, Step] = {
    "clean": keep_clean,
    "scan": scan_page,
    "copy": photocopy,
    "photo": photograph_page,
    "creased photo": lambda page, rng: photograph_page(crumple_page(page, rng), rng),
    "old": lambda page, rng: compress_as_jpeg(age_paper(spread_ink(page, rng), rng), rng, 55, 92),
    "old scan": lambda page, rng: scan_page(age_paper(spread_ink(page, rng), rng), rng),
    "worn copy": lambda page, rng: photocopy(spread_ink(page, rng), rng),
}


def cloud_noise(size: tuple[int, int], rng: np.random.Generator, cells: int) -> Floats:
    """Return smooth noise in 0..1 with about `cells` blobs across the width."""
    width, height = size
    cells = max(2, min(cells, width))
    rows = max(2, min(height, round(cells * height / width)))
    grid = Image.fromarray(rng.integers(0, 256, (rows, cells), dtype=np.uint8))
    return _floats(grid.resize(size, Image.Resampling.BILINEAR)) / 255.0


def _floats(page: Image.Image) -> Floats:
    return np.array(page, dtype=np.float32)


def _to_image(pixels: Floats) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _rgb(colour: str) -> Floats:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


def _noise(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return grey sensor noise of unit deviation, with a shape that broadcasts over the colour channels."""
    width, height = size
    return rng.standard_normal((height, width, 1), dtype=np.float32)


def _edges(size: tuple[int, int], reach: float) -> Floats:
    """Return 1 at the page's edges, falling to 0 within `reach` of its size."""
    across, down = (
        np.minimum(line, line[::-1]) for line in (np.linspace(0, 1, length, dtype=np.float32) for length in size)
    )
    fall: Floats = np.exp(-np.minimum(across[None, :], down[:, None]) / np.float32(reach))
    return fall


def _spots(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return foxing: a few soft blots between 0 and 1."""
    small = np.zeros((96, 72), np.float32)
    for _ in range(int(rng.integers(0, 14))):
        small[int(rng.integers(96)), int(rng.integers(72))] = rng.uniform(40, 255)
    blots = Image.fromarray(small.astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    return _floats(blots.resize(size, Image.Resampling.BICUBIC)) / 255.0


def _dust(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return specks of one to three pixels: 1 is dark, 0 is none."""
    width, height = size
    specks = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(0, 60))):
        x, y, side = int(rng.integers(width)), int(rng.integers(height)), int(rng.integers(1, 4))
        specks[y : y + side, x : x + side] = rng.uniform(0.2, 0.9)
    return specks


def _table_top(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return a table top: wood grain, cloth or plain, in a random colour."""
    width, height = size
    tones = ("#6b4a2f", "#8a6a48", "#3c2f28", "#9a9690", "#2c2e33", "#5a6470", "#b8a890", "#444038")
    tone = _rgb(tones[int(rng.integers(len(tones)))])
    if rng.random() < 0.6:
        # Grain: noise stretched along the boards.
        grid = rng.integers(0, 256, (max(2, height // 6), 6), dtype=np.uint8)
        grain = _floats(Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC)) / 255.0
    else:
        grain = cloud_noise(size, rng, width // 3)
    depth = float(rng.uniform(0.1, 0.45))
    surface: Floats = tone * (1.0 - depth * grain + 0.1 * cloud_noise(size, rng, 5))[..., None]
    return surface


def _light(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return uneven light: a slope across the picture, in some pages with the photographer's shadow."""
    width, height = size
    angle = float(rng.uniform(0, 2 * np.pi))
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    slope = x * float(np.cos(angle)) + y * float(np.sin(angle)) + 1.0
    light = 1.0 - slope * float(rng.uniform(0.03, 0.16))
    if rng.random() < 0.5:
        edge = (x * float(np.sin(angle + 1)) * 3 + y * 2 + float(rng.uniform(-1.2, 0.3))) * 12
        light *= 1.0 - float(rng.uniform(0.08, 0.3)) / (1.0 + np.exp(-np.clip(edge, -30, 30)))
    return light.astype(np.float32)


def _perspective(seen: list[tuple[float, float]], source: list[tuple[float, float]]) -> list[float]:
    """Return Pillow's eight coefficients, which map the points `seen` to the points `source`."""
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(seen, source, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    target: NDArray[Any] = np.array(source, dtype=np.float64).reshape(8)
    return [float(value) for value in np.linalg.solve(np.array(rows, dtype=np.float64), target)]
