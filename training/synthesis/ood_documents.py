"""Out-of-distribution documents: identity papers, old newspapers, screenshots, tables, envelopes."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from training.synthesis.fonts import choose_face
from training.synthesis.ood_pictures import draw_photograph, fractal_noise
from training.synthesis.sheet import BLACK, WHITE, Color, Sheet, portrait_size
from training.synthesis.words import Words


def draw_identity_paper(rng: np.random.Generator) -> Sheet:
    """Draw an identity card, licence or passport page: a face, a guilloche, short facts, a machine-readable zone."""
    words = Words(rng)
    width, height = ((640, 404), (640, 450), (600, 800))[rng.choice(3, p=[0.6, 0.25, 0.15])]
    low, high = rng.integers(150, 256, (2, 3))
    ground = low + (high - low) * fractal_noise(rng, width, height, 0.3)[..., None]
    card = Sheet(width, height, rng)
    card.image.paste(Image.fromarray(ground.astype(np.uint8)))
    place = np.arange(0, width, 4)
    tone = tuple(int(v) for v in low - 40)
    for number in range(rng.integers(0, 26)):
        wave = height * (number / 24) + 30 * np.sin(place * rng.uniform(0.005, 0.03) + number)
        card.pen.line(list(zip(place.tolist(), wave.tolist(), strict=True)), fill=tone)
    sans, ink = choose_face("sans", rng), (int(rng.integers(0, 60)),) * 3
    if rng.random() < 0.7:
        card.text(24, 14, words.fake.country().upper(), sans.at(float(rng.uniform(20, 32)), "bold"), card.color(0, 140))
    face_x = 28 if rng.random() < 0.75 else width - 210
    portrait_of = draw_photograph(rng).image.resize((170, 215))
    card.image.paste(portrait_of, (face_x, int(height * 0.22)))
    card.pen.ellipse((face_x + 45, height * 0.22 + 40, face_x + 125, height * 0.22 + 145), fill=card.color(110, 230))
    x, y = (220.0 if face_x < 100 else 28.0), height * 0.22
    for _ in range(rng.integers(4, 8)):
        y = card.text(x, y, words.phrase(1, 2), sans.at(11), (90, 90, 110))
        y = card.text(x, y, words.one_of(words.person(), words.date(), words.number(9)).upper(), sans.at(19, "bold"),
                      ink) + 3  # fmt: skip
    if rng.random() < 0.5:
        for line in range(rng.integers(1, 4)):
            zone = f"{words.fake.last_name().upper()}<<{words.number(9)}<{words.fake.country_code()}{'<' * 30}"[:36]
            card.text(22, height - 84 + 26 * line, zone, choose_face("mono", rng).at(27), BLACK)
    return _placed_on_surface(card, rng)


def _placed_on_surface(card: Sheet, rng: np.random.Generator) -> Sheet:
    """Return a small item unchanged, or one or two copies of it on a scanner's glass or a table."""
    if rng.random() < 0.45:
        return card
    plain: Color = WHITE if rng.random() < 0.6 else (60, 55, 50)
    ground = Sheet(*(portrait_size(rng) if rng.random() < 0.6 else (800, 600)), rng, plain)
    if rng.random() < 0.25:
        ground.image = draw_photograph(rng).image.resize((ground.width, ground.height))
    share = float(rng.uniform(0.35, 0.85))
    small = card.image.resize((int(ground.width * share), int(ground.width * share * card.height / card.width)))
    turned = small.convert("RGBA").rotate(float(rng.uniform(-6, 6)), expand=True)
    for _ in range(rng.integers(1, 3)):
        spare = np.maximum(1, np.array(ground.image.size) - turned.size)
        ground.image.paste(turned, (int(rng.integers(spare[0])), int(rng.integers(spare[1]))), turned)
    return ground


def draw_old_newspaper(rng: np.random.Generator) -> Sheet:
    """Draw an old newspaper page or a cut-out article: dense narrow columns on grey or yellow paper."""
    words = Words(rng)
    columns = int(rng.choice([1, 2, 3, 4, 5, 6, 7]))
    width = int(rng.integers(110, 160)) * columns + 30
    sheet = Sheet(width, int(rng.integers(500, 1100)), rng)
    face = choose_face(words.one_of("book", "serif", "serif"), rng)
    y = 16.0
    if columns > 3 and rng.random() < 0.7:
        title = choose_face("book", rng).at(float(rng.uniform(40, 76)), "bold")
        y = sheet.text(width / 2, y, words.phrase(2, 2), title, BLACK, "ma")
        sheet.rule(10, y + 6, width - 10, y + 6, BLACK, 2)
        y += 14
    column_width = (width - 30) / columns
    for column in range(columns):
        x, down = 15 + column * column_width, y
        if column:
            sheet.rule(x - 3, y, x - 3, sheet.height - 12)
        while down < sheet.height - 60:
            if rng.random() < 0.2:
                picture = (
                    draw_photograph(rng).image.convert("L").resize((int(column_width - 8), int(rng.uniform(60, 170))))
                )
                sheet.image.paste(picture.convert("RGB"), (int(x), int(down)))
                down += picture.height + 5
            for size in (float(rng.uniform(11, 22)), 8.0)[: rng.integers(1, 3)]:
                down = sheet.paragraph(x, down, column_width - 7, words.phrase(2, 6), face.at(size, "bold")) + 2
            text = words.paragraph(int(rng.integers(30, 260)))
            down = (
                sheet.paragraph(x, down, column_width - 7, text, face.at(7), justify=True, bottom=sheet.height - 12) + 4
            )
            sheet.rule(x + column_width * 0.3, down, x + column_width * 0.6, down)
            down += 5
    paper = np.array([1, rng.uniform(0.9, 1), rng.uniform(0.75, 1)]) * rng.uniform(0.65, 0.95)
    blot = 1 - 0.25 * fractal_noise(rng, width, sheet.height, 0.7)[..., None]
    print_ = np.asarray(sheet.image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.8)))), np.float32)
    sheet.image = Image.fromarray((np.maximum(print_, 40) * paper * blot).clip(0, 255).astype(np.uint8))
    return sheet


def draw_screenshot(rng: np.random.Generator) -> Sheet:
    """Draw a screenshot: bars, panes, a list and buttons, or an editor full of code."""
    words, dark = Words(rng), rng.random() < 0.4
    size = ((960, 600), (800, 600), (420, 860))[rng.choice(3, p=[0.5, 0.25, 0.25])]
    sheet = Sheet(*size, rng, (30, 32, 40) if dark else (246, 247, 250))
    ink, face = (WHITE if dark else BLACK), choose_face("mono" if rng.random() < 0.5 else "sans", rng)
    sheet.box(0, 0, sheet.width, float(rng.uniform(24, 70)), fill=sheet.color(0, 255))
    side = float(rng.choice([0, 0.2, 0.3])) * sheet.width
    if side:
        sheet.box(0, 60, side, sheet.height, fill=sheet.color(0, 90) if dark else (228, 230, 236))
    y = 80.0
    while y < sheet.height - 30:
        if side:
            sheet.text(12, y, words.phrase(1, 2)[:20], face.at(12), ink)
        indent = 22.0 * int(rng.integers(0, 5))
        x = side + 24 + indent
        for _ in range(rng.integers(0, 6)):
            word = words.fake.word() + words.one_of("()", " =", ";", ",", "", ".", " {")
            color = sheet.color(120, 255) if dark else sheet.color(0, 170)
            sheet.text(x, y, word, face.at(12), color)
            x += face.at(12).getlength(word + "  ")
        if rng.random() < 0.06:
            sheet.box(side + 24, y, float(rng.uniform(80, 220)), 28, fill=sheet.color(60, 220))
            y += 22
        y += 18
    return sheet


def draw_spreadsheet(rng: np.random.Generator) -> Sheet:
    """Draw only figures in rows and columns: a spreadsheet, a timetable, statistics."""
    words = Words(rng)
    sheet = Sheet(*((877, 620) if rng.random() < 0.5 else portrait_size(rng)), rng)
    columns = int(rng.integers(4, 16))
    font = choose_face(words.one_of("sans", "mono", "serif"), rng).at(float(rng.uniform(7, 11)))
    shares = rng.uniform(0.5, 1.5, columns)
    widths = (shares / shares.sum() * (sheet.width - 40)).tolist()
    rows = [[words.phrase(1, 2) for _ in range(columns)]]
    rows += [[words.phrase(1, 2), *(words.amount(1, 99999) for _ in range(columns - 1))]
             for _ in range(rng.integers(12, 60))]  # fmt: skip
    line = (170, 170, 170) if rng.random() < 0.6 else None
    stripe = (226, 232, 240) if rng.random() < 0.4 else None
    sheet.table(20, 25, widths, rows, font, line=line, stripe=stripe, pad=2, right=tuple(range(1, columns)))
    return sheet


def draw_envelope(rng: np.random.Generator) -> Sheet:
    """Draw an envelope or a postcard: a stamp, a postmark and an address."""
    words = Words(rng)
    shade = int(rng.integers(170, 256))
    sheet = Sheet(800, int(rng.integers(380, 580)), rng, (shade, shade, int(shade * rng.uniform(0.75, 1))))
    stamp = draw_photograph(rng).image.resize((90, 110))
    sheet.image.paste(stamp, (680, 25))
    for ring in range(rng.integers(0, 4)):
        sheet.pen.ellipse(
            (590 - ring * 6, 30 - ring * 6, 690 + ring * 6, 130 + ring * 6), outline=(60, 60, 70), width=2
        )
    face = choose_face(words.one_of("hand", "typewriter", "sans"), rng)
    y = float(rng.uniform(180, 260))
    for text in (words.person(), *words.address()):
        y = sheet.text(float(rng.uniform(330, 360)), y, text, face.at(24), (30, 30, 70)) + 8
    if rng.random() < 0.4:
        sheet.rule(400, 30, 400, sheet.height - 30)
    return _placed_on_surface(sheet, rng)


OOD_DOCUMENTS: tuple[Callable[[np.random.Generator], Sheet], ...] = (
    draw_identity_paper, draw_old_newspaper, draw_screenshot, draw_spreadsheet, draw_envelope,
)  # fmt: skip
"""Functions that draw out-of-distribution documents."""
