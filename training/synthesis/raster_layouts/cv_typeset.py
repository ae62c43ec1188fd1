"""CVs of word processors and typesetters: black on white, text in a column next to its dates."""

from dataclasses import replace

from training.synthesis.raster_layouts.cv_parts import (
    ACADEMIC,
    LANGUAGES,
    TITLES,
    contact_lines,
    entry_dates,
    entry_place,
    job_title,
    publication_reference,
    section_titles,
    write_footer,
    write_job,
)
from training.synthesis.raster_layouts.sheet import BLACK
from training.synthesis.raster_layouts.writer import Writer, typeset_face

CEFR = ("A1", "A2", "B1", "B2", "C1", "C2")


def europass_cv(writer: Writer) -> None:
    """Draw labels flush right in a narrow column, text in a wide one, and a grid of language levels."""
    sheet = writer.sheet
    writer.size *= 0.82
    margin = writer.between(25, 60) if writer.chance(0.7) else writer.between(60, 110)
    split = max(margin + 75, sheet.width * writer.between(0.26, 0.36))
    width, bottom = sheet.width - split - margin, sheet.height - margin * 1.4
    name = writer.words.person()
    sheet.logo(margin, margin * 0.7, 20, writer.accent)
    writer.write(margin + 24, margin * 0.7 + 4, "europass", 1.3, fill=writer.accent)
    writer.write(split, margin * 0.7 + 6, "Curriculum vitae", fill=writer.accent)
    y = margin * 0.7 + 45
    if writer.chance(0.6):
        writer.write(sheet.width - margin, margin * 0.7 + 6, name, fill=writer.accent, anchor="ra")
    if writer.chance(0.55):
        y = writer.write(split, y, name, 1.5, fill=writer.accent) + 4
        for line in contact_lines(writer):
            writer.icon(split, y, writer.accent)
            y = writer.write(split + writer.size * 1.4, y, line) + 2
        if writer.chance(0.3):
            writer.portrait(margin, y - 75, 55, 70)
    if writer.chance(0.35):
        sheet.rule(split - 6, margin * 0.7 + 30, split - 6, bottom)
    for number, title in enumerate(section_titles(writer)):
        if y + writer.step * 4 > bottom:
            break
        y = _europass_title(writer, split, y + writer.size, width, title)
        y = _grid(writer, split, y, width) if number in (2, 3) else _labelled(writer, split, y, width, bottom)
    writer.write(margin, sheet.height - margin * 0.8, writer.words.date(), 0.8, fill=writer.accent)
    foot = f"© European Union   {writer.words.fake.url()}"
    writer.write(sheet.width / 2, sheet.height - margin * 0.8, foot, 0.7, fill=writer.accent, anchor="ma")
    writer.write(sheet.width - margin, sheet.height - margin * 0.8, "Page 1 / 2", 0.8, anchor="ra")


def _europass_title(writer: Writer, split: float, y: float, width: float, title: str) -> float:
    writer.write(split - 12, y, title.upper(), 0.9, fill=writer.accent, anchor="ra")
    middle = y + writer.size * 0.5
    writer.sheet.rule(split, middle, split + width, middle, writer.accent)
    writer.sheet.box(split + width - 4, middle - 2, 4, 4, fill=writer.accent)
    return y + writer.step * 1.3


def _labelled(writer: Writer, split: float, y: float, width: float, bottom: float) -> float:
    for _ in range(writer.count(1, 4)):
        if y + writer.step * 2 > bottom:
            break
        label = entry_dates(writer) if writer.chance(0.7) else writer.words.phrase(1, 2)
        writer.write(split - 12, y, label, fill=writer.accent, anchor="ra")
        y = write_job(writer, split, y, width, bottom, remarks=4, mark="-")
    return y


def _grid(writer: Writer, split: float, y: float, width: float) -> float:
    """Draw a table of languages by levels, with its two heading rows; return the y below."""
    pad, cell = 2.0, width / 5
    heads = [writer.words.phrase(1, 1)[:14].upper() for _ in range(3)]
    small = writer.font(0.85)
    y = writer.sheet.table(split, y, [cell * 2, cell * 2, cell], [heads], small, line=writer.accent, pad=pad)
    subheads = [writer.words.phrase(1, 1)[:14] for _ in range(5)]
    y = writer.sheet.table(split, y, [cell] * 5, [subheads], small, line=writer.accent, pad=pad)
    for language in LANGUAGES[writer.words.language][: writer.count(1, 4)]:
        writer.write(split - 12, y + pad, language, fill=writer.ink, anchor="ra")
        row = [writer.words.one_of(*CEFR) for _ in range(5)]
        y = writer.sheet.table(split, y, [cell] * 5, [row], small, line=writer.accent, pad=pad)
        if writer.chance(0.4):
            writer.sheet.box(split, y, width, writer.step, fill=(228, 230, 234))
            y = writer.write(split + width / 2, y, writer.words.phrase(2, 4), 0.9, anchor="ma") + 2
    return y + writer.size


def banking_cv(writer: Writer, *, later: bool = False) -> None:
    """Draw a bar or rule in the date column, titles next to it, and a name and page number at the foot."""
    writer.face = typeset_face(writer.sheet.rng) if writer.chance(0.75) else writer.face
    sheet = writer.sheet
    margin, gutter = writer.between(45, 105), writer.between(6, 16)
    hint = sheet.width * writer.between(0.1, 0.19)
    x, name = margin + hint + gutter, writer.words.person()
    width, bottom = sheet.width - margin - x, sheet.height - margin * writer.between(0.9, 1.6)
    y = margin * writer.between(0.6, 1.2) if later else _head(writer, margin, name)
    if later:
        bottom = y + (bottom - y) * writer.between(0.15, 1)
    style, flush = writer.count(0, 3), writer.chance(0.6)
    for number, title in enumerate(section_titles(writer)):
        if y + writer.step * 4 > bottom:
            break
        y = _bar_title(writer, margin, hint, x, y + writer.size * 0.8, width, title, style)
        short = number >= 2 or later
        for _ in range(writer.count(1, 4)):
            if y + writer.step * 2 > bottom:
                break
            label = writer.words.phrase(1, 1)[:12] if short else entry_dates(writer)
            at_right = flush or writer.font(0.92).getlength(label) > hint
            writer.write(margin + hint if at_right else margin, y, label, 0.92, anchor="ra" if at_right else "la")
            y = _comment(writer, x, y, width, bottom) if short else write_job(writer, x, y, width, bottom)
    if later or writer.chance(0.7):
        write_footer(writer, margin, name)


def _comment(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    text = writer.words.phrase(2, 5) if writer.chance(0.5) else writer.words.paragraph(20)
    if writer.chance(0.35):
        writer.write(x + width, y, writer.words.phrase(1, 2), 0.85, "italic", anchor="ra")
        text = writer.words.phrase(1, 3)
    return writer.prose(x, y, width, text, bottom=bottom) + 3


def _head(writer: Writer, margin: float, name: str) -> float:
    sheet, top = writer.sheet, margin * 0.75
    kind, lines = writer.count(0, 3), contact_lines(writer)
    if kind == 0:
        y = writer.write(sheet.width / 2, top, name, writer.between(1.8, 3), fill=writer.accent, anchor="ma")
        text = "  •  ".join(lines[-3:])
        return writer.write(sheet.width / 2, y + 4, text, 0.85, "italic", anchor="ma") + 12
    if kind == 1:
        y = writer.small_caps(margin, top, name, writer.between(1.7, 2.6), fill=writer.accent)
    elif kind == 2:
        y = writer.write(margin, top, writer.words.one_of(*TITLES), 1.8, fill=writer.accent) + 6
        y = writer.write(margin, y, name, 1.2, "bold")
    else:
        y = writer.write(margin, top, name, writer.between(1.8, 3.2)) + 4
        y = writer.write(margin, y, job_title(writer), 1.3, "italic", fill=writer.accent)
    below = top
    for line in lines:
        below = writer.write(sheet.width - margin, below, line, 0.85, "italic", anchor="ra")
    if writer.chance(0.25) and kind != 2:
        writer.portrait(sheet.width - margin - 62, below + 4, 60, 76)
        below += 84
    return max(y, below) + 8


def _bar_title(
    writer: Writer, margin: float, hint: float, x: float, y: float, width: float, title: str, style: int
) -> float:
    if style == 0:
        writer.sheet.box(margin, y + writer.size * 0.5, hint, writer.size * 0.4, fill=writer.accent)
        return writer.write(x, y, title, 1.3, fill=writer.accent) + 3
    if style == 1:
        y = writer.small_caps(margin, y, title, 1.25, fill=writer.accent)
        writer.sheet.rule(margin, y, x + width, y, writer.accent)
        return y + 5
    if style == 2:
        return writer.write(x, y, title, 1.25, "bold", fill=writer.accent) + 3
    writer.sheet.rule(x, y - 1, x + width, y - 1, writer.accent)
    return writer.small_caps(x, y + 2, title, 1.1, fill=writer.accent) + 3


def academic_cv(writer: Writer, *, later: bool = False) -> None:
    """Draw an academic CV: serif and black, education, positions and a long list of publications."""
    writer.face, writer.accent = typeset_face(writer.sheet.rng), BLACK
    sheet, name = writer.sheet, writer.words.person()
    margin = writer.between(40, 95)
    width, bottom = sheet.width - 2 * margin, sheet.height - margin
    y = margin * 0.8 if later else _academic_head(writer, margin, name)
    if later and writer.chance(0.5):
        writer.write(margin, margin * 0.5, name, 0.85, "italic")
        writer.write(sheet.width - margin, margin * 0.5, str(writer.count(2, 9)), 0.85, anchor="ra")
        sheet.rule(margin, margin * 0.5 + writer.step, margin + width, margin * 0.5 + writer.step)
        y = margin * 0.5 + writer.step * 2.5
    if later:
        bottom = y + (bottom - y) * writer.between(0.3, 1)
    rest = [ACADEMIC[writer.words.language][number] for number in sheet.rng.permutation(6)]
    titles = rest if later else [*section_titles(writer)[:2], *rest]
    style, dates_left = writer.count(0, 3), writer.chance(0.5)
    for title in titles:
        if y + writer.step * 4 > bottom:
            break
        y = _plain_title(writer, margin, y + writer.size * 0.7, width, title, style)
        if title == ACADEMIC[writer.words.language][0]:
            y = _references(writer, margin, y, width, bottom)
        else:
            y = _dated(writer, margin, y, width, bottom, dates_left=dates_left)
    if writer.chance(0.6):
        write_footer(writer, margin, name)


def _academic_head(writer: Writer, margin: float, name: str) -> float:
    middle, y = writer.sheet.width / 2, margin * 0.8
    if writer.chance(0.5):
        y = writer.write(middle, y, name, writer.between(1.4, 2.2), "bold", anchor="ma")
        if writer.chance(0.5):
            y = writer.write(middle, y, writer.words.one_of(*TITLES), 1.2, anchor="ma")
        for line in contact_lines(writer)[:4]:
            y = writer.write(middle, y, line, anchor="ma")
        return y + 4
    y = writer.write(margin, y, f"{writer.words.one_of('', 'Dr. ', 'Prof. ')}{name}", 1.6, "bold") + 4
    for line, other in zip(contact_lines(writer), contact_lines(writer), strict=False):
        writer.write(margin, y, line)
        y = writer.write(writer.sheet.width - margin, y, other, anchor="ra")
    return y + 4


def _plain_title(writer: Writer, x: float, y: float, width: float, title: str, style: int) -> float:
    if style == 0:
        return writer.small_caps(x, y, title, 1.25) + 3
    if style == 1:
        y = writer.write(x, y, title.upper(), 1.05, "bold")
        writer.sheet.rule(x, y, x + width, y)
        return y + 4
    if style == 2:
        return writer.write(x + width / 2, y, title, 1.2, "bold", anchor="ma") + 3
    return writer.write(x, y, title, 1.3, "bold") + 3


def _references(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    mark, justify = writer.words.one_of("[{}]", "{}.", "•"), writer.chance(0.7)
    for number in range(1, writer.count(4, 16)):
        if y + writer.step > bottom:
            break
        writer.write(x, y, mark.format(number))
        y = (
            writer.prose(
                x + writer.size * 2.2,
                y,
                width - writer.size * 2.2,
                publication_reference(writer),
                justify=justify,
                bottom=bottom,
            )
            + 3
        )
    return y


def _dated(writer: Writer, x: float, y: float, width: float, bottom: float, *, dates_left: bool) -> float:
    column = writer.font().getlength("00/0000 - 00/0000") + 8
    for _ in range(writer.count(2, 5)):
        if y + writer.step * 2 > bottom:
            break
        writer.write(x if dates_left else x + width, y, entry_dates(writer), anchor="la" if dates_left else "ra")
        text = f"{writer.words.phrase(3, 9)}. {entry_place(writer)}."
        y = writer.prose(x + column if dates_left else x, y, width - column, text, bottom=bottom) + 2
    return y


def second_page_cv(writer: Writer) -> None:
    """Draw a second page: no name, the remaining sections, often half empty."""
    (banking_cv if writer.chance(0.6) else academic_cv)(writer, later=True)


def sparse_cv(writer: Writer) -> None:
    """Draw a CV with few lines."""
    if writer.chance(0.5):
        writer.face = typeset_face(writer.sheet.rng)
    sheet = writer.sheet
    margin = writer.between(45, 130)
    y, width = margin * writer.between(0.6, 1.6), sheet.width - 2 * margin
    if writer.chance(0.8):
        y = writer.write(margin, y, writer.words.person(), writer.between(1.2, 2.6), fill=writer.accent)
        y = writer.write(margin, y + 3, "   ".join(contact_lines(writer)[-2:]), 0.9) + writer.between(10, 50)
    hint = writer.between(60, 110)
    for title in section_titles(writer)[: writer.count(1, 4)]:
        if y > sheet.height - margin - writer.step * 6:
            break
        y = writer.small_caps(margin, y, title, 1.2, fill=writer.accent) + 4
        if writer.chance(0.3):
            sheet.rule(margin, y, margin + width, y, writer.accent)
            y += 5
        for _ in range(writer.count(1, 3)):
            writer.write(margin, y, entry_dates(writer)[:11], 0.9)
            y = writer.prose(margin + hint, y, width - hint, f"{job_title(writer)}, {entry_place(writer)}") + 2
        y += writer.between(6, 40)
    if writer.chance(0.4):
        write_footer(replace(writer, accent=BLACK), margin, writer.words.person())
