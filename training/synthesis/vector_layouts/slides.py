"""Slides: a landscape page with few words in large type, sometimes with a chart."""

import math
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from training.synthesis.vector_layouts import figures
from training.synthesis.vector_layouts.drawing import VectorSheet
from training.synthesis.vector_layouts.phrases import VectorWords
from training.synthesis.vector_layouts.typefaces import SANS, SERIF, Family, choose_family

SIZES = ((720.0, 405.0), (720.0, 405.0), (720.0, 540.0), (454.0, 340.0))
TITLES = ("Where we stand", "What we learned", "Results so far", "How it works", "Next steps", "Why it matters",
          "Method", "Three findings", "Costs and benefits", "Roadmap", "Agenda", "Gradient descent", "Sampling",
          "A worked example", "Summary", "Limits of the model", "Questions for today")  # fmt: skip


@dataclass(frozen=True)
class Theme:
    """A deck's colours and shapes."""

    paper: str
    ink: str
    accent: str
    look: str


THEMES = (
    Theme("#ffffff", "#222222", "#1f4e79", "bar"),
    Theme("#ffffff", "#1a1a1a", "#c0392b", "under"),
    Theme("#ffffff", "#333333", "#2e7d32", "plain"),
    Theme("#fafafa", "#23373b", "#23373b", "bar"),
    Theme("#1e2430", "#f2f2f2", "#f5b041", "plain"),
    Theme("#0b3c5d", "#ffffff", "#d9b310", "under"),
    Theme("#ffffff", "#222222", "#6c3483", "side"),
    Theme("#f7f3ea", "#3b3028", "#b5651d", "side"),
    Theme("#ffffff", "#000000", "#3333b3", "beamer"),
    Theme("#ffffff", "#20303c", "#00838f", "corner"),
)


class Slide:
    """A slide of a deck, with the area that its content may use."""

    def __init__(self, rng: Random, words: VectorWords, sheet: VectorSheet, theme: Theme, fonts: Family) -> None:
        self.rng, self.words, self.sheet, self.theme, self.fonts = rng, words, sheet, theme, fonts
        self.unit = sheet.height / 100
        self.left, self.right = sheet.width * 0.06, sheet.width * 0.94
        self.y = self.unit * 28

    def frame(self, title: str) -> None:
        """Draw the background, the title and the footer."""
        sheet, theme, unit = self.sheet, self.theme, self.unit
        sheet.box(0, 0, sheet.width, sheet.height, fill=theme.paper)
        size, baseline, color = unit * 7.2, unit * 14, theme.accent
        if theme.look in ("bar", "beamer"):
            height = unit * (16 if theme.look == "bar" else 11)
            sheet.box(0, 0, sheet.width, height, fill=theme.accent)
            color, baseline = "#ffffff", height * 0.68
            size = unit * (7 if theme.look == "bar" else 5.6)
        elif theme.look == "side":
            sheet.box(0, 0, sheet.width * 0.035, sheet.height, fill=theme.accent)
        elif theme.look == "corner":
            sheet.path([(sheet.width, 0), (sheet.width - unit * 30, 0), (sheet.width, unit * 30)], 0, fill=theme.accent)
        elif theme.look == "under":
            sheet.rule((self.left, unit * 18), (self.right, unit * 18), unit * 0.5, color=theme.accent)
        sheet.text(self.left, baseline, title, self.fonts.bold, size, color=color)
        self._footer()

    def _footer(self) -> None:
        sheet, unit, theme = self.sheet, self.unit, self.theme
        if theme.look == "beamer":
            sheet.box(0, sheet.height - unit * 4.5, sheet.width, unit * 4.5, fill=theme.accent)
        color = "#ffffff" if theme.look == "beamer" else "#8a8f94"
        y = sheet.height - unit * 1.6
        if self.rng.random() < 0.7:
            sheet.text(self.left, y, f"{self.words.company()} · {self.rng.randint(2012, 2025)}", self.fonts.regular,
                       unit * 2.3, color=color)  # fmt: skip
        pages = self.rng.randint(12, 60)
        sheet.text(self.right, y, f"{self.rng.randint(2, pages)} / {pages}", self.fonts.regular, unit * 2.3,
                   align="right", color=color)  # fmt: skip

    def bullets(self, x: float, width: float, count: int, genre: str) -> None:
        """Draw a bulleted list, sometimes with a second level."""
        size = self.unit * self.rng.uniform(3.9, 5.2)
        y = self.y
        for number, text in enumerate(self.words.sentences(genre, count)):
            if y > self.sheet.height - self.unit * 14:
                break
            inner = number > 0 and self.rng.random() < 0.2
            shift, scale = (size * 1.4, 0.85) if inner else (0.0, 1.0)
            mark = x + shift + size * 0.3
            if self.theme.look in ("bar", "side"):
                self.sheet.box(mark - 2, y - size * 0.45, size * 0.25, size * 0.25, fill=self.theme.accent)
            else:
                self.sheet.circle(mark, y - size * 0.32, size * 0.14, fill=self.theme.accent)
            y = self.sheet.paragraph(x + shift + size, y, width - shift - size, text.rstrip("."), self.fonts.regular,
                                     size * scale, color=self.theme.ink)  # fmt: skip
            y += size * 0.6
        self.y = y

    def chart(self, x: float, y: float, width: float, height: float) -> None:
        """Draw a chart on a white card."""
        if self.theme.paper != "#ffffff":
            self.sheet.box(x - 6, y - 6, width + 12, height + 14, fill="#ffffff", radius=4)
        figures.draw_plot(self.sheet, self.rng, x, y, width, height, self.fonts, self.unit * 2.3)


def draw_vector_slide(rng: Random, language: str | None = None) -> VectorSheet:
    """Draw one slide."""
    words = VectorWords(rng, language or "en")
    sheet = VectorSheet(rng.choice(SIZES))
    slide = Slide(rng, words, sheet, rng.choice(THEMES), choose_family(rng, *SANS, *SANS, *SERIF))
    rng.choice((_opening, _points, _points, _points_and_chart, _points_and_chart, _chart, _code, _columns, _steps,
                _mathematics, _table, _picture, _quotation))(slide)  # fmt: skip
    return sheet


def _opening(slide: Slide) -> None:
    sheet, theme, unit, words = slide.sheet, slide.theme, slide.unit, slide.words
    sheet.box(0, 0, sheet.width, sheet.height, fill=theme.accent if theme.look == "bar" else theme.paper)
    color = "#ffffff" if theme.look == "bar" else theme.ink
    centred = slide.rng.random() < 0.5
    x, align = (sheet.width / 2, "center") if centred else (slide.left, "left")
    title = f"{slide.rng.choice(TITLES)}: {words.company()}"
    width = slide.right - slide.left
    y = sheet.paragraph(slide.left, unit * 40, width, title, slide.fonts.bold, unit * 9, align=align, color=color)
    sheet.rule((x - unit * 15 * centred, y), (x + unit * (15 if centred else 40), y), unit * 0.7,
               color=color if theme.look == "bar" else theme.accent)  # fmt: skip
    sheet.text(x, y + unit * 8, words.name(), slide.fonts.regular, unit * 4.6, align=align, color=color)
    sheet.text(x, y + unit * 14, words.dated(words.day(), long=True), slide.fonts.regular, unit * 3.6, align=align,
               color=color)  # fmt: skip


def _points(slide: Slide) -> None:
    slide.frame(slide.rng.choice(TITLES))
    genre = slide.rng.choice(("business", "science"))
    slide.bullets(slide.left, slide.right - slide.left, slide.rng.randint(3, 6), genre)


def _points_and_chart(slide: Slide) -> None:
    slide.frame(slide.rng.choice(TITLES))
    half = (slide.right - slide.left) * 0.46
    swap = slide.rng.random() < 0.3
    chart_x = slide.left if swap else slide.right - half
    slide.chart(chart_x, slide.unit * 25, half, slide.unit * slide.rng.uniform(48, 62))
    slide.bullets(slide.right - half if swap else slide.left, half, slide.rng.randint(2, 4), "business")


def _chart(slide: Slide) -> None:
    slide.frame(slide.rng.choice(TITLES))
    slide.chart(slide.left, slide.unit * 23, slide.right - slide.left, slide.unit * 62)


def _columns(slide: Slide) -> None:
    slide.frame(slide.rng.choice(TITLES))
    count = slide.rng.randint(2, 3)
    gap = slide.unit * 4
    width = (slide.right - slide.left - gap * (count - 1)) / count
    for number in range(count):
        x = slide.left + number * (width + gap)
        slide.sheet.box(x, slide.unit * 24, width, slide.unit * 9, fill=slide.theme.accent)
        slide.sheet.text(x + width / 2, slide.unit * 30, slide.rng.choice(TITLES), slide.fonts.bold, slide.unit * 3.4,
                         align="center", color="#ffffff")  # fmt: skip
        slide.y = slide.unit * 42
        slide.bullets(x, width, 3, "business")


def _steps(slide: Slide) -> None:
    """Draw a process: boxes with arrows between them."""
    slide.frame(slide.rng.choice(TITLES))
    sheet, unit, theme = slide.sheet, slide.unit, slide.theme
    count = slide.rng.randint(3, 5)
    pitch = (slide.right - slide.left) / count
    top = unit * 38
    for number, text in enumerate(slide.words.sentences("business", count)):
        x = slide.left + number * pitch
        sheet.box(x, top, pitch * 0.8, unit * 22, fill=theme.accent, radius=unit * 2)
        sheet.text(x + pitch * 0.4, top + unit * 14, str(number + 1), slide.fonts.bold, unit * 10, align="center",
                   color="#ffffff")  # fmt: skip
        sheet.paragraph(x, top + unit * 29, pitch * 0.82, text, slide.fonts.regular, unit * 3.2, color=theme.ink)
        if number < count - 1:
            tip = (x + pitch * 0.98, top + unit * 11)
            sheet.path(
                [(x + pitch * 0.84, top + unit * 8), tip, (x + pitch * 0.84, top + unit * 14)], 0, fill="#9aa0a6"
            )


def _table(slide: Slide) -> None:
    slide.frame(slide.rng.choice(TITLES))
    rng, unit = slide.rng, slide.unit
    width, size, rows = slide.right - slide.left, slide.unit * rng.uniform(3.6, 5), rng.randint(3, 7)
    if slide.theme.paper != "#ffffff":
        slide.sheet.box(slide.left - 6, unit * 25, width + 12, size * 1.45 * (rows + 1.2) + unit * 6, fill="#ffffff")
    figures.draw_number_table(slide.sheet, rng, slide.left, unit * 28, width, slide.fonts, size, rows)


def _picture(slide: Slide) -> None:
    """Fill half of the slide, or all of it, with a picture."""
    sheet, rng = slide.sheet, slide.rng
    if rng.random() < 0.4:
        sheet.image(0, 0, sheet.width, sheet.height, draw_landscape(rng))
        sheet.box(0, slide.unit * 70, sheet.width, slide.unit * 20, fill=slide.theme.accent)
        title = f"{rng.choice(TITLES)}: {slide.words.name()}"
        sheet.text(slide.left, slide.unit * 83, title, slide.fonts.bold, slide.unit * 7, color="#ffffff")
        return
    slide.frame(rng.choice(TITLES))
    half = (slide.right - slide.left) * 0.46
    sheet.image(slide.right - half, slide.unit * 25, half, slide.unit * 58, draw_landscape(rng))
    slide.bullets(slide.left, half, rng.randint(2, 4), "business")


def _quotation(slide: Slide) -> None:
    sheet, theme, unit = slide.sheet, slide.theme, slide.unit
    sheet.box(0, 0, sheet.width, sheet.height, fill=theme.paper)
    text = f"\N{LEFT DOUBLE QUOTATION MARK}{slide.words.passage('novel', 1)}\N{RIGHT DOUBLE QUOTATION MARK}"
    width = slide.right - slide.left
    y = sheet.paragraph(
        slide.left, unit * 35, width, text, slide.fonts.italic, unit * 6, align="center", color=theme.ink
    )
    sheet.text(sheet.width / 2, y + unit * 6, slide.words.name(), slide.fonts.bold, unit * 4, align="center",
               color=theme.accent)  # fmt: skip


def draw_landscape(rng: Random) -> Image.Image:
    """Draw hills under a sky, as a picture on a slide."""
    image = Image.new("RGB", (320, 200))
    pen = ImageDraw.Draw(image)
    sky = [rng.randint(90, 200) for _ in range(3)]
    for row in range(200):
        pen.line((0, row, 320, row), fill=tuple(min(255, tone + row // 3) for tone in sky))
    pen.ellipse(
        [rng.randint(20, 260), rng.randint(10, 60), rng.randint(280, 300), rng.randint(70, 100)], fill="#f7e7b0"
    )
    for hill in range(4):
        ground = tuple(rng.randint(20, 140) for _ in range(3))
        waves = [rng.uniform(0.01, 0.06) for _ in range(2)]
        top = 80 + hill * 28
        crest = [
            (x, top + 16 * math.sin(x * waves[0] + hill) + 7 * math.sin(x * waves[1] * 2)) for x in range(0, 321, 4)
        ]
        pen.polygon([*crest, (320, 200), (0, 200)], fill=ground)
    return image.filter(ImageFilter.GaussianBlur(0.8))


def _code(slide: Slide) -> None:
    slide.frame(slide.rng.choice(TITLES))
    slide.bullets(slide.left, slide.right - slide.left, 1, "science")
    rng, unit = slide.rng, slide.unit
    size = unit * 3.6
    lines = rng.sample(
        ("import data", "model = fit(x, y)", "for row in table:", "    total += row.value", "print(total)",
         "> summary(fit)", "x <- seq(0, 1, by = 0.1)", "plot(x, y)", "if error < limit:", "    return best",
         "SELECT name, sum(price)", "FROM orders GROUP BY name;", "# the result is cached"),
        rng.randint(4, 8),
    )  # fmt: skip
    height = size * 1.4 * len(lines) + unit * 3
    slide.sheet.box(slide.left, slide.y, slide.right - slide.left, height, fill="#f0f0f0", radius=3)
    for number, line in enumerate(lines):
        slide.sheet.text(slide.left + unit * 3, slide.y + size * 1.4 * (number + 1), line, "Courier", size,
                         color=rng.choice(("#222222", "#222222", "#1f4e79", "#777777")))  # fmt: skip


def _mathematics(slide: Slide) -> None:
    slide.frame(slide.rng.choice(TITLES))
    slide.bullets(slide.left, slide.right - slide.left, 1, "science")
    if slide.theme.paper not in ("#ffffff", "#fafafa", "#f7f3ea"):
        slide.sheet.box(slide.left, slide.y, slide.right - slide.left, slide.unit * 14, fill="#ffffff")
    figures.draw_formula(slide.sheet, slide.rng, slide.sheet.width / 2, slide.y + slide.unit * 8, slide.unit * 5)
    slide.y += slide.unit * 24
    slide.bullets(slide.left, slide.right - slide.left, 2, "science")
