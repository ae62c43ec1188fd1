"""Pages of scientific papers."""

from dataclasses import dataclass

import numpy as np

from training.synthesis.fonts import Face, choose_face
from training.synthesis.sheet import BLACK, Sheet, portrait_size, wrap_words
from training.synthesis.words import Words

FORMULAS = ("f(x) = ∑ aᵢ xⁱ + ε", "∂u/∂t = k ∇²u", "p(y|x) ∝ p(x|y) p(y)", "E = ½ m v² + V(r)", "min ‖Ax + b‖²")


def draw_paper(rng: np.random.Generator) -> Sheet:
    """Draw a page of a paper: one or two columns, a first page or a later one with figures and formulas."""
    words = Words(rng, str(rng.choice(["en_US", "en_US", "en_GB", "fr_FR", "de_DE"])))
    sheet = Sheet(*portrait_size(rng), rng)
    face = choose_face("serif" if rng.random() < 0.8 else "sans", rng)
    size = float(rng.uniform(7.2, 10.5))
    margin = float(rng.uniform(38, 85))
    columns = 2 if rng.random() < 0.55 else 1
    part_width = columns == 1 and rng.random() < 0.45
    left = margin + (float(rng.uniform(50, 140)) if part_width else 0.0)
    y = margin
    first = rng.random() < 0.45
    if part_width:
        _margin_notes(sheet, words, face, size, margin, left, first=first)
    if first:
        y = _title_block(sheet, words, face, size, margin, left)
    elif rng.random() < 0.6:
        sheet.text(margin, margin * 0.55, words.phrase(3, 7), face.at(size * 0.85, "italic"))
        sheet.text(sheet.width - margin, margin * 0.55, str(rng.integers(2, 40)), face.at(size * 0.85), BLACK, "ra")
    gap = 18.0
    width = (sheet.width - margin - left - gap * (columns - 1)) / columns
    end = sheet.height - margin
    references = rng.random() < 0.15
    if rng.random() < 0.15:
        end = y + (end - y) * float(rng.uniform(0.25, 0.9))  # last page
    for number in range(columns):
        column = _Column(sheet, words, face, size, left + number * (width + gap), width, end)
        column.fill(y, references=references)
    if rng.random() < 0.5:
        sheet.text(sheet.width / 2, sheet.height - margin * 0.6, str(rng.integers(1, 40)), face.at(size), BLACK, "ma")
    return sheet


def _margin_notes(
    sheet: Sheet, words: Words, face: Face, size: float, margin: float, left: float, *, first: bool
) -> None:
    """Draw a journal's margin: a logo and, on the first page, dates, editors and the licence."""
    rng, width, small = sheet.rng, left - margin * 0.6 - 12, face.at(size * 0.75)
    x, y = margin * 0.6, margin * 0.6
    if rng.random() < 0.6:
        sheet.text(x, y, words.phrase(1, 1)[:5].upper(), face.at(size * 2.6, "bold"))
        y = sheet.text(x, y + size * 3, words.phrase(2, 4), small)
    if not first:
        return
    y += float(rng.uniform(60, 220))
    for _ in range(int(rng.integers(2, 6))):
        y = sheet.text(x, y, words.phrase(1, 2), face.at(size * 0.8, "bold"))
        y = sheet.paragraph(x, y, width, words.one_of(words.date(), words.person(), words.paragraph(14)), small) + 6


def _title_block(sheet: Sheet, words: Words, face: Face, size: float, margin: float, left: float) -> float:
    rng, width = sheet.rng, sheet.width - margin - left
    y = margin * float(rng.uniform(0.6, 1.2))
    if rng.random() < 0.3:
        sheet.text(left, y, words.phrase(3, 6), face.at(size * 0.9, "italic"))
        doi = f"doi:10.{words.number(4)}/{words.number(6)}"
        y = sheet.text(sheet.width - margin, y, doi, face.at(size * 0.8), BLACK, "ra") + 6
        sheet.rule(left, y, left + width, y)
        y += 10
    title = face.at(size * float(rng.uniform(1.6, 2.2)), str(rng.choice(["bold", "regular"])))
    centred = rng.random() < 0.75
    x, anchor = (left + width / 2, "ma") if centred else (left, "la")
    for line in wrap_words(words.phrase(6, 16), title, width):
        y = sheet.text(x, y, " ".join(line), title, BLACK, anchor)
    authors = ", ".join(words.person() for _ in range(rng.integers(1, 5)))
    y = sheet.text(x, y + 8, authors, face.at(size * 1.1), BLACK, anchor)
    for _ in range(rng.integers(1, 3)):
        y = sheet.text(x, y + 1, f"{words.firm()}, {words.fake.city()}", face.at(size * 0.9, "italic"), BLACK, anchor)
    inset = float(rng.uniform(0, 50))
    y = sheet.text(x, y + 12, words.one_of("Abstract", "ABSTRACT", "Summary"), face.at(size, "bold"), BLACK, anchor) + 2
    text, font = words.paragraph(int(rng.integers(60, 160))), face.at(size * 0.95)
    return sheet.paragraph(left + inset, y, width - 2 * inset, text, font, justify=True) + 14


@dataclass(frozen=True)
class _Column:
    """A column of text, and what draws its elements: each takes a y and a number and returns the y below."""

    sheet: Sheet
    words: Words
    face: Face
    size: float
    x: float
    width: float
    end: float

    def fill(self, y: float, *, references: bool) -> None:
        """Fill the column with elements at random, or with references."""
        rng, number = self.sheet.rng, int(self.sheet.rng.integers(1, 6))
        elements = (self.heading, self.figure, self.table, self.formula, self.prose)
        while y < self.end - self.size * 2:
            if references:
                y = self.reference(y, number)
            else:
                y = elements[rng.choice(5, p=(0.14, 0.16, 0.08, 0.1, 0.52))](y, number)
            number += 1

    def heading(self, y: float, number: int) -> float:
        """Draw a numbered heading."""
        text = f"{number}{self.words.one_of('', '.1', '.2')} {self.words.phrase(1, 5)}"
        return self.sheet.text(self.x, y + self.size * 0.6, text, self.face.at(self.size * 1.15, "bold")) + 2

    def figure(self, y: float, number: int) -> float:
        """Draw a chart or a picture with its caption, if there is room."""
        if self.end - y < 130:
            return self.prose(y, number)
        sheet, height = self.sheet, float(self.sheet.rng.uniform(70, min(170, self.end - y - 50)))
        if sheet.rng.random() < 0.75:
            sheet.chart(self.x + self.width * 0.12, y + 8, self.width * 0.8, height, self.face.at(self.size * 0.7))
        else:
            sheet.picture(self.x + self.width * 0.08, y + 8, self.width * 0.84, height)
        caption, font = f"Figure {number}: {self.words.sentence(14)}", self.face.at(self.size * 0.9)
        return sheet.paragraph(self.x, y + height + 18, self.width, caption, font, bottom=self.end) + 6

    def table(self, y: float, number: int) -> float:
        """Draw a table of numbers with its caption, if there is room."""
        if self.end - y < 110:
            return self.prose(y, number)
        words, font, right = self.words, self.face.at(self.size * 0.9), self.x + self.width
        rows = [[words.phrase(1, 1), *(words.amount(0.1, 99) for _ in range(3))]
                for _ in range(self.sheet.rng.integers(3, 8))]  # fmt: skip
        widths = [self.width * 0.4, *[self.width * 0.2] * 3]
        self.sheet.rule(self.x, y + 4, right, y + 4)
        y = self.sheet.table(self.x, y + 6, widths, rows, font, pad=1, right=(1, 2, 3))
        self.sheet.rule(self.x, y + 2, right, y + 2)
        return self.sheet.text(self.x, y + 5, f"Table {number}: {words.phrase(3, 6)}", font) + 6

    def formula(self, y: float, number: int) -> float:
        """Draw a numbered formula."""
        y += self.size * 0.6
        font = self.face.at(self.size * 1.1, "italic")
        self.sheet.text(self.x + self.width / 2, y, self.words.one_of(*FORMULAS), font, BLACK, "ma")
        below = self.sheet.text(self.x + self.width, y, f"({number})", self.face.at(self.size), BLACK, "ra")
        return below + self.size * 0.8

    def prose(self, y: float, _: int) -> float:
        """Draw a justified paragraph."""
        text = self.words.paragraph(int(self.sheet.rng.integers(30, 130)))
        return self.sheet.paragraph(
            self.x, y, self.width, text, self.face.at(self.size),
            justify=True, indent=self.size * 1.3, leading=1.08, bottom=self.end,
        )  # fmt: skip

    def reference(self, y: float, number: int) -> float:
        """Draw an entry of the bibliography."""
        words = self.words
        where = f"{words.phrase(2, 4)} {words.number(2)}, {self.sheet.rng.integers(1960, 2026)}"
        text = f"[{number}] {words.person()}, {words.person()}. {words.phrase(6, 12)}. {where}."
        return self.sheet.paragraph(self.x, y, self.width, text, self.face.at(self.size), bottom=self.end) + 3
