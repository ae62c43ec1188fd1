"""Out-of-distribution pages, which no label covers.

Training teaches an even spread over the labels for these pages, which makes a model uncertain of other
out-of-distribution pages too (Hendrycks et al. 2019, "Deep Anomaly Detection with Outlier Exposure",
arXiv:1812.04606).
"""

import numpy as np

from training.synthesis.fonts import choose_face
from training.synthesis.ood_documents import OOD_DOCUMENTS, draw_identity_paper
from training.synthesis.ood_pictures import OOD_PICTURES, draw_photograph
from training.synthesis.sheet import BLACK, WHITE, Sheet, portrait_size
from training.synthesis.words import Words


def draw_ood_page(rng: np.random.Generator) -> Sheet:
    """Draw a page of a random kind that no label covers."""
    # Newspapers, identity papers and photographs are listed twice: users often upload them by mistake.
    draw = (
        _newspaper,
        _map,
        _poster,
        _score,
        _drawing,
        _cover,
        draw_identity_paper,
        draw_photograph,
        *OOD_PICTURES,
        *OOD_DOCUMENTS,
    )
    return draw[rng.integers(len(draw))](rng)


def _newspaper(rng: np.random.Generator) -> Sheet:
    words = Words(rng)
    sheet = Sheet(640, int(rng.integers(800, 1000)), rng, newsprint_color(rng))
    face, columns = choose_face("serif", rng), int(rng.integers(3, 7))
    y = 20.0
    if rng.random() < 0.6:
        y = sheet.text(320, y, words.phrase(2, 3), face.at(52, "bold"), BLACK, "ma") + 8
        sheet.rule(15, y, 625, y, width=2)
        y = sheet.text(320, y + 3, words.date(), face.at(10), BLACK, "ma") + 6
    column_width = 610 / columns
    starts = np.full(columns, y)
    while starts.min() < sheet.height - 70:
        first = int(starts.argmin())
        span = int(rng.integers(1, 1 + max(1, min(3, columns - first))))
        top = float(starts[first : first + span].max())
        x, width = 15 + first * column_width, span * column_width - 8
        if rng.random() < 0.35:
            picture_height = float(rng.uniform(60, 160))
            sheet.picture(x, top, width, min(picture_height, sheet.height - top - 10))
            top += picture_height + 6
        title = face.at(float(rng.uniform(12, 15 + 9 * span)), "bold")
        top = sheet.paragraph(x, top, width, words.phrase(4, 9), title)
        for column in range(first, min(first + span, columns)):
            end = float(min(sheet.height - 15, top + rng.uniform(80, 330)))
            text = words.paragraph(int((end - top) * column_width / 500) + 20)
            starts[column] = 10 + sheet.paragraph(
                15 + column * column_width, top, column_width - 8, text, face.at(7.5), justify=True, bottom=end
            )
        starts[first : first + span] = starts[first : first + span].max() + 4
    return sheet


def newsprint_color(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return the grey to yellow of newsprint."""
    light = int(rng.integers(205, 256))
    return light, light, int(light - rng.integers(0, 25))


def pale_color(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return a pale colour."""
    red, green, blue = (int(value) for value in rng.integers(195, 256, 3))
    return red, green, blue


def _map(rng: np.random.Generator) -> Sheet:
    sheet = Sheet(int(rng.integers(500, 800)), int(rng.integers(500, 800)), rng, pale_color(rng))
    words, face = Words(rng), choose_face("sans", rng)
    for _ in range(rng.integers(4, 12)):
        center, spread = rng.uniform(0, 800, 2), rng.uniform(40, 200)
        corners = center + rng.normal(0, spread, (7, 2))
        hull = corners[np.argsort(np.arctan2(*(corners - center).T))]
        sheet.pen.polygon([tuple(corner) for corner in hull], fill=sheet.color(150, 245), outline=(120, 120, 120))
    for _ in range(rng.integers(6, 25)):
        way = np.cumsum(rng.normal(0, 70, (8, 2)), axis=0) + rng.uniform(0, 800, 2)
        sheet.pen.line([tuple(point) for point in way], fill=sheet.color(40, 200), width=int(rng.integers(1, 5)))
    for _ in range(rng.integers(5, 40)):
        x, y = rng.uniform(0, 760, 2).tolist()
        sheet.text(x, y, words.fake.city(), face.at(float(rng.uniform(8, 16))))
    return sheet


def _poster(rng: np.random.Generator) -> Sheet:
    """Draw an advertisement: a few large words and pictures at random positions."""
    words = Words(rng)
    sheet = Sheet(*portrait_size(rng), rng, pale_color(rng) if rng.random() < 0.6 else (20, 25, 40))
    face = choose_face("sans", rng)
    for _ in range(rng.integers(1, 4)):
        w, h = rng.uniform(120, 560), rng.uniform(100, 420)
        sheet.picture(float(rng.uniform(0, 620 - w)), float(rng.uniform(0, 780 - h)), w, h)
    for _ in range(rng.integers(2, 6)):
        font = face.at(float(rng.uniform(18, 84)), "bold")
        sheet.text(float(rng.uniform(10, 250)), float(rng.uniform(0, 760)), words.phrase(1, 3), font, sheet.color())
    return sheet


def _score(rng: np.random.Generator) -> Sheet:
    """Draw sheet music."""
    sheet = Sheet(*portrait_size(rng), rng, newsprint_color(rng))
    words, face = Words(rng), choose_face("serif", rng)
    y = sheet.text(310, 35, words.phrase(2, 4), face.at(24, "bold"), BLACK, "ma") + 30
    gap = float(rng.uniform(4.5, 7))
    while y < sheet.height - 60:
        for line in range(5):
            sheet.rule(35, y + line * gap, 585, y + line * gap)
        for x in np.arange(60, 575, float(rng.uniform(11, 26))):
            note = y + float(rng.integers(-1, 10)) * gap / 2
            sheet.pen.ellipse((x - 4, note - 3, x + 4, note + 3), fill=BLACK)
            sheet.rule(x + 4, note, x + 4, note - 22)
        y += gap * float(rng.uniform(8, 13))
    return sheet


def _drawing(rng: np.random.Generator) -> Sheet:
    """Draw a technical drawing or a plan: lines, circles, measures and a title block."""
    sheet = Sheet(840, 600, rng)
    words, face = Words(rng), choose_face("sans", rng)
    for _ in range(rng.integers(8, 40)):
        x, y = rng.uniform(40, 700, 2)
        w, h = rng.uniform(15, 220, 2)
        if rng.random() < 0.4:
            sheet.pen.ellipse((x, y, x + w, y + w), outline=BLACK)
        elif rng.random() < 0.5:
            sheet.box(x, y, w, h, line=BLACK, bold=int(rng.integers(1, 3)))
        else:
            sheet.rule(x, y, x + w, y + float(rng.choice([0, h])))
            sheet.text(x + w / 2, y - 11, words.number(3), face.at(9))
    sheet.box(570, 500, 255, 85, fill=WHITE, line=BLACK, bold=2)
    sheet.text(580, 510, words.firm(), face.at(14, "bold"))
    return sheet


def _cover(rng: np.random.Generator) -> Sheet:
    """Draw a cover or a blank sheet, sometimes with a stamp."""
    words = Words(rng)
    sheet = Sheet(*portrait_size(rng), rng, pale_color(rng))
    if rng.random() < 0.6:
        font = choose_face("sans", rng).at(float(rng.uniform(14, 46)))
        sheet.text(310, float(rng.uniform(80, 500)), words.phrase(1, 2), font, sheet.color(0, 150), "ma")
    if rng.random() < 0.4:
        x, y = rng.uniform(60, 450, 2)
        sheet.pen.ellipse((x, y, x + 90, y + 90), outline=sheet.color(0, 200), width=3)
    return sheet
