"""Writer: a typeface, size and colours for the text of a layout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw

from training.synthesis.raster_layouts.fonts import Face, Font, choose_face, faces
from training.synthesis.raster_layouts.sheet import BLACK, WHITE, Color, RasterSheet, line_height
from training.synthesis.raster_layouts.words import RasterWords

LayoutT = TypeVar("LayoutT")


@dataclass
class Writer:
    """Writes on one sheet with one typeface.

    Attributes:
        sheet: Sheet to write on.
        words: Source of text.
        face: Typeface.
        size: Size of plain text in pixels; other sizes are multiples of it.
        accent: Colour of titles and rules.
        ink: Colour of plain text.
    """

    sheet: RasterSheet
    words: RasterWords
    face: Face
    size: float
    accent: Color = BLACK
    ink: Color = BLACK

    @property
    def step(self) -> float:
        """The distance between two lines of plain text."""
        return line_height(self.font()) * 1.15

    def chance(self, share: float) -> bool:
        """Return True with probability `share`."""
        return bool(self.sheet.rng.random() < share)

    def between(self, low: float, high: float) -> float:
        """Return a random number between `low` and `high`."""
        return float(self.sheet.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """Return a random integer from `low` to `high`, both included."""
        return int(self.sheet.rng.integers(low, high + 1))

    def font(self, scale: float = 1, style: str = "regular") -> Font:
        """Return the typeface at a multiple of the plain size."""
        return self.face.at(self.size * scale, style)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        scale: float = 1,
        style: str = "regular",
        *,
        fill: Color | None = None,
        anchor: str = "la",
    ) -> float:
        """Write one line and return the y below it."""
        font = self.font(scale, style)
        self.sheet.text(x, y, text, font, self.ink if fill is None else fill, anchor)
        return y + line_height(font) * 1.12

    def prose(
        self,
        x: float,
        y: float,
        width: float,
        text: str,
        scale: float = 1,
        style: str = "regular",
        *,
        fill: Color | None = None,
        bottom: float | None = None,
        justify: bool = False,
    ) -> float:
        """Write wrapped text and return the y below it."""
        color = self.ink if fill is None else fill
        font = self.font(scale, style)
        return self.sheet.paragraph(x, y, width, text, font, fill=color, leading=1.12, bottom=bottom, justify=justify)

    def items(self, x: float, y: float, width: float, count: int, *, mark: str = "•", bottom: float) -> float:
        """Write a list of short remarks and return the y below it."""
        for number in range(count):
            if y + self.step > bottom:
                break
            self.write(x, y, f"{number + 1}." if mark == "1." else mark)
            inset = self.size * (1.6 if mark == "1." else 1)
            y = self.prose(x + inset, y, width - inset, self.words.phrase(3, 16), bottom=bottom)
        return y

    def small_caps(self, x: float, y: float, text: str, scale: float = 1, *, fill: Color | None = None) -> float:
        """Write capitals, with larger initials, and return the y below."""
        height, low, color = self.font(scale), self.font(scale * 0.8), self.ink if fill is None else fill
        base, begins = y + line_height(height) * 0.85, True
        for letter in text.upper():
            font = height if begins else low
            self.sheet.text(x, base, letter, font, color, "ls")
            x += font.getlength(letter)
            begins = letter == " "
        return y + line_height(height) * 1.12

    def write_rotated(
        self, x: float, y: float, text: str, font: Font, angle: float, fill: Color, *, frame: bool
    ) -> None:
        """Write rotated text around a point, in a frame if it is a stamp."""
        left, top, right, bottom = (int(value) for value in font.getbbox(text))
        pad = max(3, int(font.size * 0.3))
        size = (right - left + 2 * pad, bottom - top + 2 * pad)
        mask = Image.new("L", size, 0)
        pen = ImageDraw.Draw(mask)
        pen.text((pad - left, pad - top), text, fill=220, font=font)
        if frame:
            pen.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=220, width=max(1, pad // 3))
        mask = mask.rotate(angle, expand=True, resample=Image.Resampling.BILINEAR)
        corner = (int(x - mask.width / 2), int(y - mask.height / 2))
        self.sheet.image.paste(fill, (*corner, corner[0] + mask.width, corner[1] + mask.height), mask)

    def portrait(self, x: float, y: float, w: float, h: float, *, oval: bool = False) -> None:
        """Draw a head and shoulders in front of a wall, in a rectangle or an ellipse."""
        size = (int(w), int(h))
        photo = Image.new("RGB", size, self.sheet.color(120, 250))
        pen = ImageDraw.Draw(photo)
        skin, middle = self.count(110, 230), w * self.between(0.45, 0.55)
        hair = self.sheet.color(10, 120)
        pen.ellipse((middle - w * 0.23, h * 0.14, middle + w * 0.23, h * 0.62), fill=hair)
        pen.ellipse((middle - w * 0.5, h * 0.7, middle + w * 0.5, h * 1.5), fill=self.sheet.color(10, 200))
        pen.rectangle((middle - w * 0.08, h * 0.55, middle + w * 0.08, h * 0.76), fill=(skin, skin * 4 // 5, skin // 2))
        pen.ellipse(
            (middle - w * 0.18, h * 0.2, middle + w * 0.18, h * 0.66), fill=(skin, skin * 5 // 6, skin * 2 // 3)
        )
        mask = Image.new("L", size, 0 if oval else 255)
        if oval:
            ImageDraw.Draw(mask).ellipse((0, 0, size[0] - 1, size[1] - 1), fill=255)
        self.sheet.image.paste(photo, (int(x), int(y)), mask)

    def level(self, x: float, y: float, width: float, kind: str, fill: Color) -> None:
        """Draw a skill level as "bar", "dots" or "stars" next to the line that starts at y."""
        share, height = self.between(0.3, 1), self.size * 0.55
        pen, top = self.sheet.pen, y + self.size * 0.3
        if kind == "bar":
            self.sheet.box(x, top, width, height, line=fill)
            self.sheet.box(x, top, width * share, height, fill=fill)
            return
        gap = min(height * 1.5, width / 5)
        for number in range(5):
            left = x + number * gap
            known = number < share * 5
            if kind == "stars":
                disc = (left + height / 2, top + height / 2, height * 0.6)
                for rotation in (0, 180):
                    pen.regular_polygon(disc, 3, rotation, fill=fill if known else None, outline=fill)
            else:
                pen.ellipse((left, top, left + height, top + height), fill=fill if known else None, outline=fill)

    def icon(self, x: float, y: float, fill: Color) -> None:
        """Draw a small icon, as before a telephone number."""
        size, kind = self.size * 0.85, self.count(0, 2)
        area = (x, y + size * 0.15, x + size, y + size * 1.15)
        if kind == 0:
            self.sheet.pen.ellipse(area, fill=fill)
        elif kind == 1:
            self.sheet.pen.rectangle(area, outline=fill)
            self.sheet.pen.line((area[0], area[1], x + size / 2, y + size * 0.7, area[2], area[1]), fill=fill)
        else:
            self.sheet.pen.rounded_rectangle(area, size * 0.3, fill=fill)


def weighted_choice(layouts: Mapping[LayoutT, float], rng: np.random.Generator) -> LayoutT:
    """Return a random layout; the values are the probabilities."""
    return list(layouts)[rng.choice(len(layouts), p=list(layouts.values()))]


def readable_ink(fill: Color) -> Color:
    """Return an ink that is readable on a colour."""
    return WHITE if sum(fill) < 420 else BLACK


def typeset_face(rng: np.random.Generator) -> Face:
    """Return a serif typeface, usually one from TeX."""
    plain = [face for face in faces("serif") if face.regular.stem.startswith(("lmroman", "cmunrm"))]
    return plain[rng.integers(len(plain))] if plain and rng.random() < 0.6 else choose_face("serif", rng)
