"""Handwriting from Hershey stroke glyphs, with variation in every word.

A handwriting has a script (joined or printed), a slant, a pen and habits. Each word is rotated and stretched
slightly, and the whole page drifts along smooth random waves, so that joined glyphs stay joined. The strokes are
A. V. Hershey's (1967), from the `hershey-fonts` package.
"""

import math
import unicodedata
from functools import cache
from random import Random

from HersheyFonts import HersheyFonts  # type: ignore[import-untyped]

from training.synthesis.vector_layouts.drawing import Point, VectorSheet

JOINED = ("scripts", "cursive")
PRINTED = ("futural", "rowmans")
INKS = ("#1b2a6b", "#20242e", "#17357d", "#2c2c34", "#3a2a20", "#0f1b4d")

_PLAIN = str.maketrans({
    "\u2019": "'", "\u2018": "'", "“": '"', "”": '"', "«": '"', "»": '"', "\u2013": "-", "—": "-", "…": ".",
    "ß": "ss", "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "€": "E", "£": "L", "°": "o", "º": "o", "ª": "a",
    "¿": "?", "¡": "!", "ø": "o", "Ø": "O", "\u00a0": " ",
})  # fmt: skip

# Accents as strokes around the middle of a glyph, in units of the x-height; y grows downwards.
_ACCENTS: dict[str, list[list[Point]]] = {
    "\u0300": [[(-0.3, -0.4), (0.1, -0.1)]],
    "\u0301": [[(0.3, -0.4), (-0.1, -0.1)]],
    "\u0302": [[(-0.3, -0.1), (0.0, -0.4), (0.3, -0.1)]],
    "\u0303": [[(-0.3, -0.15), (-0.1, -0.3), (0.1, -0.15), (0.3, -0.3)]],
    "\u0308": [[(-0.2, -0.3), (-0.16, -0.2)], [(0.2, -0.3), (0.24, -0.2)]],
    "\u030a": [[(0.0, -0.1), (0.12, -0.25), (0.0, -0.4), (-0.12, -0.25), (0.0, -0.1)]],
}
_CEDILLA: list[list[Point]] = [[(0.05, 1.0), (0.1, 1.25), (-0.1, 1.4)]]


class Handwriting:
    """The handwriting of one writer, derived from `rng`."""

    def __init__(self, rng: Random, *, joined: bool | None = None, ink: str | None = None) -> None:
        self._rng = rng
        self.joined = rng.random() < 0.7 if joined is None else joined
        self._script = rng.choice(JOINED if self.joined else PRINTED)
        self._slant = rng.uniform(-0.05, 0.35) if self.joined else rng.uniform(-0.12, 0.22)
        self._width = rng.uniform(0.85, 1.2) * (1.0 if self.joined else 0.85)
        self._spread = rng.uniform(-0.02, 0.1) if not self.joined else 0.0
        self._tremor = rng.uniform(0.015, 0.05)
        self._pen = rng.uniform(0.055, 0.095)
        self.ink = ink or rng.choice(INKS)
        self._waves = [(rng.uniform(0.02, 0.07), rng.uniform(0.02, 0.07), rng.uniform(0, math.tau)) for _ in range(3)]

    def write(self, sheet: VectorSheet, x: float, y: float, text: str, size: float) -> float:
        """Write one line with its baseline at y.

        Args:
            sheet: Sheet to write on.
            x: Left edge.
            y: Baseline.
            text: Text of the line; characters without strokes are omitted.
            size: Height of a capital in points.

        Returns:
            The x at the end of the line.
        """
        for word in text.split():
            x = self._word(sheet, x, y + self._rng.gauss(0, size * 0.03), word, size)
            x += size * self._rng.uniform(0.35, 0.6)
        return x

    def length(self, text: str, size: float) -> float:
        """Return the approximate width of a line."""
        strokes_of = glyph_strokes(self._script)
        return sum(
            size * 0.48 if base == " " else (strokes_of[base][1] * self._width / 21 + self._spread) * size
            for base, _ in split_accents(text)
            if base in strokes_of
        )

    def lines(self, text: str, size: float, width: float) -> list[str]:
        """Break text into lines that fit `width` points."""
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and self.length(longer, size) > width:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    def sign(self, sheet: VectorSheet, x: float, y: float, name: str, size: float) -> None:
        """Write a signature: the first characters of the name, then a wavy line."""
        end = self.write(sheet, x, y, name[: self._rng.randint(3, max(4, len(name) // 2))], size)
        points = [(end - size * 0.5, y)]
        for step in range(self._rng.randint(3, 6)):
            height = self._rng.uniform(0.2, 0.8) * size * (1 if step % 2 else -0.3)
            points.append((points[-1][0] + size * self._rng.uniform(0.3, 0.9), y - height))
        if self._rng.random() < 0.5:
            points += [(x - size * 0.2, y + size * 0.45), (end + size, y + size * 0.35)]
        sheet.strokes([points], size * self._pen, color=self.ink)

    def _word(self, sheet: VectorSheet, x: float, y: float, word: str, size: float) -> float:
        rng = self._rng
        strokes_of = glyph_strokes(self._script)
        unit = size / 21.0  # Hershey capitals are 21 units high.
        scale_y = unit * rng.gauss(1.0, 0.04)
        scale_x = unit * self._width * rng.gauss(1.0, 0.05)
        slant = self._slant + rng.gauss(0, 0.03)
        tilt = rng.gauss(0, 0.012)
        start = x
        drawn: list[list[Point]] = []
        for base, marks in split_accents(word):
            if base not in strokes_of:
                continue
            strokes, width = strokes_of[base]
            lift = 0.0 if self.joined else rng.gauss(0, 0.6)
            for stroke in [*strokes, *_accents(marks, width, strokes)]:
                points = []
                for across, down in stroke:
                    px = x + across * scale_x - (down + lift) * slant * scale_y
                    py = y + (down + lift) * scale_y + (x - start) * tilt
                    points.append(self._waver(px, py, size))
                drawn.append(points)
            x += width * scale_x + self._spread * size * rng.uniform(0.5, 1.5)
        sheet.strokes(drawn, size * self._pen * rng.uniform(0.88, 1.12), color=self.ink)
        return x

    def _waver(self, x: float, y: float, size: float) -> Point:
        """Displace a point by waves that are smooth over the page, and by tremor."""
        dx = dy = 0.0
        for across, down, phase in self._waves:
            dx += math.sin((x * across * 112 + y * down * 176) / size + phase)
            dy += math.cos((x * down * 66 - y * across * 102) / size + phase)
        gauss, tremor = self._rng.gauss, self._tremor * 0.5
        return x + (dx * 0.03 + gauss(0, tremor)) * size, y + (dy * 0.025 + gauss(0, tremor)) * size


@cache
def glyph_strokes(script: str) -> dict[str, tuple[list[list[Point]], float]]:
    """Return each character's strokes, moved so that they start at x = 0 on the baseline, and its width."""
    font = HersheyFonts()
    font.load_default_font(script)
    return {
        character: (
            [[(x - glyph.left_offset, y - glyph.base_line) for x, y in stroke] for stroke in glyph.strokes],
            float(glyph.char_width),
        )
        for character, glyph in font.all_glyphs.items()
    }


def split_accents(text: str) -> list[tuple[str, str]]:
    """Split text into base characters, each with its accents."""
    characters: list[tuple[str, str]] = []
    for character in unicodedata.normalize("NFD", text.translate(_PLAIN)):
        if unicodedata.combining(character) and characters:
            base, marks = characters[-1]
            characters[-1] = (base, marks + character)
        else:
            characters.append((character, ""))
    return characters


def _accents(marks: str, width: float, letter: list[list[Point]]) -> list[list[Point]]:
    """Return the strokes of accents above or below a glyph of the given width, in Hershey units."""
    unit = 10.0
    top = min((y for stroke in letter for _, y in stroke), default=0.0)
    strokes: list[list[Point]] = []
    for mark in marks:
        if mark == "\u0327":
            strokes += [[(width / 2 + x * unit, (y - 1.0) * unit) for x, y in stroke] for stroke in _CEDILLA]
        for stroke in _ACCENTS.get(mark, []):
            strokes.append([(width * 0.55 + x * unit, top + y * unit) for x, y in stroke])
    return strokes
