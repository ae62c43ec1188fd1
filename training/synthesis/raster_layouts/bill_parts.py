"""Parts of bills: items, totals, addresses, stamps and payment codes."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from training.synthesis.raster_layouts.fonts import choose_face
from training.synthesis.raster_layouts.sheet import BLACK, WHITE, Color
from training.synthesis.raster_layouts.writer import Writer

STAMPS = {
    "en": ("PAID", "RECEIVED", "COPY"),
    "fr": ("PAYÉ", "ACQUITTÉ", "COPIE"),
    "de": ("BEZAHLT", "EINGANG", "KOPIE"),
    "es": ("PAGADO", "RECIBIDO", "COPIA"),
    "it": ("PAGATO", "RICEVUTO", "COPIA"),
    "nl": ("BETAALD", "ONTVANGEN", "KOPIE"),
    "pt": ("PAGO", "RECEBIDO", "CÓPIA"),
}

TITLES = {
    "en": ("Invoice", "Commercial Invoice", "Proforma Invoice", "Tax Invoice", "Credit Note", "Bill"),
    "fr": ("Facture", "Facture pro forma", "Note d'honoraires", "Avoir"),
    "de": ("Rechnung", "Honorarrechnung", "Gutschrift", "Abschlagsrechnung"),
    "es": ("Factura", "Factura proforma", "Recibo", "Factura simplificada"),
    "it": ("Fattura", "Parcella", "Nota di credito", "Fattura proforma"),
    "nl": ("Factuur", "Creditnota", "Nota", "Pro-formafactuur"),
    "pt": ("Fatura", "Nota de débito", "Fatura proforma", "Recibo"),
}


def bill_title(writer: Writer) -> str:
    """Return a bill's title."""
    return writer.words.one_of(*TITLES[writer.words.language])


def party_lines(writer: Writer) -> list[str]:
    """Return a name and address as lines."""
    words = writer.words
    lines = [words.one_of(words.firm(), words.person()), *words.address()]
    more = [words.fake.phone_number(), words.fake.email(), f"{words.phrase(1, 1)}: {words.number(9)}"]
    return lines + more[: writer.count(0, 3)]


def item_rows(writer: Writer, count: int) -> list[list[str]]:
    """Return table rows of items: description, quantity, price and amount."""
    words = writer.words
    return [
        [words.phrase(1, 5), str(writer.count(1, 40)), words.amount(1, 500), words.amount(5, 4000)]
        for _ in range(count)
    ]


def write_bill_totals(
    writer: Writer, terms: Sequence[str], right: float, y: float, width: float, *, hand: bool = False
) -> float:
    """Write subtotal, tax and total flush right, with printed or handwritten figures; return the y below."""
    sheet, pen = writer.sheet, choose_face("hand", writer.sheet.rng) if hand else None
    ink = sheet.color(0, 90)
    for number, term in enumerate(terms[8 if writer.chance(0.8) else 10 :]):
        last = term == terms[10]
        if last and writer.chance(0.5):
            sheet.rule(right - width, y, right, y, writer.accent)
            y += 3
        style = "bold" if last else "regular"
        writer.write(right - width, y, f"{term} {19 - number}%" if term == terms[9] else term, style=style)
        figure = writer.words.money(20, 9000)
        if pen:
            sheet.text(right, y - writer.size * 0.3, figure, pen.at(writer.size * 1.5), ink, "ra")
            y += writer.size * 1.8
        else:
            y = writer.write(right, y, figure, style=style, anchor="ra") + 2
    return y


def draw_stamp(writer: Writer, x: float, y: float) -> None:
    """Draw a stamp around a point."""
    text = writer.words.one_of(*STAMPS[writer.words.language], writer.words.date())
    size = writer.between(110, 230) / max(5, len(text))
    font = choose_face("sans", writer.sheet.rng).at(size, "bold")
    red: Color = (writer.count(120, 220), writer.count(0, 60), writer.count(0, 80))
    blue: Color = (writer.count(0, 60), writer.count(20, 80), writer.count(110, 200))
    writer.write_rotated(x, y, text, font, writer.between(-25, 30), red if writer.chance(0.6) else blue, frame=True)


def draw_barcode(writer: Writer, x: float, y: float, w: float, h: float) -> None:
    """Draw a bar code with random widths."""
    left = x
    while left < x + w:
        width = writer.count(1, 3)
        writer.sheet.box(left, y, width - 0.5, h, fill=BLACK)
        left += width + writer.count(1, 4)


def draw_square_code(writer: Writer, x: float, y: float, side: float) -> None:
    """Draw a QR-like code with position marks in three corners."""
    cells = writer.sheet.rng.integers(0, 2, (25, 25)).astype(np.uint8) * 255
    for row, column in ((0, 0), (0, 18), (18, 0)):
        cells[row : row + 7, column : column + 7] = 0
        cells[row + 1 : row + 6, column + 1 : column + 6] = 255
        cells[row + 2 : row + 5, column + 2 : column + 5] = 0
    code = Image.fromarray(cells).resize((int(side), int(side)), Image.Resampling.NEAREST)
    writer.sheet.image.paste(code.convert("RGB"), (int(x), int(y)))


def draw_payment_slip(writer: Writer, y: float) -> None:
    """Draw a detachable payment slip: a receipt on the left, a part with a code or boxes on the right."""
    sheet, edge = writer.sheet, 16.0
    for dash in range(0, sheet.width, 8):
        sheet.rule(dash, y, dash + 4, y)
    split = sheet.width * writer.between(0.27, 0.4)
    sheet.rule(split, y, split, sheet.height)
    if writer.chance(0.4):
        sheet.box(0, y + 1, sheet.width, sheet.height - y, fill=(250, writer.count(205, 240), writer.count(170, 230)))
        sheet.rule(split, y, split, sheet.height)
    height = sheet.height - y
    coded = writer.chance(0.6)
    parts = ((edge, split - 2 * edge), (split + edge + (125 if coded else 0), sheet.width * 0.32))
    for x, width in parts:
        below = writer.write(x, y + 10, writer.words.phrase(1, 2), 1.2, "bold") + 4
        for _ in range(3):
            if below > sheet.height - writer.step * 4:
                break
            below = writer.write(x, below, writer.words.phrase(1, 2), 0.75, "bold")
            for line in [writer.words.number(20), *writer.words.address()]:
                below = writer.prose(x, below, width, line, 0.8, bottom=sheet.height - 38.0)
        sheet.box(x, sheet.height - 34, width * 0.7, 20, fill=None if coded else WHITE, line=BLACK)
        writer.write(x + 4, sheet.height - 30, writer.words.money(20, 3000), 0.9)
    if coded:
        draw_square_code(writer, split + edge, y + height * 0.2, 115)
    else:
        writer.write(split + edge, sheet.height - 12, f"{writer.words.number(26)}>  {writer.words.number(9)}>", 0.8)
