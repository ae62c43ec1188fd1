"""Instruction pages of forms: narrow columns of small print with run-in headings, warnings and worksheets."""

from training.synthesis.raster_layouts.form_parts import draw_form_header, draw_leader, tax_form_terms
from training.synthesis.raster_layouts.sheet import BLACK, WHITE
from training.synthesis.raster_layouts.writer import Writer


def instructions_page(writer: Writer) -> None:
    """Draw two or three columns of small print, sometimes above a worksheet of full width."""
    sheet, margin = writer.sheet, writer.between(20, 42)
    top, bottom = draw_form_header(writer, margin), sheet.height - margin
    foot = bottom - writer.between(110, 260) if writer.chance(0.25) else bottom
    columns, gutter = 3 if writer.chance(0.6) else 2, writer.between(9, 16)
    width = (sheet.width - 2 * margin - (columns - 1) * gutter) / columns
    last = foot - (writer.between(0, 0.6) * (foot - top) if writer.chance(0.3) else 0)
    for column in range(columns):
        x = margin + column * (width + gutter)
        _column(writer, x, top, width, last if column == columns - 1 else foot)
    if writer.chance(0.3):
        for column in range(1, columns):
            x = margin + column * (width + gutter) - gutter / 2
            sheet.rule(x, top, x, foot)
    if foot < bottom:
        draw_worksheet(writer, margin, foot + 8, sheet.width - 2 * margin, bottom)
    if writer.chance(0.4):
        number = f"{tax_form_terms(writer).page} {writer.count(2, 12)}"
        writer.write(sheet.width - margin, bottom + 3, number, 0.9, "bold", anchor="ra")


def _column(writer: Writer, x: float, y: float, width: float, bottom: float) -> None:
    # Most of the page consists of paragraphs; two of three columns have no worksheet.
    rare = (_warning, _leaders, _blanks, *((draw_worksheet,) if writer.chance(0.35) else ()))
    parts = (*(_run_in,) * 6, *(_heading,) * 4, *rare)
    while y < bottom - 4 * writer.step:
        y = parts[writer.count(0, len(parts) - 1)](writer, x, y, width, bottom) + writer.size * writer.between(0.1, 0.6)


def _heading(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    """Write a heading, in some cases below a heavy rule, and a paragraph; return the y below."""
    if writer.chance(0.5):
        writer.sheet.rule(x, y + 1, x + width, y + 1, width=2)
        y += 4
    y = writer.prose(x, y, width, writer.words.one_of(*tax_form_terms(writer).heads), writer.between(1.15, 1.6), "bold")
    return writer.prose(x, y, width, writer.words.paragraph(writer.count(15, 60)), bottom=bottom)


def _run_in(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    """Write a paragraph that starts with its heading: a line of the form or a subject; return the y below."""
    line = f"{tax_form_terms(writer).line} {writer.count(1, 40)}{writer.words.one_of('', '', 'a', 'b', 'c')}."
    head = line if writer.chance(0.5) else f"{writer.words.one_of(*tax_form_terms(writer).heads)}."
    inset = writer.size if writer.chance(0.3) else 0
    writer.write(x + inset, y, head, style="bold")
    indent = inset + writer.font(style="bold").getlength(f"{head} ")
    text = writer.words.paragraph(writer.count(15, 80))
    return writer.sheet.paragraph(x, y, width, text, writer.font(), indent=indent, leading=1.12, bottom=bottom)


def _warning(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    """Write a remark next to a black tag, between rules or in a box; return the y below."""
    tag, framed = writer.words.one_of(*tax_form_terms(writer).warnings), writer.chance(0.5)
    part_width = writer.font(0.8, "bold").getlength(tag) + 8
    text = writer.words.paragraph(writer.count(13, 40))
    end = writer.prose(x + part_width + 5, y + 3, width - part_width - 9, text, style="italic", bottom=bottom)
    height = max(end - y, writer.size * 1.8)
    if writer.chance(0.4):
        writer.sheet.pen.polygon(
            [(x + 4, y + height), (x + part_width / 2 + 2, y + 3), (x + part_width, y + height)], outline=BLACK
        )
        writer.write(x + part_width / 2 + 2, y + height - 2, "!", 1.2, "bold", anchor="ms")
    else:
        writer.sheet.box(x + 2, y + 4, part_width, writer.size * 1.3, fill=BLACK)
        middle = y + 4 + writer.size * 0.65
        writer.write(x + 2 + part_width / 2, middle, tag, 0.8, "bold", fill=WHITE, anchor="mm")
    if framed:
        writer.sheet.box(x, y, width, height + 2, line=BLACK)
    return y + height + 4


def _leaders(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    """Write short items with dots that lead to a number; return the y below."""
    for _ in range(writer.count(2, 6)):
        if y + writer.step > bottom:
            break
        text = writer.words.phrase(1, 3)
        writer.write(
            x + width, y, writer.words.one_of(writer.words.amount(10, 9000), writer.words.number(2)), anchor="ra"
        )
        draw_leader(writer, x + writer.font().getlength(text) + 4, y, x + width - writer.size * 4.5)
        y = writer.write(x, y, text)
    return y


def draw_worksheet(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    """Draw a framed worksheet of numbered lines, each with a box or line on the right; return the y below."""
    top, cell = y, min(70.0, width * 0.27)
    title = f"{tax_form_terms(writer).worksheet} — {tax_form_terms(writer).line} {writer.count(1, 40)}"
    y = writer.write(x + width / 2, y + 4, title, 1.05, "bold", anchor="ma") + 3
    boxed, edge = writer.chance(0.5), x + width - cell - writer.size * 2
    for number in range(1, writer.count(4, 10)):
        if y + writer.step * 2.2 > bottom:
            break
        writer.write(x + 4, y, f"{number}.", style="bold")
        left = x + writer.size * 2
        text = writer.words.paragraph(13) if writer.chance(0.6) else writer.words.phrase(2, 6)
        below = writer.prose(left, y, edge - left - 4, text, bottom=min(bottom, y + writer.step * 4))
        base = below - writer.step
        writer.write(edge + writer.size, base, f"{number}.", style="bold", anchor="ma")
        if boxed:
            writer.sheet.box(x + width - cell - 2, base - 1, cell - 3, writer.step, line=BLACK)
        else:
            writer.sheet.rule(x + width - cell - 2, below - 1, x + width - 5, below - 1)
        y = below + writer.size * 0.35
    writer.sheet.box(x, top, width, y - top, line=BLACK, bold=writer.count(1, 2))
    return y + 3


def _blanks(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    """Draw lines to fill in, each with a caption below or before it; return the y below."""
    below = writer.chance(0.4)
    for _ in range(writer.count(2, 4)):
        if y + writer.step * 2.5 > bottom:
            break
        label, base = writer.words.one_of(*tax_form_terms(writer).fields), y + writer.step
        part_width = 0 if below else min(width * 0.7, writer.font(0.9).getlength(label) + 3)
        writer.prose(x, base + 1 if below else y, width * 0.7, label, 0.9, bottom=y + writer.step * 2.2)
        writer.sheet.rule(x + part_width, base, x + width, base)
        y += writer.step * (2.3 if below else 1.7)
    return y
