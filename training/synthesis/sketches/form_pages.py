"""Pages of forms that a form's first page does not prepare for: instructions, grids, vouchers, nearly empty pages."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from training.synthesis.sketches.fonts import Face, pick
from training.synthesis.sketches.form_instructions import instructions
from training.synthesis.sketches.form_parts import GREY, captioned, fill_in, strip, terms
from training.synthesis.sketches.sheet import BLACK, WHITE, Sheet, line_height, portrait, wrap
from training.synthesis.sketches.words import Words
from training.synthesis.sketches.writer import Writer, choose


def later_page(rng: np.random.Generator) -> Sheet:
    """Draw a page of instructions, a schedule full of cells or a page with little on it."""
    words = Words(rng, str(rng.choice(["en_US", "en_US", "en_US", "en_GB", "de_DE", "fr_FR", "es_ES"])))
    layout = choose(LAYOUTS, rng)
    wide = layout is ruled and rng.random() < 0.35
    size = portrait(rng)
    sheet = Sheet(*(size[::-1] if wide else size), rng)
    face = pick("serif" if rng.random() < 0.15 else "sans", rng)
    layout(Writer(sheet, words, face, float(rng.uniform(6.4, 8.6))))
    return _turned(sheet) if wide and rng.random() < 0.7 else sheet


def _turned(sheet: Sheet) -> Sheet:
    """Return a wide page as it lies among upright ones."""
    upright = Sheet(sheet.height, sheet.width, sheet.rng)
    way = Image.Transpose.ROTATE_90 if sheet.rng.random() < 0.7 else Image.Transpose.ROTATE_270
    upright.image.paste(sheet.image.transpose(way))
    return upright


def _pen(writer: Writer) -> Face | None:
    """Return the typeface of the answers, or none for an empty form."""
    rng = writer.sheet.rng
    return pick(writer.words.one_of("hand", "typewriter", "mono"), rng) if writer.chance(0.4) else None


def ruled(writer: Writer) -> None:
    """A schedule of one to three grids, most of whose cells are empty."""
    sheet, margin, filled = writer.sheet, writer.between(18, 40), _pen(writer)
    y, part = strip(writer, margin, later=writer.chance(0.6)), 1
    while part < 4 and y < sheet.height - margin - 150:
        room = sheet.width - 2 * margin
        tag = f"{terms(writer).part} {'I' * part}"
        wide = writer.font(1.1, "bold").getlength(tag) + 10
        sheet.box(margin, y, wide, writer.size * 1.6, fill=BLACK)
        writer.write(margin + 5, y + 1, tag, 1.1, "bold", fill=WHITE)
        writer.write(margin + wide + 6, y + 1, writer.words.phrase(3, 8), 1.1, "bold")
        y += writer.size * 1.6
        if writer.chance(0.5):
            y = writer.prose(margin, y + 2, room, writer.words.paragraph(writer.count(15, 45)))
        y = _cells(writer, margin, y + 2, room, filled) + writer.between(5, 14)
        part += 1
        if writer.chance(0.3):
            break
    if y < sheet.height - margin - 60 and writer.chance(0.4):
        y = writer.prose(margin, y, sheet.width - 2 * margin, writer.words.paragraph(60), bottom=sheet.height - margin)
    writer.write(sheet.width - margin, sheet.height - margin * 0.8, _foot(writer), 0.85, anchor="ra")


def _foot(writer: Writer) -> str:
    """Return what stands small at the foot: the form again and when it was made."""
    return f"{terms(writer).form} {writer.words.number(4)} ({writer.words.date()})"


def _cells(writer: Writer, x: float, y: float, room: float, filled: Face | None) -> float:
    """Heads (a), (b), (c), rows of cells of which some are grey, and totals."""
    sheet, bottom = writer.sheet, writer.sheet.height - 30
    columns, mark = writer.count(3, 8), writer.size * 2.4
    widths = [float(w) for w in sheet.rng.dirichlet(np.full(columns, 5.0)) * (room - mark)]
    y = _column_heads(writer, x + mark, y, widths)
    tall, share = writer.size * writer.between(1.7, 3.2), writer.between(0.1, 0.6)
    grey = {(writer.count(0, 13), writer.count(0, columns - 1)) for _ in range(writer.count(0, 7))}
    first = writer.count(1, 12)
    for row in range(writer.count(8, 14)):
        if y + 2.5 * tall > bottom:
            break
        writer.write(x + mark / 2, y + tall / 2, str(first + row), 0.9, "bold", anchor="mm")
        _row(writer, x + mark, y, widths, tall, [(row, column) in grey for column in range(columns)], filled, share)
        y += tall
    label = f"{first + 14}  {terms(writer).total} {first}-{first + 13}"
    writer.prose(x, y + tall * 0.3, mark + sum(widths[:-2]) - 4, label, style="bold", bottom=y + tall)
    _row(writer, x + mark + sum(widths[:-2]), y, widths[-2:], tall, [writer.chance(0.3), False], filled, share * 2)
    sheet.rule(x, y, x + room, y, width=2)
    sheet.rule(x, y + tall, x + room, y + tall, width=writer.count(1, 2))
    return y + tall


def _column_heads(writer: Writer, x: float, y: float, widths: list[float]) -> float:
    small = writer.font(0.85)
    captions = [f"({'abcdefgh'[number]}) {writer.words.phrase(1, 5)}" for number in range(len(widths))]
    lines = [wrap(caption, small, width - 4)[:4] for caption, width in zip(captions, widths, strict=True)]
    tall, step = max(map(len, lines)) * line_height(small) + 5, line_height(small)
    fill = GREY if writer.chance(0.2) else None
    for parts, width in zip(lines, widths, strict=True):
        writer.sheet.box(x, y, width, tall, line=BLACK, fill=fill)
        for number, words in enumerate(parts):
            writer.write(x + width / 2, y + 2 + number * step, " ".join(words), 0.85, anchor="ma")
        x += width
    return y + tall


def _row(
    writer: Writer,
    x: float,
    y: float,
    widths: list[float],
    tall: float,
    grey: list[bool],
    filled: Face | None,
    share: float,
) -> None:
    for width, closed in zip(widths, grey, strict=True):
        writer.sheet.box(x, y, width, tall, line=BLACK, fill=GREY if closed else None)
        if not closed:
            text = writer.words.one_of(writer.words.amount(10, 90000), writer.words.amount(), writer.words.number(2))
            fill_in(writer, filled, x + 4, y + tall / 2 - writer.size * 0.6, width - 5, text, share)
        x += width


def voucher(writer: Writer) -> None:
    """A page whose foot is to be cut off and sent with a payment; above it a paragraph or hardly anything."""
    sheet, margin, filled = writer.sheet, writer.between(28, 55), _pen(writer)
    room, cut = sheet.width - 2 * margin, sheet.height * writer.between(0.55, 0.74)
    if writer.chance(0.75):
        y = strip(writer, margin, later=writer.chance(0.5))
        for _ in range(writer.count(0, 4)):
            y = writer.write(margin, y + writer.size, writer.words.one_of(*terms(writer).heads), 1.3, "bold")
            y = writer.prose(margin, y, room, writer.words.paragraph(writer.count(15, 80)), bottom=cut - 20)
    for x in range(int(margin / 2), int(sheet.width - margin / 2), 9):
        sheet.rule(x, cut, x + 5, cut)
    words = terms(writer).detach
    half = writer.font().getlength(words) / 2 + 8
    sheet.box(sheet.width / 2 - half, cut - writer.size, 2 * half, writer.size * 2, fill=WHITE)
    writer.write(sheet.width / 2, cut, words, style="bold", anchor="mm")
    _slip(writer, margin, cut + writer.size * 2, room, sheet.height - margin, filled)


def _slip(writer: Writer, x: float, y: float, room: float, bottom: float, filled: Face | None) -> None:
    """The part that is sent: its name, and boxes for who pays how much."""
    year = str(writer.count(1996, 2025))
    title = writer.words.phrase(2, 4)
    writer.write(x, y, f"{terms(writer).form} {writer.words.number(4)}", 1.7, "bold")
    writer.write(x + room / 2, y, title, 1.7, "bold", anchor="ma")
    y = writer.write(x + room, y, year, 2.2, "bold", anchor="ra") + 3
    writer.sheet.rule(x, y, x + room, y, width=2)
    tall, fields = writer.size * writer.between(2.6, 3.6), terms(writer).fields
    for row in range(writer.count(2, 5)):
        if y + tall > bottom:
            break
        share = writer.between(0.45, 0.75) if row != 2 else 1.0
        chosen = fields[row % 4], fields[4 + row % 3]
        captioned(writer, x, y, room * share, tall, chosen[0])
        name = writer.words.one_of(writer.words.person(), writer.words.number(9), writer.words.address()[0])
        fill_in(writer, filled, x + 8, y + writer.size * 1.1, room * share - 12, name, 0.7)
        if share < 1:
            captioned(writer, x + room * share, y, room * (1 - share), tall, chosen[1])
            amount = writer.words.amount(10, 90000)
            fill_in(writer, filled, x + room * share + 8, y + writer.size * 1.1, room * (1 - share), amount, 0.6)
        y += tall


def continuation(writer: Writer) -> None:
    """A cover or a page that goes on: two or three large boxes, sometimes answered."""
    sheet, margin, filled = writer.sheet, writer.between(25, 60), _pen(writer)
    room = sheet.width - 2 * margin
    y = strip(writer, margin, later=writer.chance(0.6))
    y = writer.write(sheet.width / 2, y + 4, terms(writer).continued, 1.5, "bold", anchor="ma") + 6
    for number in range(writer.count(2, 3)):
        tall = writer.between(50, 230)
        if y + tall > sheet.height - margin:
            break
        caption = f"{number + 1}. {writer.words.one_of(*terms(writer).fields, writer.words.sentence())}"
        captioned(writer, margin, y, room, tall, caption)
        if filled is not None and writer.chance(0.6):
            text, font = writer.words.paragraph(writer.count(13, 60)), filled.at(writer.size * 1.2)
            top = y + writer.size * 2
            sheet.paragraph(margin + 8, top, room - 16, text, font, fill=sheet.color(0, 80), bottom=y + tall)
        y += tall + (0 if writer.chance(0.4) else writer.between(8, 40))
    if writer.chance(0.6):
        base = min(sheet.height - margin, y + writer.between(30, 120))
        for x, wide in ((margin, room * 0.5), (margin + room * 0.6, room * 0.4)):
            sheet.rule(x, base, x + wide, base)
            writer.write(x, base + 2, writer.words.one_of(*terms(writer).fields), 0.85)


def flow_chart(writer: Writer) -> None:
    """Questions in boxes one below another, yes and no leading on or aside, with paragraphs before and after."""
    sheet, margin = writer.sheet, writer.between(30, 60)
    room, bottom = sheet.width - 2 * margin, sheet.height - margin
    y = strip(writer, margin)
    y = writer.write(margin, y + 3, writer.words.one_of(*terms(writer).heads), 1.5, "bold")
    y = writer.prose(margin, y, room, writer.words.paragraph(writer.count(20, 90))) + 12
    ask, aside = room * writer.between(0.42, 0.55), room * writer.between(0.2, 0.3)
    for _ in range(writer.count(3, 6)):
        if y + writer.step * 9 > bottom:
            break
        tall = _box_of_text(writer, margin, y, ask, writer.count(13, 30))
        middle, down = y + tall / 2, margin + ask / 2
        _arrow(writer, margin + ask, middle, margin + room - aside, middle, terms(writer).yes)
        _box_of_text(writer, margin + room - aside, y, aside, 7)
        _arrow(writer, down, y + tall, down, y + tall + writer.step * 2.2, terms(writer).no)
        y += tall + writer.step * 2.2
    y += _box_of_text(writer, margin, y, ask, 13) + 14
    while y < bottom - writer.step * 6 and writer.chance(0.85):
        y = writer.write(margin, y, writer.words.one_of(*terms(writer).heads), 1.1, "bold")
        y = writer.prose(margin, y, room, writer.words.paragraph(writer.count(20, 90)), bottom=bottom) + 6


def _box_of_text(writer: Writer, x: float, y: float, room: float, words: int) -> float:
    """Write a text in a box as high as it needs and return the height."""
    end = writer.prose(x + 5, y + 5, room - 10, writer.words.sentence(words)) + 4
    writer.sheet.box(x, y, room, end - y, line=BLACK)
    return end - y


def _arrow(writer: Writer, x: float, y: float, to_x: float, to_y: float, word: str) -> None:
    """Draw an arrow to the right or down with an answer beside it."""
    writer.sheet.rule(x, y, to_x, to_y, width=2)
    tips = [(to_x, to_y), (to_x - 6, to_y - 4), (to_x - 6, to_y + 4)]
    if x == to_x:
        tips = [(to_x, to_y), (to_x - 4, to_y - 6), (to_x + 4, to_y - 6)]
    writer.sheet.pen.polygon(tips, fill=BLACK)
    writer.write((x + to_x) / 2 + 5, (y + to_y) / 2 - 2, word, style="bold", anchor="lm" if x == to_x else "ms")


LAYOUTS: dict[Callable[[Writer], None], float] = {
    instructions: 0.36,
    ruled: 0.3,
    voucher: 0.13,
    continuation: 0.11,
    flow_chart: 0.1,
}
"""The pages and how often each of them is drawn."""
