"""Pictures: photographs and, as out-of-distribution pages, textures, graphs, trees."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from training.synthesis.fonts import choose_face
from training.synthesis.sheet import BLACK, WHITE, Sheet, portrait_size
from training.synthesis.words import Words

Pixels = NDArray[np.float32]


def fractal_noise(rng: np.random.Generator, width: int, height: int, rough: float) -> Pixels:
    """Return noise of every scale in 0..1, shape (height, width); `rough` is the weight ratio of successive scales."""
    total = np.zeros((height, width), np.float32)
    weight, cells = 1.0, 2
    while cells < max(width, height):
        grid = Image.fromarray(rng.random((cells + 1, cells + 1)).astype(np.float32))
        total += weight * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
        weight, cells = weight * rough, cells * 2
    low, high = total.min(), total.max()
    return np.asarray((total - low) / max(high - low, 1e-6), np.float32)


def draw_photograph(rng: np.random.Generator) -> Sheet:
    """Draw a made-up photograph: objects in front of a background, with light."""
    width, height = ((640, 480), (480, 640), (600, 600), (720, 400))[rng.integers(4)]
    ground = _colored(rng, fractal_noise(rng, width, height, float(rng.uniform(0.4, 0.75))))
    if rng.random() < 0.4:  # With a horizon.
        edge = height * rng.uniform(0.3, 0.7) + 30 * (fractal_noise(rng, width, 2, 0.6)[0] - 0.5)
        below = (np.arange(height)[:, None] > edge)[..., None]
        ground = np.where(below, _colored(rng, fractal_noise(rng, width, height, 0.8)), ground)
    image = _to_image(ground).filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 6))))
    for _ in range(rng.integers(1, 12)):
        _paste_shape(image, rng)
    pixels = np.asarray(image, np.float32) + rng.normal(0, rng.uniform(1, 9), (height, width, 1))
    far = np.hypot(*np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height)))
    image = _to_image(pixels * (1 - rng.uniform(0, 0.35) * far[..., None]))
    if rng.random() < 0.3:
        image = ImageOps.autocontrast(image.convert("L")).convert("RGB")
    sheet = Sheet(width, height, rng)
    sheet.image = image if rng.random() < 0.85 else ImageOps.expand(image, int(rng.integers(10, 80)), WHITE)
    return sheet


def _colored(rng: np.random.Generator, field: Pixels) -> Pixels:
    """Map a field to a gradient between two random colours."""
    low, high = rng.integers(0, 256, (2, 3))
    return np.asarray(low + (high - low) * field[..., None], np.float32)


def _to_image(pixels: NDArray[np.generic]) -> Image.Image:
    return Image.fromarray(np.clip(np.asarray(pixels, np.float32), 0, 255).astype(np.uint8))


def _paste_shape(image: Image.Image, rng: np.random.Generator) -> None:
    """Paste a shaded, textured shape: a ball, a flower, a leaf or a box."""
    size = int(rng.uniform(0.12, 0.7) * min(image.size))
    place = np.linspace(-1, 1, size)
    x, y = np.meshgrid(place, place)
    turn, far = np.arctan2(y, x) + rng.uniform(0, 6), np.hypot(x, y)
    shape = int(rng.integers(4))
    if shape == 0:
        inside = far < 0.95
    elif shape == 1:
        inside = far < 0.55 + 0.4 * np.abs(np.cos(turn * rng.integers(3, 12) / 2)) ** rng.uniform(0.3, 2)
    elif shape == 2:
        inside = np.hypot(x * rng.uniform(1.2, 4), y) + 0.3 * np.abs(x * y) < 0.9
    else:
        inside = np.maximum(np.abs(x), np.abs(y * rng.uniform(0.6, 2))) < 0.8
    light = 0.55 + 0.45 * np.cos(turn - rng.uniform(0, 6)) * far + 0.25 * (1 - far)
    body = _colored(rng, fractal_noise(rng, size, size, float(rng.uniform(0.3, 0.8)))) * light[..., None]
    if shape == 1:
        body = np.where((far < 0.25)[..., None], _colored(rng, fractal_noise(rng, size, size, 0.9)), body)
    mask = Image.fromarray((inside * 255).astype(np.uint8)).rotate(float(rng.uniform(0, 360)))
    corner = tuple(int(v) for v in rng.uniform(-size * 0.3, np.array(image.size) - size * 0.7))
    image.paste(
        _to_image(body), (corner[0], corner[1]), mask.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 2))))
    )


def _random_size(rng: np.random.Generator) -> tuple[int, int]:
    """Return a size of random proportions, or that of a page."""
    return portrait_size(rng) if rng.random() < 0.4 else (int(rng.integers(300, 900)), int(rng.integers(250, 800)))


def draw_texture(rng: np.random.Generator) -> Sheet:
    """Draw a surface or a radiograph: noise of every scale, stripes or a weave."""
    sheet = Sheet(*_random_size(rng), rng)
    field = fractal_noise(rng, sheet.width, sheet.height, float(rng.uniform(0.4, 1.0)))
    if rng.random() < 0.5:
        x, y = np.meshgrid(np.arange(sheet.width), np.arange(sheet.height))
        wave = np.sin(x * rng.uniform(0.02, 1)) + np.sin(y * rng.uniform(0.02, 1)) * rng.integers(0, 2)
        field = field * 0.5 + 0.125 * (wave.astype(np.float32) + 2)
    sheet.image = _to_image(_colored(rng, field))
    return sheet


def draw_graph(rng: np.random.Generator) -> Sheet:
    """Draw curves, points or bars on axes, without other content."""
    sheet = Sheet(*_random_size(rng), rng)
    words, font = Words(rng), choose_face("serif", rng).at(float(rng.uniform(9, 18)))
    columns, rows = int(rng.choice([1, 1, 1, 2, 3])), int(rng.choice([1, 1, 2]))
    w, h = sheet.width / columns, sheet.height / rows
    for cell in range(columns * rows):
        x, y = cell % columns * w + w * 0.12, cell // columns * h + h * 0.1
        kind = int(rng.integers(3))
        if kind == 0:
            sheet.chart(x, y, w * 0.78, h * 0.75, font)
            continue
        middle = y + h * (0.75 if kind == 1 else 0.38)
        sheet.rule(x, middle, x + w * 0.78, middle, BLACK, int(rng.integers(1, 3)))
        sheet.rule(x, y, x, y + h * 0.75, BLACK, int(rng.integers(1, 3)))
        place = np.linspace(0, 1, 90)
        for _ in range(rng.integers(1, 6)):
            curve = np.cumsum(np.cumsum(rng.normal(0, 1, 90)))
            curve = (curve - curve.min()) / np.ptp(curve)
            points = list(zip(x + place * w * 0.75, y + h * 0.7 * curve, strict=True))
            sheet.pen.line(points, fill=sheet.color(0, 200), width=int(rng.integers(1, 4)))
        sheet.text(x + w * 0.7, middle + 4, words.one_of("x", "t", "n", words.phrase(1, 1)), font)
    return sheet


def draw_tree(rng: np.random.Generator) -> Sheet:
    """Draw a tree or flow of boxes: a genealogy, an organisation chart, an algorithm."""
    sheet = Sheet(*_random_size(rng), rng)
    words, font = Words(rng), choose_face("sans", rng).at(float(rng.uniform(8, 14)))
    levels, across = int(rng.integers(3, 7)), rng.random() < 0.4
    span, depth = (sheet.height, sheet.width) if across else (sheet.width, sheet.height)
    fill = sheet.color(190, 255) if rng.random() < 0.6 else None
    parents: list[tuple[float, float]] = []
    for level in range(levels):
        count = min(9, max(1, len(parents) * int(rng.integers(1, 3)))) if parents else 1
        places = [((k + 0.5) * span / count, (level + 0.5) * depth / levels) for k in range(count)]
        for number, (along, down) in enumerate(places):
            x, y = (down, along) if across else (along, down)
            if parents:
                px, py = parents[number * len(parents) // count]
                sheet.rule(*((py, px) if across else (px, py)), x, y)
        for along, down in places:
            x, y = (down, along) if across else (along, down)
            w, h = min(110.0, 0.8 * span / count), min(44.0, 0.5 * depth / levels)
            sheet.box(x - w / 2, y - h / 2, w, h, fill=fill or WHITE, line=BLACK)
            sheet.text(x, y - 7, words.phrase(1, 1)[:12], font, BLACK, "ma")
        parents = places
    return sheet


OOD_PICTURES: tuple[Callable[[np.random.Generator], Sheet], ...] = (
    draw_photograph, draw_texture, draw_graph, draw_tree,
)  # fmt: skip
"""Functions that draw pictures as out-of-distribution pages."""
