"""Later pages of forms: instructions, grids, vouchers, nearly empty pages."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from training.synthesis.raster_layouts.fonts import Face, choose_face
from training.synthesis.raster_layouts.form_instructions import instructions_page
from training.synthesis.raster_layouts.form_parts import (
    GREY,
    draw_captioned_box,
    draw_form_header,
    tax_form_terms,
    write_answer,
)
from training.synthesis.raster_layouts.sheet import BLACK, WHITE, RasterSheet, line_height, portrait_size, wrap_words
from training.synthesis.raster_layouts.words import RasterWords
from training.synthesis.raster_layouts.writer import Writer, weighted_choice


def later_form_page(rng: np.random.Generator) -> RasterSheet:
    """Draw a page of instructions, a schedule full of cells or a nearly empty page."""
    words = RasterWords(rng, str(rng.choice(["en_US", "en_US", "en_US", "en_GB", "de_DE", "fr_FR", "es_ES"])))
    layout = weighted_choice(LAYOUTS, rng)
    width = layout is schedule_page and rng.random() < 0.35
    size = portrait_size(rng)
    sheet = RasterSheet(*(size[::-1] if width else size), rng)
    face = choose_face("serif" if rng.random() < 0.15 else "sans", rng)
    layout(Writer(sheet, words, face, float(rng.uniform(6.4, 8.6))))
    return _rotated_to_portrait(sheet) if width and rng.random() < 0.7 else sheet


def _rotated_to_portrait(sheet: RasterSheet) -> RasterSheet:
    """Return a landscape page rotated to portrait, as in a scan with portrait pages."""
    upright = RasterSheet(sheet.height, sheet.width, sheet.rng)
    way = Image.Transpose.ROTATE_90 if sheet.rng.random() < 0.7 else Image.Transpose.ROTATE_270
    upright.image.paste(sheet.image.transpose(way))
    return upright


def _answer_face(writer: Writer) -> Face | None:
    """Return the typeface of the answers, or None for an empty form."""
    rng = writer.sheet.rng
    return choose_face(writer.words.one_of("hand", "typewriter", "mono"), rng) if writer.chance(0.4) else None


def schedule_page(writer: Writer) -> None:
    """Draw a schedule of one to three grids with mostly empty cells."""
    sheet, margin, filled = writer.sheet, writer.between(18, 40), _answer_face(writer)
    y, part = draw_form_header(writer, margin, later=writer.chance(0.6)), 1
    while part < 4 and y < sheet.height - margin - 150:
        width = sheet.width - 2 * margin
        tag = f"{tax_form_terms(writer).part} {'I' * part}"
        part_width = writer.font(1.1, "bold").getlength(tag) + 10
        sheet.box(margin, y, part_width, writer.size * 1.6, fill=BLACK)
        writer.write(margin + 5, y + 1, tag, 1.1, "bold", fill=WHITE)
        writer.write(margin + part_width + 6, y + 1, writer.words.phrase(3, 8), 1.1, "bold")
        y += writer.size * 1.6
        if writer.chance(0.5):
            y = writer.prose(margin, y + 2, width, writer.words.paragraph(writer.count(15, 45)))
        y = _cells(writer, margin, y + 2, width, filled) + writer.between(5, 14)
        part += 1
        if writer.chance(0.3):
            break
    if y < sheet.height - margin - 60 and writer.chance(0.4):
        y = writer.prose(margin, y, sheet.width - 2 * margin, writer.words.paragraph(60), bottom=sheet.height - margin)
    writer.write(sheet.width - margin, sheet.height - margin * 0.8, _foot(writer), 0.85, anchor="ra")


def _foot(writer: Writer) -> str:
    """Return the small print at the foot: the form's name and date."""
    return f"{tax_form_terms(writer).form} {writer.words.number(4)} ({writer.words.date()})"


def _cells(writer: Writer, x: float, y: float, width: float, filled: Face | None) -> float:
    """Draw headings (a), (b), (c), rows of cells of which some are grey, and totals; return the y below."""
    sheet, bottom = writer.sheet, writer.sheet.height - 30
    columns, mark = writer.count(3, 8), writer.size * 2.4
    widths = [float(w) for w in sheet.rng.dirichlet(np.full(columns, 5.0)) * (width - mark)]
    y = _column_heads(writer, x + mark, y, widths)
    height, share = writer.size * writer.between(1.7, 3.2), writer.between(0.1, 0.6)
    grey = {(writer.count(0, 13), writer.count(0, columns - 1)) for _ in range(writer.count(0, 7))}
    first = writer.count(1, 12)
    for row in range(writer.count(8, 14)):
        if y + 2.5 * height > bottom:
            break
        writer.write(x + mark / 2, y + height / 2, str(first + row), 0.9, "bold", anchor="mm")
        _row(writer, x + mark, y, widths, height, [(row, column) in grey for column in range(columns)], filled, share)
        y += height
    label = f"{first + 14}  {tax_form_terms(writer).total} {first}-{first + 13}"
    writer.prose(x, y + height * 0.3, mark + sum(widths[:-2]) - 4, label, style="bold", bottom=y + height)
    _row(writer, x + mark + sum(widths[:-2]), y, widths[-2:], height, [writer.chance(0.3), False], filled, share * 2)
    sheet.rule(x, y, x + width, y, width=2)
    sheet.rule(x, y + height, x + width, y + height, width=writer.count(1, 2))
    return y + height


def _column_heads(writer: Writer, x: float, y: float, widths: list[float]) -> float:
    small = writer.font(0.85)
    captions = [f"({'abcdefgh'[number]}) {writer.words.phrase(1, 5)}" for number in range(len(widths))]
    lines = [wrap_words(caption, small, width - 4)[:4] for caption, width in zip(captions, widths, strict=True)]
    height, step = max(map(len, lines)) * line_height(small) + 5, line_height(small)
    fill = GREY if writer.chance(0.2) else None
    for parts, width in zip(lines, widths, strict=True):
        writer.sheet.box(x, y, width, height, line=BLACK, fill=fill)
        for number, words in enumerate(parts):
            writer.write(x + width / 2, y + 2 + number * step, " ".join(words), 0.85, anchor="ma")
        x += width
    return y + height


def _row(
    writer: Writer,
    x: float,
    y: float,
    widths: list[float],
    height: float,
    grey: list[bool],
    filled: Face | None,
    share: float,
) -> None:
    for width, closed in zip(widths, grey, strict=True):
        writer.sheet.box(x, y, width, height, line=BLACK, fill=GREY if closed else None)
        if not closed:
            text = writer.words.one_of(writer.words.amount(10, 90000), writer.words.amount(), writer.words.number(2))
            write_answer(writer, filled, x + 4, y + height / 2 - writer.size * 0.6, width - 5, text, share)
        x += width


def voucher_page(writer: Writer) -> None:
    """Draw a page with a payment voucher at its foot and a paragraph or little text above it."""
    sheet, margin, filled = writer.sheet, writer.between(28, 55), _answer_face(writer)
    width, cut = sheet.width - 2 * margin, sheet.height * writer.between(0.55, 0.74)
    if writer.chance(0.75):
        y = draw_form_header(writer, margin, later=writer.chance(0.5))
        for _ in range(writer.count(0, 4)):
            y = writer.write(margin, y + writer.size, writer.words.one_of(*tax_form_terms(writer).heads), 1.3, "bold")
            y = writer.prose(margin, y, width, writer.words.paragraph(writer.count(15, 80)), bottom=cut - 20)
    for x in range(int(margin / 2), int(sheet.width - margin / 2), 9):
        sheet.rule(x, cut, x + 5, cut)
    words = tax_form_terms(writer).detach
    half = writer.font().getlength(words) / 2 + 8
    sheet.box(sheet.width / 2 - half, cut - writer.size, 2 * half, writer.size * 2, fill=WHITE)
    writer.write(sheet.width / 2, cut, words, style="bold", anchor="mm")
    _voucher_slip(writer, margin, cut + writer.size * 2, width, sheet.height - margin, filled)


def _voucher_slip(writer: Writer, x: float, y: float, width: float, bottom: float, filled: Face | None) -> None:
    """Draw the payment voucher: its name, and boxes for payer and amount."""
    year = str(writer.count(1996, 2025))
    title = writer.words.phrase(2, 4)
    writer.write(x, y, f"{tax_form_terms(writer).form} {writer.words.number(4)}", 1.7, "bold")
    writer.write(x + width / 2, y, title, 1.7, "bold", anchor="ma")
    y = writer.write(x + width, y, year, 2.2, "bold", anchor="ra") + 3
    writer.sheet.rule(x, y, x + width, y, width=2)
    height, fields = writer.size * writer.between(2.6, 3.6), tax_form_terms(writer).fields
    for row in range(writer.count(2, 5)):
        if y + height > bottom:
            break
        share = writer.between(0.45, 0.75) if row != 2 else 1.0
        chosen = fields[row % 4], fields[4 + row % 3]
        draw_captioned_box(writer, x, y, width * share, height, chosen[0])
        name = writer.words.one_of(writer.words.person(), writer.words.number(9), writer.words.address()[0])
        write_answer(writer, filled, x + 8, y + writer.size * 1.1, width * share - 12, name, 0.7)
        if share < 1:
            draw_captioned_box(writer, x + width * share, y, width * (1 - share), height, chosen[1])
            amount = writer.words.amount(10, 90000)
            write_answer(writer, filled, x + width * share + 8, y + writer.size * 1.1, width * (1 - share), amount, 0.6)
        y += height


def continuation_page(writer: Writer) -> None:
    """Draw a cover or continuation page: two or three large boxes, sometimes filled in."""
    sheet, margin, filled = writer.sheet, writer.between(25, 60), _answer_face(writer)
    width = sheet.width - 2 * margin
    y = draw_form_header(writer, margin, later=writer.chance(0.6))
    y = writer.write(sheet.width / 2, y + 4, tax_form_terms(writer).continued, 1.5, "bold", anchor="ma") + 6
    for number in range(writer.count(2, 3)):
        height = writer.between(50, 230)
        if y + height > sheet.height - margin:
            break
        caption = f"{number + 1}. {writer.words.one_of(*tax_form_terms(writer).fields, writer.words.sentence())}"
        draw_captioned_box(writer, margin, y, width, height, caption)
        if filled is not None and writer.chance(0.6):
            text, font = writer.words.paragraph(writer.count(13, 60)), filled.at(writer.size * 1.2)
            top = y + writer.size * 2
            sheet.paragraph(margin + 8, top, width - 16, text, font, fill=sheet.color(0, 80), bottom=y + height)
        y += height + (0 if writer.chance(0.4) else writer.between(8, 40))
    if writer.chance(0.6):
        base = min(sheet.height - margin, y + writer.between(30, 120))
        for x, part_width in ((margin, width * 0.5), (margin + width * 0.6, width * 0.4)):
            sheet.rule(x, base, x + part_width, base)
            writer.write(x, base + 2, writer.words.one_of(*tax_form_terms(writer).fields), 0.85)


def flow_chart_page(writer: Writer) -> None:
    """Draw a flow chart of yes/no questions in boxes, with paragraphs before and after."""
    sheet, margin = writer.sheet, writer.between(30, 60)
    width, bottom = sheet.width - 2 * margin, sheet.height - margin
    y = draw_form_header(writer, margin)
    y = writer.write(margin, y + 3, writer.words.one_of(*tax_form_terms(writer).heads), 1.5, "bold")
    y = writer.prose(margin, y, width, writer.words.paragraph(writer.count(20, 90))) + 12
    question_width, answer_width = width * writer.between(0.42, 0.55), width * writer.between(0.2, 0.3)
    for _ in range(writer.count(3, 6)):
        if y + writer.step * 9 > bottom:
            break
        height = _box_of_text(writer, margin, y, question_width, writer.count(13, 30))
        middle, down = y + height / 2, margin + question_width / 2
        _arrow(
            writer, margin + question_width, middle, margin + width - answer_width, middle, tax_form_terms(writer).yes
        )
        _box_of_text(writer, margin + width - answer_width, y, answer_width, 7)
        _arrow(writer, down, y + height, down, y + height + writer.step * 2.2, tax_form_terms(writer).no)
        y += height + writer.step * 2.2
    y += _box_of_text(writer, margin, y, question_width, 13) + 14
    while y < bottom - writer.step * 6 and writer.chance(0.85):
        y = writer.write(margin, y, writer.words.one_of(*tax_form_terms(writer).heads), 1.1, "bold")
        y = writer.prose(margin, y, width, writer.words.paragraph(writer.count(20, 90)), bottom=bottom) + 6


def _box_of_text(writer: Writer, x: float, y: float, width: float, words: int) -> float:
    """Write text in a box of the height that it needs and return the height."""
    end = writer.prose(x + 5, y + 5, width - 10, writer.words.sentence(words)) + 4
    writer.sheet.box(x, y, width, end - y, line=BLACK)
    return end - y


def _arrow(writer: Writer, x: float, y: float, to_x: float, to_y: float, word: str) -> None:
    """Draw an arrow to the right or down with an answer next to it."""
    writer.sheet.rule(x, y, to_x, to_y, width=2)
    tips = [(to_x, to_y), (to_x - 6, to_y - 4), (to_x - 6, to_y + 4)]
    if x == to_x:
        tips = [(to_x, to_y), (to_x - 4, to_y - 6), (to_x + 4, to_y - 6)]
    writer.sheet.pen.polygon(tips, fill=BLACK)
    writer.write((x + to_x) / 2 + 5, (y + to_y) / 2 - 2, word, style="bold", anchor="lm" if x == to_x else "ms")


LAYOUTS: dict[Callable[[Writer], None], float] = {
    instructions_page: 0.36,
    schedule_page: 0.3,
    voucher_page: 0.13,
    continuation_page: 0.11,
    flow_chart_page: 0.1,
}
"""The pages and their shares."""
