"""What bills are made of: lines of goods, sums, addresses, stamps, codes to pay by."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from training.synthesis.sketches.fonts import pick
from training.synthesis.sketches.sheet import BLACK, WHITE, Color
from training.synthesis.sketches.writer import Writer

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


def title(writer: Writer) -> str:
    """Return what a bill is called."""
    return writer.words.one_of(*TITLES[writer.words.language])


def party(writer: Writer) -> list[str]:
    """Return somebody's name and address, a line an item."""
    words = writer.words
    lines = [words.one_of(words.firm(), words.person()), *words.address()]
    more = [words.fake.phone_number(), words.fake.email(), f"{words.phrase(1, 1)}: {words.number(9)}"]
    return lines + more[: writer.count(0, 3)]


def goods(writer: Writer, count: int) -> list[list[str]]:
    """Return lines of a bill: what, how many, at what price, for how much."""
    words = writer.words
    return [
        [words.phrase(1, 5), str(writer.count(1, 40)), words.amount(1, 500), words.amount(5, 4000)]
        for _ in range(count)
    ]


def sums(writer: Writer, terms: Sequence[str], right: float, y: float, room: float, *, hand: bool = False) -> float:
    """Write subtotal, tax and total flush right, the figures by hand or not, and return the y below."""
    sheet, pen = writer.sheet, pick("hand", writer.sheet.rng) if hand else None
    ink = sheet.color(0, 90)
    for number, term in enumerate(terms[8 if writer.chance(0.8) else 10 :]):
        last = term == terms[10]
        if last and writer.chance(0.5):
            sheet.rule(right - room, y, right, y, writer.accent)
            y += 3
        style = "bold" if last else "regular"
        writer.write(right - room, y, f"{term} {19 - number}%" if term == terms[9] else term, style=style)
        figure = writer.words.money(20, 9000)
        if pen:
            sheet.text(right, y - writer.size * 0.3, figure, pen.at(writer.size * 1.5), ink, "ra")
            y += writer.size * 1.8
        else:
            y = writer.write(right, y, figure, style=style, anchor="ra") + 2
    return y


def stamp(writer: Writer, x: float, y: float) -> None:
    """Press a stamp somewhere around a point."""
    text = writer.words.one_of(*STAMPS[writer.words.language], writer.words.date())
    size = writer.between(110, 230) / max(5, len(text))
    font = pick("sans", writer.sheet.rng).at(size, "bold")
    red: Color = (writer.count(120, 220), writer.count(0, 60), writer.count(0, 80))
    blue: Color = (writer.count(0, 60), writer.count(20, 80), writer.count(110, 200))
    writer.turned(x, y, text, font, writer.between(-25, 30), red if writer.chance(0.6) else blue, frame=True)


def barcode(writer: Writer, x: float, y: float, w: float, h: float) -> None:
    """Draw bars of chance widths."""
    left = x
    while left < x + w:
        wide = writer.count(1, 3)
        writer.sheet.box(left, y, wide - 0.5, h, fill=BLACK)
        left += wide + writer.count(1, 4)


def square_code(writer: Writer, x: float, y: float, side: float) -> None:
    """Draw a code of small squares with a mark in three of its corners."""
    cells = writer.sheet.rng.integers(0, 2, (25, 25)).astype(np.uint8) * 255
    for row, column in ((0, 0), (0, 18), (18, 0)):
        cells[row : row + 7, column : column + 7] = 0
        cells[row + 1 : row + 6, column + 1 : column + 6] = 255
        cells[row + 2 : row + 5, column + 2 : column + 5] = 0
    code = Image.fromarray(cells).resize((int(side), int(side)), Image.Resampling.NEAREST)
    writer.sheet.image.paste(code.convert("RGB"), (int(x), int(y)))


def slip(writer: Writer, y: float) -> None:
    """Draw what is torn off to pay: a receipt at the left, a part with a code or boxes at the right."""
    sheet, edge = writer.sheet, 16.0
    for dash in range(0, sheet.width, 8):
        sheet.rule(dash, y, dash + 4, y)
    split = sheet.width * writer.between(0.27, 0.4)
    sheet.rule(split, y, split, sheet.height)
    if writer.chance(0.4):
        sheet.box(0, y + 1, sheet.width, sheet.height - y, fill=(250, writer.count(205, 240), writer.count(170, 230)))
        sheet.rule(split, y, split, sheet.height)
    tall = sheet.height - y
    coded = writer.chance(0.6)
    parts = ((edge, split - 2 * edge), (split + edge + (125 if coded else 0), sheet.width * 0.32))
    for x, room in parts:
        below = writer.write(x, y + 10, writer.words.phrase(1, 2), 1.2, "bold") + 4
        for _ in range(3):
            if below > sheet.height - writer.step * 4:
                break
            below = writer.write(x, below, writer.words.phrase(1, 2), 0.75, "bold")
            for line in [writer.words.number(20), *writer.words.address()]:
                below = writer.prose(x, below, room, line, 0.8, bottom=sheet.height - 38.0)
        sheet.box(x, sheet.height - 34, room * 0.7, 20, fill=None if coded else WHITE, line=BLACK)
        writer.write(x + 4, sheet.height - 30, writer.words.money(20, 3000), 0.9)
    if coded:
        square_code(writer, split + edge, y + tall * 0.2, 115)
    else:
        writer.write(split + edge, sheet.height - 12, f"{writer.words.number(26)}>  {writer.words.number(9)}>", 0.8)
