"""Charts, tables and formulas of papers and slides."""

import math
from random import Random

from training.synthesis.vector_layouts.drawing import Point, VectorSheet
from training.synthesis.vector_layouts.typefaces import Family

PALETTES = (
    ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728"),
    ("#000000", "#666666", "#999999", "#cccccc"),
    ("#264653", "#2a9d8f", "#e9c46a", "#e76f51"),
    ("#4e79a7", "#f28e2b", "#59a14f", "#e15759"),
)


def draw_plot(
    sheet: VectorSheet, rng: Random, x: float, y: float, width: float, height: float, fonts: Family, size: float = 7.0
) -> None:
    """Draw a chart with axes in the rectangle whose top left corner is (x, y)."""
    colours = rng.choice(PALETTES)
    left, bottom = x + size * 3.2, y + height - size * 2.6
    inner = (left, y + 4.0, x + width - left - 4, bottom - y - 4)
    if rng.random() < 0.5:
        sheet.box(inner[0], inner[1], inner[2], inner[3], border=0.6)
    else:
        sheet.path([(left, y), (left, bottom), (x + width, bottom)], 0.7)
    for tick in range(5):
        at = left + inner[2] * tick / 4
        up = bottom - inner[3] * tick / 4
        sheet.rule((at, bottom), (at, bottom + 2.5), 0.5)
        sheet.rule((left - 2.5, up), (left, up), 0.5)
        sheet.text(at, bottom + size + 2, str(tick * 5), fonts.regular, size, align="center")
        sheet.text(left - 4, up + size * 0.3, f"{tick * 0.25:.2f}", fonts.regular, size, align="right")
    rng.choice((_curves, _scatter, _bars, _curves))(sheet, rng, inner, colours)
    sheet.text(left + inner[2] / 2, y + height, rng.choice(("time [s]", "epoch", "x", "sites", "depth [m]")),
               fonts.regular, size, align="center")  # fmt: skip


def _curves(sheet: VectorSheet, rng: Random, box: tuple[float, float, float, float], colours: tuple[str, ...]) -> None:
    x, y, width, height = box
    for number in range(rng.randint(1, 4)):
        rise, wave = rng.uniform(1.0, 6.0), rng.uniform(0.0, 0.08)
        top, falling = rng.uniform(0.5, 0.92), rng.random() < 0.4
        points: list[Point] = []
        for step in range(31):
            t = step / 30
            value = top * (math.exp(-rise * t) if falling else 1 - math.exp(-rise * t))
            value += wave * math.sin(t * 14 + number) + 0.05
            points.append((x + width * t, y + height * (1 - min(0.97, max(0.02, value)))))
        sheet.path(points, 1.2, color=colours[number], dash=rng.choice(((), (), (4, 2))))


def _scatter(sheet: VectorSheet, rng: Random, box: tuple[float, float, float, float], colours: tuple[str, ...]) -> None:
    x, y, width, height = box
    slope = rng.uniform(-0.7, 0.7)
    for _ in range(rng.randint(30, 90)):
        t = rng.random()
        value = min(0.97, max(0.03, 0.5 + slope * (t - 0.5) + rng.gauss(0, 0.1)))
        sheet.circle(x + width * t, y + height * (1 - value), 1.4, border=0.5, color=colours[0])
    sheet.rule((x, y + height * (0.5 + slope / 2)), (x + width, y + height * (0.5 - slope / 2)), 1.0, color=colours[3])


def _bars(sheet: VectorSheet, rng: Random, box: tuple[float, float, float, float], colours: tuple[str, ...]) -> None:
    x, y, width, height = box
    groups, series = rng.randint(3, 7), rng.randint(1, 3)
    step = width / groups
    for group in range(groups):
        for number in range(series):
            bar_height = height * rng.uniform(0.15, 0.95)
            bar = step * 0.75 / series
            sheet.box(
                x + group * step + step * 0.12 + number * bar,
                y + height - bar_height,
                bar,
                bar_height,
                fill=colours[number],
            )


def draw_number_table(
    sheet: VectorSheet, rng: Random, x: float, y: float, width: float, fonts: Family, size: float, rows: int
) -> float:
    """Draw a table of numbers with three horizontal rules and return the y below it."""
    columns = rng.randint(3, 5)
    heads = ["", *rng.sample(("n", "Mean", "SD", "MAE", "R2", "Recall", "F1", "p", "Time"), columns - 1)]
    names = rng.sample(("Baseline", "Linear", "Ours", "Forest", "Site A", "Site B", "Control", "Full", "Prior"), rows)
    leading = size * 1.45
    sheet.rule((x, y), (x + width, y), 0.9)
    for row in range(rows + 1):
        line = y + leading * (row + 0.8)
        cells = heads if row == 0 else [names[row - 1], *(f"{rng.uniform(0, 99):.2f}" for _ in heads[1:])]
        face = fonts.bold if row and rng.random() < 0.12 else fonts.regular
        for column, cell in enumerate(cells):
            if column == 0:
                sheet.text(x + 2, line, cell, face, size)
            else:
                at = x + width * (0.32 + 0.68 * column / (columns - 1)) - 3
                sheet.text(at, line, cell, face, size, align="right")
    sheet.rule((x, y + leading * 1.1), (x + width, y + leading * 1.1), 0.5)
    end = y + leading * (rows + 1.15)
    sheet.rule((x, end), (x + width, end), 0.9)
    return end


def draw_formula(
    sheet: VectorSheet, rng: Random, x: float, y: float, size: float, number: int | None = None, right: float = 0
) -> None:
    """Set a displayed formula around x on the baseline y, and its number at `right`."""
    start = x - size * 7
    at = start + sheet.text(start, y, rng.choice("fghLQ"), "Times-Italic", size) + 1
    at += sheet.text(at, y, "(x) = ", "Times-Roman", size)
    if rng.random() < 0.6:
        sheet.text(at + size * 0.2, y + size * 0.3, "∑", "Symbol", size * 1.7)
        sheet.text(at + size * 0.5, y + size * 1.1, "i = 1", "Times-Italic", size * 0.6)
        at += size * 1.6
    for term in range(rng.randint(1, 3)):
        if term:
            at += sheet.text(at, y, " + ", "Times-Roman", size)
        if rng.random() < 0.4:
            sheet.text(at + size, y - size * 0.45, f"{rng.choice('abxyuv')} - {rng.choice('mnk')}", "Times-Italic",
                       size * 0.85, align="center")  # fmt: skip
            sheet.rule((at, y - size * 0.25), (at + size * 2, y - size * 0.25), 0.6)
            sheet.text(at + size, y + size * 0.55, rng.choice("pqrst"), "Times-Italic", size * 0.85, align="center")
            at += size * 2.2
        else:
            at += sheet.text(at, y, rng.choice("αβγλμσθω"), "Symbol", size)
            at += sheet.text(at, y, rng.choice("xyzuvw"), "Times-Italic", size)
            at += sheet.text(at, y + size * 0.25, rng.choice("ijkn"), "Times-Italic", size * 0.65)
            if rng.random() < 0.5:
                at += sheet.text(at - size * 0.3, y - size * 0.4, "2", "Times-Roman", size * 0.65)
    if number is not None:
        sheet.text(right, y, f"({number})", "Times-Roman", size, align="right")
