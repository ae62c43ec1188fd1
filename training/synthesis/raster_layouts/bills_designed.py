"""Designed bills: coloured bars, codes, charts, payment slips, and accounts of hotels and utilities."""

from collections.abc import Sequence

from training.synthesis.raster_layouts.bill_parts import (
    bill_title,
    draw_barcode,
    draw_payment_slip,
    draw_square_code,
    draw_stamp,
    item_rows,
    party_lines,
    write_bill_totals,
)
from training.synthesis.raster_layouts.sheet import BLACK, WHITE
from training.synthesis.raster_layouts.writer import Writer, readable_ink


def coloured_bill(writer: Writer, terms: Sequence[str]) -> None:
    """Draw a bill with coloured bars at the top and bottom, a logo, a coloured table head and a large total."""
    sheet, words = writer.sheet, writer.words
    margin, ink = writer.between(28, 60), readable_ink(writer.accent)
    right, width, height = sheet.width - margin, sheet.width - 2 * margin, writer.between(14, 130)
    sheet.box(0, 0, sheet.width, height, fill=writer.accent)
    if height > 60:
        sheet.logo(margin, height / 2 - 20, 40, ink)
        writer.write(margin + 52, height / 2 - 10, words.firm()[:26], 1.6, "bold", fill=ink)
        writer.write(right, height / 2 - 12, bill_title(writer).upper()[:16], 1.8, fill=ink, anchor="ra")
        y = height + 22
    else:
        sheet.logo(margin, height + 14, 45, writer.accent)
        writer.write(
            right, height + 14, bill_title(writer), writer.between(2, 4), "bold", fill=writer.accent, anchor="ra"
        )
        y = height + 75
    y = _recipient_and_numbers(writer, terms, margin, y, width) + 14
    widths, count = [width * 0.5, width * 0.12, width * 0.18, width * 0.2], writer.count(1, 11)
    sheet.box(margin, y, width, writer.size * 1.05 + 10, fill=writer.accent)
    y = sheet.table(margin, y, widths, [list(terms[4:8])], writer.font(1, "bold"), fill=ink, pad=5, right=(1, 2, 3))
    stripe = (236, 238, 242) if writer.chance(0.5) else None
    y = sheet.table(
        margin,
        y,
        widths,
        item_rows(writer, count),
        writer.font(),
        stripe=stripe,
        pad=writer.between(3, 7),
        right=(1, 2, 3),
    )
    y = write_bill_totals(writer, terms, right, y + 12, 180) + 10
    if writer.chance(0.6):
        sheet.box(right - 210, y, 210, writer.size * 3.4, fill=writer.accent)
        writer.write(right - 10, y + 5, words.money(100, 9000), 2.1, "bold", fill=ink, anchor="ra")
    y = writer.prose(margin, y, width * 0.55, words.paragraph(30), 0.9, bottom=sheet.height - 60.0)
    if writer.chance(0.2):
        draw_stamp(writer, sheet.width * 0.35, y + 20)
    foot = writer.between(10, 50)
    sheet.box(0, sheet.height - foot, sheet.width, foot, fill=writer.accent)
    if foot > 25:
        line = "   ".join(party_lines(writer))[:95]
        writer.write(sheet.width / 2, sheet.height - foot / 2, line, 0.8, fill=ink, anchor="mm")


def _recipient_and_numbers(writer: Writer, terms: Sequence[str], x: float, y: float, width: float) -> float:
    """Draw the recipient on the left, numbers and dates on the right; return the y below."""
    below = writer.write(x, y, terms[3], 0.95, "bold", fill=writer.accent)
    for line in party_lines(writer):
        below = writer.write(x, below, line)
    for term in (terms[1], terms[2], *(writer.words.phrase(1, 2) for _ in range(writer.count(0, 3)))):
        writer.write(x + width * 0.62, y, term, style="bold")
        value = writer.words.date() if term == terms[2] else writer.words.number(writer.count(4, 9))
        y = writer.write(x + width, y, value, anchor="ra")
    return max(y, below)


def payable_bill(writer: Writer, terms: Sequence[str]) -> None:
    """Draw a bill in letter form, with a payment slip or a payment code."""
    sheet, words = writer.sheet, writer.words
    margin = writer.between(35, 75)
    right, width = sheet.width - margin, sheet.width - 2 * margin
    torn = writer.chance(0.65)
    bottom = sheet.height * writer.between(0.62, 0.68) if torn else sheet.height - margin
    if writer.chance(0.6):
        sheet.logo(margin, margin * 0.6, 36, writer.accent)
    y = writer.write(right, margin * 0.6, words.firm(), 1.3, "bold", fill=writer.accent, anchor="ra")
    for line in words.address():
        y = writer.write(right, y, line, 0.9, anchor="ra")
    at = margin if writer.chance(0.5) else sheet.width * 0.58
    y += 12
    for line in party_lines(writer)[:4]:
        y = writer.write(at, y, line)
    y = writer.write(margin, y + 16, f"{bill_title(writer)} {words.number(6)}", 1.4, "bold")
    y = writer.write(margin, y, f"{words.fake.city()}, {words.date()}") + 8
    count = max(1, min(writer.count(1, 8), int((bottom - y - 90) / (writer.size * 1.5))))
    widths = [width * 0.52, width * 0.12, width * 0.18, width * 0.18]
    sheet.rule(margin, y, right, y)
    y = sheet.table(margin, y, widths, [list(terms[4:8])], writer.font(1, "bold"), right=(1, 2, 3))
    sheet.rule(margin, y, right, y)
    y = sheet.table(margin, y, widths, item_rows(writer, count), writer.font(), pad=2, right=(1, 2, 3))
    y = write_bill_totals(writer, terms, right, y + 4, 170, hand=writer.chance(0.15)) + 6
    if writer.chance(0.25):
        draw_stamp(writer, writer.between(margin + 60, right - 60), y - 20)
    if torn:
        draw_payment_slip(writer, max(y, bottom))
        return
    y = writer.prose(margin, y, width * 0.6, words.paragraph(40), bottom=bottom) + 8
    draw_square_code(writer, margin, min(y, bottom - 100), writer.between(60, 110))
    draw_barcode(writer, right - 170, min(y + 20, bottom - 60), 165, writer.between(25, 45))


def account_bill(writer: Writer, terms: Sequence[str]) -> None:
    """Draw the bill of a utility or hotel: a summary in boxes, a chart of consumption, dense small print."""
    sheet, words = writer.sheet, writer.words
    writer.size *= 0.8
    margin = writer.between(22, 45)
    width = sheet.width - 2 * margin
    sheet.logo(margin, margin * 0.7, 38, writer.accent)
    writer.write(margin + 48, margin * 0.7 + 8, words.firm()[:28], 2, "bold", fill=writer.accent)
    y = writer.write(
        sheet.width - margin, margin * 0.7, f"{bill_title(writer)}  {words.date()}", 1.2, "bold", anchor="ra"
    )
    y = _recipient_and_numbers(writer, terms, margin, margin * 0.7 + 52, width) + 10
    y = _summary(writer, margin, y, width, writer.count(2, 4)) + 10
    half = width * writer.between(0.45, 0.6)
    side = margin + half + 14
    bottom = sheet.height * 0.78 if writer.chance(0.3) else sheet.height - margin
    below = y
    if writer.chance(0.7):
        _consumption(writer, side, y, margin + width - side, 110)
        below = y + 145
    text = words.paragraph(writer.count(60, 220))
    writer.prose(side, below, margin + width - side, text, 0.85, bottom=bottom, justify=writer.chance(0.5))
    for _ in range(writer.count(2, 5)):
        if y + writer.step * 4 > bottom:
            break
        y = _charges(writer, margin, y, half, bottom)
    if bottom < sheet.height - margin - 1:
        draw_payment_slip(writer, bottom + 6)
    elif writer.chance(0.4):
        draw_barcode(writer, margin, sheet.height - 34.0, 170, 22)


def _summary(writer: Writer, x: float, y: float, width: float, count: int) -> float:
    """Draw boxes with captions and amounts, the last one in colour; return the y below."""
    gap, height = width / count, writer.size * 5
    for number in range(count):
        last = number == count - 1
        fill = writer.accent if last and writer.chance(0.7) else (236, 238, 241)
        ink = readable_ink(fill)
        writer.sheet.box(x + number * gap, y, gap - 6, height, fill=fill, line=writer.accent)
        writer.write(x + number * gap + 8, y + 5, writer.words.phrase(1, 2)[:20], fill=ink)
        amount = writer.words.money(10, 2000)
        writer.write(x + number * gap + 8, y + writer.size * 2, amount, 1.8, "bold", fill=ink)
    return y + height


def _consumption(writer: Writer, x: float, y: float, width: float, height: float) -> None:
    """Draw a bar chart by month."""
    sheet = writer.sheet
    sheet.box(x, y, width, height + 26, fill=WHITE, line=(190, 190, 190))
    writer.write(x + 6, y + 3, writer.words.phrase(2, 3), style="bold")
    gap, base = (width - 20) / 12, y + height + 10
    for month in range(12):
        high, left = (height - 25) * writer.between(0.15, 1), x + 10 + month * gap
        sheet.box(left, base - high, gap * 0.65, high, fill=writer.accent)
        writer.write(left + gap * 0.3, base + 2, "JFMAMJJASOND"[month], 0.8, anchor="ma")
    sheet.rule(x + 8, base, x + width - 8, base)


def _charges(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    """Draw a titled group of charges with its sum; return the y below."""
    sheet, words = writer.sheet, writer.words
    shade = writer.chance(0.5)
    if shade:
        sheet.box(x, y, width, writer.step * 1.2, fill=writer.accent)
    ink = readable_ink(writer.accent) if shade else BLACK
    y = writer.write(x + 4, y + 1, words.phrase(1, 3), 1.1, "bold", fill=ink) + 4
    dated = writer.chance(0.5)
    for _ in range(writer.count(2, 9)):
        if y + writer.step * 2 > bottom:
            break
        what = f"{words.date()}  {words.phrase(1, 2)}" if dated else words.phrase(2, 5)
        writer.write(x + 4, y, what[: int(width / writer.size * 1.3)])
        y = writer.write(x + width - 4, y, words.amount(1, 300), anchor="ra")
    sheet.rule(x, y, x + width, y, writer.accent)
    return writer.write(x + width - 4, y + 2, words.money(20, 900), style="bold", anchor="ra") + writer.size
