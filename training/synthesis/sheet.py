"""The raster canvas: text in lines and columns, rules, boxes, tables, pictures and charts.

Sizes are in pixels of a page about 620 wide (75 dots per inch for A4), more than the input size of any version.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.synthesis.fonts import Font

Color = tuple[int, int, int]
BLACK: Color = (0, 0, 0)
WHITE: Color = (255, 255, 255)
A4 = (620, 877)
LETTER = (620, 802)
"""Paper sizes in pixels."""


class Sheet:
    """A page that is drawn in pixels.

    Args:
        width: Width in pixels.
        height: Height in pixels.
        rng: Source of every random choice.
        paper: Background colour.
    """

    def __init__(self, width: int, height: int, rng: np.random.Generator, paper: Color = WHITE) -> None:
        self.width, self.height, self.rng = width, height, rng
        self.image = Image.new("RGB", (width, height), paper)
        self.pen = ImageDraw.Draw(self.image)

    def text(self, x: float, y: float, text: str, font: Font, fill: Color = BLACK, anchor: str = "la") -> float:
        """Write one line and return the y below it."""
        self.pen.text((x, y), text, fill=fill, font=font, anchor=anchor)
        return y + line_height(font)

    def paragraph(
        self,
        x: float,
        y: float,
        width: float,
        text: str,
        font: Font,
        *,
        fill: Color = BLACK,
        leading: float = 1.2,
        justify: bool = False,
        indent: float = 0,
        bottom: float | None = None,
    ) -> float:
        """Write wrapped text down to `bottom` at most and return the y below it."""
        step = line_height(font) * leading
        limit = self.height if bottom is None else bottom
        lines = wrap_words(text, font, width, indent)
        for number, words in enumerate(lines):
            if y + step > limit:
                break
            left = x + (indent if number == 0 else 0)
            line_width = width - (indent if number == 0 else 0)
            if justify and number < len(lines) - 1 and len(words) > 1:
                self._justified(left, y, line_width, words, font, fill)
            else:
                self.pen.text((left, y), " ".join(words), fill=fill, font=font)
            y += step
        return y

    def _justified(self, x: float, y: float, width: float, words: Sequence[str], font: Font, fill: Color) -> None:
        lengths = [font.getlength(word) for word in words]
        gap = (width - sum(lengths)) / (len(words) - 1)
        for word, length in zip(words, lengths, strict=True):
            self.pen.text((x, y), word, fill=fill, font=font)
            x += length + gap

    def rule(self, x0: float, y0: float, x1: float, y1: float, fill: Color = BLACK, width: int = 1) -> None:
        """Draw a straight line."""
        self.pen.line((x0, y0, x1, y1), fill=fill, width=width)

    def box(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        *,
        fill: Color | None = None,
        line: Color | None = None,
        bold: int = 1,
    ) -> None:
        """Draw a rectangle."""
        self.pen.rectangle((x, y, x + max(1, w), y + max(1, h)), fill=fill, outline=line, width=bold)

    def table(
        self,
        x: float,
        y: float,
        widths: Sequence[float],
        rows: Sequence[Sequence[str]],
        font: Font,
        *,
        fill: Color = BLACK,
        line: Color | None = None,
        stripe: Color | None = None,
        pad: float = 3,
        right: Sequence[int] = (),
    ) -> float:
        """Draw cells, some columns flush right, and return the y below."""
        height = line_height(font) + 2 * pad
        total = sum(widths)
        for number, row in enumerate(rows):
            if stripe and number % 2:
                self.box(x, y, total, height, fill=stripe)
            left = x
            for column, (cell, width) in enumerate(zip(row, widths, strict=False)):
                shown = clip_text(cell, font, width - 2 * pad)
                if column in right:
                    self.text(left + width - pad, y + pad, shown, font, fill, "ra")
                else:
                    self.text(left + pad, y + pad, shown, font, fill)
                if line:
                    self.box(left, y, width, height, line=line)
                left += width
            y += height
        return y

    def picture(self, x: float, y: float, w: float, h: float) -> None:
        """Fill a rectangle with soft blobs of colour that resemble a photograph."""
        coarse = self.rng.integers(20, 236, (int(self.rng.integers(3, 9)), int(self.rng.integers(3, 9)), 3))
        size = (max(2, int(w)), max(2, int(h)))
        soft = Image.fromarray(coarse.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
        grain = self.rng.normal(0, 12, (size[1], size[0], 1))
        pixels = np.clip(np.asarray(soft) + grain, 0, 255).astype(np.uint8)
        if self.rng.random() < 0.4:
            pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
        self.image.paste(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.6)), (int(x), int(y)))

    def chart(self, x: float, y: float, w: float, h: float, font: Font, ink: Color = BLACK) -> None:
        """Draw axes with bars, points, lines or a box-and-arrow diagram."""
        kind = int(self.rng.integers(4))
        if kind == 3:
            self._diagram(x, y, w, h, font, ink)
            return
        self.rule(x, y, x, y + h, ink)
        self.rule(x, y + h, x + w, y + h, ink)
        for tick in range(5):
            self.text(x - 3, y + h * tick / 4, f"{4 - tick}", font, ink, "rm")
        count = int(self.rng.integers(4, 12))
        xs = x + w * (np.arange(count) + 0.5) / count
        for _ in range(int(self.rng.integers(1, 4))):
            color = self.color(30, 210)
            ys = y + h * np.clip(self.rng.normal(0.5, 0.22, count), 0.03, 0.97)
            if kind == 0:
                for px, py in zip(xs, ys, strict=True):
                    self.box(px - w / count / 3, py, w / count * 0.6, y + h - py, fill=color)
            elif kind == 1:
                self.pen.line([(float(a), float(b)) for a, b in zip(xs, ys, strict=True)], fill=color, width=2)
            else:
                for px, py in zip(self.rng.uniform(x, x + w, 30), self.rng.uniform(y, y + h, 30), strict=True):
                    self.pen.ellipse((px - 2, py - 2, px + 2, py + 2), fill=color)

    def _diagram(self, x: float, y: float, w: float, h: float, font: Font, ink: Color) -> None:
        columns, rows = int(self.rng.integers(2, 5)), int(self.rng.integers(1, 4))
        bw, bh = w / columns * 0.65, h / rows * 0.5
        for c in range(columns):
            for r in range(rows):
                left, top = x + c * w / columns, y + r * h / rows
                self.box(left, top, bw, bh, fill=self.color(190, 255), line=ink)
                self.text(left + bw / 2, top + bh / 2, "abcdefghijkl"[(c * 3 + r) % 12] * 3, font, ink, "mm")
                if c + 1 < columns:
                    self.rule(left + bw, top + bh / 2, left + w / columns, top + bh / 2, ink)

    def logo(self, x: float, y: float, size: float, color: Color) -> None:
        """Draw a simple logo."""
        kind = int(self.rng.integers(4))
        if kind == 0:
            self.pen.ellipse((x, y, x + size, y + size), fill=color)
        elif kind == 1:
            self.pen.rectangle((x, y, x + size, y + size), fill=color)
        elif kind == 2:
            self.pen.polygon([(x, y + size), (x + size / 2, y), (x + size, y + size)], fill=color)
        else:
            for ring in range(3):
                gap = ring * size / 6
                self.pen.ellipse((x + gap, y + gap, x + size - gap, y + size - gap), outline=color, width=2)

    def color(self, low: int = 0, high: int = 255) -> Color:
        """Return a random colour."""
        red, green, blue = (int(value) for value in self.rng.integers(low, high + 1, 3))
        return red, green, blue


def portrait_size(rng: np.random.Generator) -> tuple[int, int]:
    """Return the size of an A4 or letter page."""
    return A4 if rng.random() < 0.6 else LETTER


def line_height(font: Font) -> float:
    """Return the distance between lines without leading."""
    return float(font.size) * 1.05


def wrap_words(text: str, font: Font, width: float, indent: float = 0) -> list[list[str]]:
    """Break text into lines of words no wider than `width`."""
    space = font.getlength(" ")
    lines: list[list[str]] = [[]]
    used = indent
    for word in text.split():
        length = font.getlength(word)
        if lines[-1] and used + length > width:
            lines.append([])
            used = 0.0
        lines[-1].append(word)
        used += length + space
    return lines


def clip_text(text: str, font: Font, width: float) -> str:
    """Shorten text to a width."""
    if font.getlength(text) <= width:
        return text
    keep = max(1, int(len(text) * width / max(1.0, font.getlength(text))))
    return text[:keep]
