"""Draw a folder of daisies, roses and sunflowers, to try the example without photographs.

python draw.py FOLDER [NUMBER], where NUMBER is that of the pictures per flower.
"""

import math
import random
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

SIZE = 160
"""Width and height of a picture in pixels."""
Color = tuple[int, int, int]


def vary(color: Color, by: int = 25) -> Color:
    """Return a random colour near another one."""
    red, green, blue = (min(255, max(0, channel + random.randint(-by, by))) for channel in color)
    return red, green, blue


def draw_petals(
    canvas: ImageDraw.ImageDraw, center: tuple[float, float], number: int, inner: float, outer: float, color: Color
) -> None:
    """Draw petals from one radius to another around a centre."""
    first, width = random.random(), (outer - inner) * 1.4 / number + 3
    outline = [(inner, -width / 2), (outer * 0.8, -width), (outer, 0), (outer * 0.8, width), (inner, width / 2)]
    for petal in range(number):
        angle = 2 * math.pi * (petal + first) / number
        cos, sin = math.cos(angle), math.sin(angle)
        points = [(center[0] + x * cos - y * sin, center[1] + x * sin + y * cos) for x, y in outline]
        canvas.polygon(points, fill=vary(color))


def draw_disc(canvas: ImageDraw.ImageDraw, center: tuple[float, float], radius: float, color: Color) -> None:
    """Draw a filled circle."""
    left, top = center[0] - radius, center[1] - radius
    canvas.ellipse((left, top, left + 2 * radius, top + 2 * radius), fill=color)


def draw_daisy(canvas: ImageDraw.ImageDraw, center: tuple[float, float], radius: float) -> None:
    """Draw narrow white petals around a yellow centre."""
    draw_petals(canvas, center, random.randint(14, 22), radius * 0.2, radius, (235, 235, 230))
    draw_disc(canvas, center, radius * 0.27, vary((235, 195, 40)))


def draw_rose(canvas: ImageDraw.ImageDraw, center: tuple[float, float], radius: float) -> None:
    """Draw rings of wide petals, each darker than the one around it."""
    red, green, blue = random.choice([(200, 30, 60), (225, 110, 140), (170, 15, 35)])
    for share in (1.0, 0.8, 0.6, 0.4, 0.2):
        light = 0.55 + 0.45 * share
        draw_petals(canvas, center, 5, 0, radius * share, (int(red * light), int(green * light), int(blue * light)))


def draw_sunflower(canvas: ImageDraw.ImageDraw, center: tuple[float, float], radius: float) -> None:
    """Draw yellow petals around a wide, dark centre."""
    draw_petals(canvas, center, random.randint(18, 28), radius * 0.4, radius, (240, 190, 25))
    draw_disc(canvas, center, radius * 0.5, vary((75, 45, 20)))


FLOWERS: dict[str, Callable[[ImageDraw.ImageDraw, tuple[float, float], float], None]] = {
    "daisy": draw_daisy,
    "rose": draw_rose,
    "sunflower": draw_sunflower,
}


def draw_picture(flower: str) -> Image.Image:
    """Return a picture of one flower on leaves."""
    picture = Image.new("RGB", (SIZE, SIZE), vary((60, 110, 50)))
    canvas = ImageDraw.Draw(picture)
    for _ in range(40):
        place = random.uniform(0, SIZE), random.uniform(0, SIZE)
        draw_disc(canvas, place, random.uniform(5, 20), vary((60, 120, 50)))
    center = random.uniform(0.4, 0.6) * SIZE, random.uniform(0.4, 0.6) * SIZE
    FLOWERS[flower](canvas, center, random.uniform(0.3, 0.45) * SIZE)
    return picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2)))


def main(folder: Path, number: int = 18) -> None:
    """Write `number` pictures of each flower into a folder with a subfolder per flower."""
    random.seed(1)
    for flower in FLOWERS:
        (folder / flower).mkdir(parents=True, exist_ok=True)
        for index in range(number):
            draw_picture(flower).save(folder / flower / f"{flower}-{index:02}.jpg", quality=88)
    print(f"{number} pictures of each of {', '.join(FLOWERS)} are in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
