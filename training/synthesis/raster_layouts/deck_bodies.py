"""Contents of a typeset slide: lists, blocks, code, tables, definitions, references."""

from collections.abc import Callable
from dataclasses import replace

from training.synthesis.raster_layouts.deck_blocks import draw_blocks, draw_theorem, pale_tint
from training.synthesis.raster_layouts.deck_themes import Area, mix_colors
from training.synthesis.raster_layouts.fonts import choose_face
from training.synthesis.raster_layouts.sheet import clip_text, line_height
from training.synthesis.raster_layouts.writer import Writer, readable_ink, weighted_choice

MARKS = ("triangle", "square", "ball", "dot", "dash")


def draw_outline(writer: Writer, area: Area) -> float:
    """Draw a list with one kind of bullet, sometimes with smaller nested lists; return the y below."""
    mark, inner = writer.words.one_of(*MARKS), writer.words.one_of(*MARKS)
    y, gap = area.top, writer.step * writer.between(0.15, 1.1)
    longest = writer.words.one_of("5", "9", "16")
    for number in range(writer.count(2, 6)):
        if y + writer.step > area.bottom:
            break
        y = _point(writer, replace(area, top=y), mark, number, 1, int(longest))
        for below in range(writer.count(0, 3) if writer.chance(0.35) else 0):
            if y + writer.step < area.bottom:
                deeper = replace(area, left=area.left + writer.size * 1.4, top=y)
                y = _point(writer, deeper, inner, below, 0.85, 8)
        y += gap
    return y


def _point(writer: Writer, area: Area, mark: str, number: int, scale: float, longest: int) -> float:
    """Draw a bullet and its text; return the y below."""
    pen, size, x = writer.sheet.pen, writer.size * scale, area.left
    middle = area.top + size * 0.62
    if mark == "triangle":
        pen.polygon(
            [(x, middle - size * 0.28), (x + size * 0.5, middle), (x, middle + size * 0.28)], fill=writer.accent
        )
    elif mark == "square":
        pen.rectangle((x, middle - size * 0.2, x + size * 0.4, middle + size * 0.2), fill=writer.accent)
    elif mark == "ball":
        pen.ellipse((x - size * 0.2, middle - size * 0.5, x + size * 0.8, middle + size * 0.5), fill=writer.accent)
        font = writer.font(scale * 0.75)
        writer.sheet.text(x + size * 0.3, middle, str(number + 1), font, readable_ink(writer.accent), "mm")
    elif mark == "dot":
        pen.ellipse((x, middle - size * 0.16, x + size * 0.32, middle + size * 0.16), fill=writer.accent)
    else:
        pen.line((x, middle, x + size * 0.5, middle), fill=writer.accent, width=2)
    text = writer.words.phrase(1, longest)
    return writer.prose(x + size * 1.2, area.top, area.width - size * 1.2, text, scale, bottom=area.bottom)


def draw_code_listing(writer: Writer, area: Area) -> float:
    """Draw a monospaced listing on pale grey or black, with coloured keywords; return the y below."""
    dark = writer.chance(0.25)
    ground, ink = ((32, 34, 40), (225, 225, 225)) if dark else ((242, 242, 240), (30, 30, 30))
    font = choose_face("mono", writer.sheet.rng).at(writer.size * writer.between(0.6, 0.85))
    step, count = font.size * 1.3, writer.count(4, 16)
    count = max(2, min(count, int((area.height - 16) / step)))
    foot = area.top + count * step + 12
    writer.sheet.box(area.left, area.top, area.width, foot - area.top, fill=ground, line=mix_colors(ground, ink, 0.3))
    keyword, depth, numbers = (
        writer.sheet.color(130, 255) if dark else writer.sheet.color(0, 150),
        0,
        writer.chance(0.3),
    )
    for number in range(count):
        x, y = area.left + 8, area.top + 6 + number * step
        if numbers:
            writer.sheet.text(x, y, f"{number + 1:>2}", font, mix_colors(ground, ink, 0.5))
            x += font.size * 2
        line = _statement(writer, depth)
        word, _, rest = line.partition(" ")
        x += depth * font.size * 1.2
        writer.sheet.text(x, y, word, font, keyword)
        x += font.getlength(f"{word} ")
        writer.sheet.text(x, y, clip_text(rest, font, max(1.0, area.right - x - 8)), font, ink)
        depth = min(3, depth + 1) if line.endswith((":", "{")) else max(0, depth - writer.count(0, 1))
    return foot


def _statement(writer: Writer, depth: int) -> str:
    """Return a line of source code in a made-up programming language."""
    fake, kind = writer.words.fake, writer.count(0, 6)
    first, second = fake.word().lower(), fake.word().lower()
    if kind == 0 and depth < 2:
        return f"def {first}({second}, n):"
    if kind == 1:
        return f"for {first[0]} in {second}:"
    if kind == 2:
        return f"if ({first} > {writer.count(0, 99)}) {{"
    if kind == 3:
        return f"return {first}[{writer.count(0, 9)}];"
    if kind == 4:
        return f"# {writer.words.phrase(2, 5).lower()}"
    return f"{first} = {second}({writer.count(0, 99)}, '{first}');"


def draw_figure_table(writer: Writer, area: Area) -> float:
    """Draw a table between rules with right-aligned numbers, sometimes with a caption; return the y below."""
    scale = writer.between(0.65, 0.9)
    columns = max(2, min(writer.count(3, 6), int(area.width / (writer.size * scale * 4.5))))
    font, pad = writer.font(scale), writer.size * 0.22
    height = line_height(font) + 2 * pad
    count = max(2, min(writer.count(3, 9), int((area.height - writer.step) / height)))
    rows = [["", *(writer.words.phrase(1, 1) for _ in range(columns - 1))]]
    rows += [
        [writer.words.phrase(1, 2), *(writer.words.amount(1, 9999) for _ in range(columns - 1))]
        for _ in range(count - 1)
    ]
    width = area.width * writer.between(0.6, 1)
    left = area.left + (area.width - width) / 2
    stripe = pale_tint(writer, writer.accent) if writer.chance(0.4) else None
    cells, figure_columns = [width / columns] * columns, range(1, columns)
    foot = writer.sheet.table(
        left, area.top, cells, rows, font, fill=writer.ink, stripe=stripe, pad=pad, right=figure_columns
    )
    for y, bold in ((area.top, 2), (area.top + height, 1), (foot, 2)):
        writer.sheet.rule(left, y, left + width, y, writer.ink, bold)
    if writer.chance(0.4) and foot + writer.step < area.bottom:
        foot = writer.write((area.left + area.right) / 2, foot + 6, writer.words.phrase(3, 6), 0.75, anchor="ma")
    return foot


def draw_definitions(writer: Writer, area: Area) -> float:
    """Draw coloured terms with their definitions next to or below them; return the y below."""
    y, same_line = area.top, writer.chance(0.5)
    split = area.width * writer.between(0.22, 0.35) if same_line else writer.size * 1.5
    for _ in range(writer.count(2, 6)):
        if y + writer.step * 2 > area.bottom:
            break
        term = clip_text(writer.words.phrase(1, 2), writer.font(1, "bold"), split - 6 if same_line else area.width)
        below = writer.write(area.left, y, term, 1, "bold", fill=writer.accent)
        top = y if same_line else below
        text = writer.words.sentence(writer.count(4, 14))
        y = max(below, writer.prose(area.left + split, top, area.width - split, text, bottom=area.bottom))
        y += writer.size * 0.5
    return y


def draw_bibliography(writer: Writer, area: Area) -> float:
    """Draw a bibliography in small print, marked by numbers or icons; return the y below."""
    y, scale, numbered = area.top, writer.between(0.55, 0.8), writer.chance(0.5)
    inset = writer.size * 1.6
    for number in range(writer.count(3, 12)):
        if y + writer.step * 2 > area.bottom:
            break
        if numbered:
            writer.write(area.left, y, f"[{number + 1}]", scale, fill=writer.accent)
        else:
            writer.sheet.box(area.left, y + 2, writer.size * 0.5, writer.size * 0.65, line=writer.accent)
        author = f"{writer.words.person()}, {writer.words.person()}"
        y = writer.prose(
            area.left + inset, y, area.width - inset, author, scale, fill=writer.accent, bottom=area.bottom
        )
        text = f"{writer.words.sentence(8)} {writer.words.firm()}, {writer.count(1970, 2024)}."
        y = writer.prose(area.left + inset, y, area.width - inset, text, scale, bottom=area.bottom)
        y += writer.size * 0.3
    return y


def draw_paragraphs(writer: Writer, area: Area) -> float:
    """Draw paragraphs, as on slides that are read rather than presented; return the y below."""
    y, scale = area.top, writer.between(0.65, 0.95)
    for _ in range(writer.count(1, 4)):
        text = writer.words.paragraph(writer.count(25, 60))
        y = writer.prose(area.left, y, area.width, text, scale, bottom=area.bottom) + writer.size * 0.6
    return y


def draw_captioned_chart(writer: Writer, area: Area) -> float:
    """Draw a chart with a caption; return the y below."""
    height = area.height * writer.between(0.6, 0.85)
    font, inset = writer.font(0.6), area.width * writer.between(0.05, 0.2)
    writer.sheet.chart(area.left + inset, area.top, area.width - 2 * inset, height, font, writer.ink)
    return writer.write(
        (area.left + area.right) / 2, area.top + height + 10, writer.words.phrase(2, 5), 0.75, anchor="ma"
    )


Body = Callable[[Writer, Area], float]

BODIES: dict[Body, float] = {
    draw_outline: 0.34,
    draw_blocks: 0.16,
    draw_theorem: 0.1,
    draw_code_listing: 0.1,
    draw_figure_table: 0.08,
    draw_definitions: 0.06,
    draw_bibliography: 0.06,
    draw_paragraphs: 0.04,
    draw_captioned_chart: 0.06,
}
"""Functions that fill a slide, and their shares; each returns the y below its content."""


def fill_slide(writer: Writer, area: Area) -> None:
    """Fill a slide with one body, two below each other or two next to each other."""
    rng = writer.sheet.rng
    if writer.chance(0.2) and area.width > writer.sheet.width * 0.6:
        middle, gap = (area.left + area.right) / 2, writer.size * 0.7
        weighted_choice(BODIES, rng)(writer, replace(area, right=middle - gap))
        weighted_choice(BODIES, rng)(writer, replace(area, left=middle + gap))
        return
    area = replace(area, top=area.top + area.height * writer.between(0, 0.12))
    y = weighted_choice(BODIES, rng)(writer, area) + writer.size
    if area.bottom - y > writer.sheet.height * 0.3 and writer.chance(0.6):
        weighted_choice(BODIES, rng)(writer, replace(area, top=y))
