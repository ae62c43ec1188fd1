"""Plain bills: typeset, from a line printer, filled into a printed grid, or of few lines."""

from collections.abc import Sequence

from training.synthesis.raster_layouts.bill_parts import (
    bill_title,
    draw_barcode,
    draw_stamp,
    item_rows,
    party_lines,
    write_bill_totals,
)
from training.synthesis.raster_layouts.fonts import choose_face
from training.synthesis.raster_layouts.sheet import BLACK, Color, clip_text
from training.synthesis.raster_layouts.writer import Writer, typeset_face

GREY: Color = (130, 130, 130)


def typeset_bill(writer: Writer, terms: Sequence[str]) -> None:
    """Draw a centred title, addresses in captioned columns, a small ruled table, and conditions."""
    writer.face = typeset_face(writer.sheet.rng) if writer.chance(0.85) else writer.face
    writer.size *= 0.9
    sheet = writer.sheet
    margin, middle = writer.between(50, 110), sheet.width / 2
    y = margin * writer.between(0.4, 0.9)
    if writer.chance(0.35):
        writer.write(margin, y, writer.words.phrase(1, 1)[:8].upper(), writer.between(2, 3.5))
        y += writer.size * 4
    if writer.chance(0.4):
        _ornament(writer, middle, y)
        y += 26
    name = (
        f"{bill_title(writer)} {writer.words.one_of('n°', 'Nr.', 'No.', '')} {writer.words.number(writer.count(1, 6))}"
    )
    grey = GREY if writer.chance(0.5) else BLACK
    y = writer.write(
        middle, y, name, writer.between(1.3, 2.4), writer.words.one_of("regular", "bold"), fill=grey, anchor="ma"
    )
    y = writer.write(middle, y, writer.words.date(), 0.9, fill=grey, anchor="ma") + writer.between(5, 25)
    y = _columns(writer, margin, y, sheet.width - 2 * margin) + writer.between(8, 40)
    y = _booktabs(writer, terms, y, sheet.width - 2 * margin) + writer.between(10, 40)
    bottom = sheet.height - margin
    for _ in range(writer.count(0, 3)):
        writer.write(margin, y, f"{writer.words.phrase(1, 3)}:", style="bold")
        text = writer.words.paragraph(writer.count(20, 70))
        y = writer.prose(margin, y + writer.step, sheet.width - 2 * margin, text, justify=True, bottom=bottom) + 5
    if writer.chance(0.4):
        y = writer.items(margin + 12, y, sheet.width - 2 * margin - 12, writer.count(1, 4), mark="-", bottom=bottom)
    if writer.chance(0.35):
        _ornament(writer, middle, bottom - 10)
    if writer.chance(0.6):
        foot = f"{writer.words.firm()} - {writer.words.sentence(8)}"
        writer.write(middle, sheet.height - margin * 0.5, foot, 0.75, anchor="ma")


def _ornament(writer: Writer, x: float, y: float) -> None:
    """Draw a flourish of mirrored curls."""
    width = writer.between(18, 40)
    for side in (-1, 1):
        for part in range(3):
            left = x + side * width * (part + 0.5) / 3 - width / 6
            start = 180 if part % 2 else 0
            writer.sheet.pen.arc((left, y, left + width / 3, y + 9), start, start + 250, fill=BLACK)
    writer.sheet.pen.ellipse((x - 2, y + 3, x + 2, y + 7), fill=BLACK)


def _columns(writer: Writer, x: float, y: float, width: float) -> float:
    """Draw two or three captioned addresses between two thin rules; return the y below."""
    count = writer.count(2, 3)
    gap, below = width / count, y
    writer.sheet.rule(x, y, x + width, y, GREY)
    for number in range(count):
        left = x + number * gap
        line = writer.small_caps(left, y + 4, writer.words.phrase(1, 1), 0.95)
        for text in party_lines(writer):
            line = writer.prose(left, line, gap - 8, text, 0.9)
        below = max(below, line)
    writer.sheet.rule(x, below + 4, x + width, below + 4, GREY)
    return below + 8


def _booktabs(writer: Writer, terms: Sequence[str], y: float, width: float) -> float:
    sheet, part_width = writer.sheet, width * writer.between(0.6, 1)
    left, font = (sheet.width - part_width) / 2, writer.font(0.95)
    widths = [part_width * 0.46, part_width * 0.14, part_width * 0.2, part_width * 0.2]
    rows, flush = item_rows(writer, writer.count(1, 12)), (1, 2, 3)
    sheet.rule(left, y, left + part_width, y, width=writer.count(1, 2))
    head = writer.font(0.95, "bold" if writer.chance(0.5) else "regular")
    y = sheet.table(left, y + 2, widths, [list(terms[4:8])], head, pad=2, right=flush)
    sheet.rule(left, y + 1, left + part_width, y + 1)
    y = sheet.table(left, y + 3, widths, rows, font, pad=1, right=flush)
    sheet.rule(left, y + 1, left + part_width, y + 1)
    shade = writer.chance(0.4)
    for term in terms[8:11]:
        if shade and term != terms[9]:
            sheet.box(left, y + 2, part_width, writer.step, fill=(225, 225, 225))
        writer.write(left + part_width * 0.3, y + 3, term, 0.95, "bold" if term != terms[9] else "regular")
        y = writer.write(left + part_width - 2, y + 3, writer.words.amount(20, 9000), 0.95, "bold", anchor="ra")
    sheet.rule(left, y + 3, left + part_width, y + 3, width=writer.count(1, 2))
    return y + 6


def grid_bill(writer: Writer, terms: Sequence[str]) -> None:
    """Draw a head of boxes and a grid with unused rows, filled in with type or handwriting."""
    sheet, margin = writer.sheet, writer.between(22, 50)
    width, right = sheet.width - 2 * margin, sheet.width - margin
    y = _boxed_head(writer, terms, margin, width)
    height = writer.size * writer.between(1.7, 2.4)
    count = int((sheet.height - y - margin - 150) / height)
    shares = (0.12, 0.52, 0.16, 0.2)
    filled = _entry_writer(writer)
    heads, x = [terms[5], terms[4], terms[6], terms[7]], margin
    for head, share in zip(heads, shares, strict=True):
        sheet.box(x, y, width * share, height, fill=(215, 215, 215) if writer.chance(0.3) else None, line=BLACK)
        writer.write(x + 4, y + 3, head, 0.95, "bold")
        sheet.box(x, y + height, width * share, height * count, line=BLACK)
        x += width * share
    used, ruled = writer.count(1, min(count, 9)), writer.chance(0.6)
    _entries(filled, margin, y + height, width, height, used)
    for number in range(2, count + 1):
        if ruled:
            sheet.rule(margin, y + height * number, right, y + height * number, GREY)
    top, y = y + height * (used + 1), y + height * (count + 1)
    if writer.chance(0.5):
        sheet.rule(margin, top, margin + width * writer.between(0.5, 1), y, width=writer.count(1, 2))
    below = write_bill_totals(filled, terms, right - 5, y + 6, width * 0.38, hand=writer.chance(0.2))
    sheet.box(margin + width * 0.6, y, width * 0.4, below - y + 4, line=BLACK)
    writer.prose(margin, y + 8, width * 0.5, writer.words.paragraph(30), 0.8, bottom=sheet.height - 20.0)
    if writer.chance(0.4):
        draw_stamp(writer, writer.between(margin + 60, right - 90), writer.between(top - 20, y + 40))


def _entry_writer(writer: Writer) -> Writer:
    """Return the writer of the grid's entries: the same printer, a pen or a typewriter."""
    role = writer.words.one_of("", "", "", "hand", "typewriter", "mono")
    if not role:
        return writer
    size = writer.size * (1.5 if role == "hand" else 1.05)
    return Writer(
        writer.sheet, writer.words, choose_face(role, writer.sheet.rng), size, BLACK, writer.sheet.color(0, 90)
    )


def _entries(writer: Writer, x: float, y: float, width: float, height: float, count: int) -> None:
    """Fill the first rows of the grid."""
    for number, (what, many, price, amount) in enumerate(item_rows(writer, count)):
        top = y + height * number + 2
        writer.write(x + 6, top, many)
        writer.write(x + width * 0.12 + 5, top, clip_text(what, writer.font(), width * 0.5))
        writer.write(x + width * 0.8 - 5, top, price, anchor="ra")
        writer.write(x + width - 5, top, amount, anchor="ra")


def _boxed_head(writer: Writer, terms: Sequence[str], margin: float, width: float) -> float:
    sheet, words, middle = writer.sheet, writer.words, writer.sheet.width / 2
    y = margin * 0.6
    if writer.chance(0.5):
        shade = sheet.color(60, 160) if writer.chance(0.5) else BLACK
        sheet.pen.rounded_rectangle((middle - 140, y, middle + 140, y + writer.size * 2.3), 4, fill=shade)
        y = writer.write(middle, y + 4, words.firm()[:30], 1.4, "bold", fill=(255, 255, 255), anchor="ma") + 6
    else:
        y = writer.write(margin, y, words.firm(), 1.6, "bold", fill=writer.accent)
    for line in words.address():
        y = writer.write(middle, y, line, 0.85, anchor="ma")
    writer.write(margin, y + 4, f"{bill_title(writer).upper()}  Nº", 1.1, "bold")
    writer.write(margin + 150, y + 4, words.number(6), 1.2, fill=(200, 20, 20))
    y = writer.write(sheet.width - margin, y + 4, f"{terms[2]}: {words.date()}", anchor="ra") + 6
    top = y
    for _ in range(writer.count(2, 4)):
        writer.write(margin + 6, y + 3, f"{words.phrase(1, 2)}:", 0.9, "bold")
        y = writer.write(margin + width * 0.28, y + 3, words.one_of(words.firm(), words.address()[0], words.number(9)))
        if writer.chance(0.4):
            sheet.rule(margin, y + 2, margin + width, y + 2)
    sheet.pen.rounded_rectangle((margin, top, margin + width, y + 4), writer.count(0, 8), outline=BLACK)
    return y + writer.between(8, 20)


def line_printer_bill(writer: Writer, terms: Sequence[str]) -> None:
    """Draw a monospaced bill: columns aligned with spaces, dashes as rules, on plain or striped paper."""
    sheet, words = writer.sheet, writer.words
    writer.face = choose_face("mono" if writer.chance(0.6) else "typewriter", sheet.rng)
    margin = writer.between(22, 55)
    columns = int((sheet.width - 2 * margin) / max(1.0, writer.font().getlength("0")))
    if writer.chance(0.2):
        for top in range(0, sheet.height, 40):
            sheet.box(0, top, sheet.width, 20, fill=(232, 244, 234))
    dash = words.one_of("-", "=", "*", "_") * columns
    lines = [words.firm().upper(), *words.address(), "", bill_title(writer).upper().center(columns), dash]
    lines += [
        f"{term:<16}: {words.one_of(words.number(7), words.date(), words.person())}"
        for term in (terms[1], terms[2], terms[3])
    ]
    lines += ["", *(f"{'':{columns // 2}}{line}" for line in party_lines(writer)), dash]
    width = max(8, columns - 34)
    lines += [f"{terms[4][:width]:<{width}}{terms[5]:>8}{terms[6]:>12}{terms[7]:>13}", dash]
    for what, many, price, amount in item_rows(writer, writer.count(1, 24)):
        lines.append(f"{what[: width - 1]:<{width}}{many:>8}{price:>12}{amount:>13}")
    lines.append(dash)
    lines += [f"{term:>{width + 16}}{words.amount(20, 9000):>17}" for term in terms[8:11]]
    lines += [dash, "", *(words.sentence(7).upper() for _ in range(writer.count(0, 4)))]
    y = writer.between(15, 60)
    for line in lines:
        y = writer.write(margin, y, line[:columns])
        if y > sheet.height - 20:
            break
    if writer.chance(0.25):
        draw_barcode(writer, margin, sheet.height - 48.0, 150, 30)


def minimal_bill(writer: Writer, terms: Sequence[str]) -> None:
    """Draw two or three lines on an otherwise white page."""
    sheet, words = writer.sheet, writer.words
    margin = writer.between(40, 115)
    y, right = margin * writer.between(0.5, 1.5), sheet.width - margin
    lines = party_lines(writer)
    at_right = writer.chance(0.5)
    for line in lines:
        y = writer.write(right if at_right else margin, y, line, anchor="ra" if at_right else "la")
    y += writer.between(10, 70)
    for line in party_lines(writer)[:4]:
        y = writer.write(margin, y, line)
    y += writer.between(10, 70)
    y = writer.write(
        margin, y, f"{bill_title(writer)} {words.number(4)}", writer.between(1, 2), "bold", fill=writer.accent
    )
    y = writer.write(margin, y + 2, words.date()) + writer.between(8, 40)
    if writer.chance(0.5):
        y = writer.prose(margin, y, right - margin, words.paragraph(26)) + 10
    for what, _, _, amount in item_rows(writer, writer.count(1, 3)):
        writer.write(margin, y, what)
        y = writer.write(right, y, amount, anchor="ra") + 3
    y = write_bill_totals(
        writer, terms, right, y + 6, writer.between(110, 220), hand=writer.chance(0.2)
    ) + writer.between(15, 60)
    writer.prose(margin, y, right - margin, f"{words.sentence(12)} IBAN {words.number(20)}", bottom=sheet.height - 20.0)
    if writer.chance(0.2):
        draw_stamp(writer, writer.between(margin + 60, right - 60), y + writer.between(-150, 60))
