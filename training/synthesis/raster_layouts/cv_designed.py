"""Designed CVs: banners, portraits, timelines, skill levels as dots, coloured pages."""

from collections.abc import Callable

from training.synthesis.raster_layouts.cv_parts import (
    LANGUAGES,
    contact_lines,
    entry_dates,
    entry_place,
    job_title,
    section_titles,
    write_job,
)
from training.synthesis.raster_layouts.sheet import BLACK, WHITE, Color
from training.synthesis.raster_layouts.writer import Writer, readable_ink

LEVELS = ("bar", "dots", "stars")


def _title(writer: Writer, x: float, y: float, width: float, title: str, style: int) -> float:
    """Write a section's title in one of several designs; return the y below."""
    if style == 0:
        writer.sheet.pen.ellipse((x, y, x + writer.size * 1.6, y + writer.size * 1.6), fill=writer.accent)
        return writer.write(x + writer.size * 2.2, y, title, 1.3, "bold", fill=writer.accent) + 3
    if style == 1:
        writer.sheet.box(x, y, width, writer.size * 1.7, fill=writer.accent)
        return writer.write(x + 5, y + 2, title.upper(), 1.1, "bold", fill=readable_ink(writer.accent)) + 5
    y = writer.write(x, y, title.upper() if style == 2 else title, 1.3, "bold", fill=writer.accent)
    writer.sheet.rule(x, y, x + width * (0.15 if style == 3 else 1), y, writer.accent, 2 if style == 3 else 1)
    return y + 5


def _skills(writer: Writer, x: float, y: float, width: float, bottom: float, fill: Color | None = None) -> float:
    """Draw names of skills or languages with their levels; return the y below."""
    kind = writer.words.one_of(*LEVELS)
    names = list(LANGUAGES[writer.words.language]) if writer.chance(0.4) else []
    color = writer.accent if fill is None else fill
    for number in range(writer.count(3, 7)):
        if y + writer.step > bottom:
            break
        name = names[number] if number < len(names) else writer.words.phrase(1, 1)[:14]
        writer.write(x, y, name, 0.95, fill=fill)
        writer.level(x + width * 0.55, y, width * 0.42, kind, color)
        y += writer.step * 1.15
    return y + 4


def _jobs(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    for _ in range(writer.count(1, 4)):
        if y + writer.step * 3 > bottom:
            break
        y = writer.write(x, y, entry_dates(writer), 0.85, "italic", fill=writer.accent)
        y = write_job(writer, x, y, width, bottom)
    return y


def _column(writer: Writer, titles: list[str], x: float, y: float, width: float, bottom: float, style: int) -> None:
    for number, title in enumerate(titles):
        if y + writer.step * 4 > bottom:
            return
        y = _title(writer, x, y + writer.size * 0.6, width, title, style)
        draw = writer.count(0, 3) if number else 0
        if draw == 0:
            y = _jobs(writer, x, y, width, bottom)
        elif draw == 1:
            y = _skills(writer, x, y, width, bottom)
        elif draw == 2:
            y = writer.prose(x, y, width, writer.words.paragraph(writer.count(15, 60)), bottom=bottom) + 4
        else:
            y = writer.items(x, y, width, writer.count(2, 5), bottom=bottom) + 4


def _banner_head(writer: Writer) -> float:
    """Draw a head with a name, contacts with icons and, in some CVs, a portrait; return the y below."""
    sheet, height = writer.sheet, writer.between(70, 170)
    sheet.box(0, 0, sheet.width, height, fill=writer.accent)
    ink, x = readable_ink(writer.accent), writer.between(25, 60)
    if writer.chance(0.5):
        side = min(height - 16, 110.0)
        writer.portrait(x, (height - side) / 2, side, side, oval=writer.chance(0.7))
        x += side + 18
    y = writer.write(x, height * 0.16, writer.words.person(), writer.between(1.8, 2.8), "bold", fill=ink)
    writer.write(x, y, job_title(writer), 1.1, fill=ink)
    if writer.chance(0.5):
        strip = writer.sheet.color(200, 245)
        sheet.box(0, height, sheet.width, writer.size * 2, fill=strip)
        left = 30.0
        for line in contact_lines(writer)[-3:]:
            writer.icon(left, height + writer.size * 0.4, BLACK)
            text = line[:30]
            writer.write(left + writer.size * 1.3, height + writer.size * 0.4, text, 0.85, fill=BLACK)
            left += writer.font(0.85).getlength(text) + writer.size * 3
        return height + writer.size * 3
    y = height * 0.15
    for line in contact_lines(writer)[:4]:
        writer.icon(sheet.width - 30, y, ink)
        y = writer.write(sheet.width - 36, y, line[:34], 0.85, fill=ink, anchor="ra") + 2
    return height + writer.size


def banner_cv(writer: Writer) -> None:
    """Draw a coloured head above one or two columns."""
    sheet, style = writer.sheet, writer.count(0, 4)
    y, edge = _banner_head(writer), writer.between(28, 55)
    titles = section_titles(writer)
    if writer.chance(0.4):
        _column(writer, titles, edge, y, sheet.width - 2 * edge, sheet.height - 35, style)
        return
    split = sheet.width * writer.between(0.35, 0.65)
    _column(writer, titles[:3], edge, y, split - edge - 12, sheet.height - 35, style)
    _column(writer, titles[3:], split + 12, y, sheet.width - split - 12 - edge, sheet.height - 35, style)


def equal_columns_cv(writer: Writer) -> None:
    """Draw two equal columns below a name, sometimes with a rule between them."""
    sheet, edge, style = writer.sheet, writer.between(28, 60), writer.count(0, 4)
    y = writer.write(sheet.width / 2, edge, writer.words.person(), writer.between(1.8, 3), "bold", anchor="ma")
    y = writer.write(sheet.width / 2, y, job_title(writer).upper(), 1, fill=writer.accent, anchor="ma")
    y = writer.write(sheet.width / 2, y + 3, " | ".join(contact_lines(writer)[-3:]), 0.85, anchor="ma") + 8
    middle, bottom, titles = sheet.width / 2, sheet.height - edge, section_titles(writer)
    if writer.chance(0.5):
        sheet.rule(middle, y, middle, bottom, writer.accent)
    _column(writer, titles[:3], edge, y, middle - edge - 12, bottom, style)
    _column(writer, titles[3:], middle + 12, y, middle - edge - 12, bottom, style)


def timeline_cv(writer: Writer) -> None:
    """Draw circles on a vertical line, with dates on their left and positions on their right."""
    sheet, edge = writer.sheet, writer.between(30, 60)
    y = edge
    if writer.chance(0.6):
        writer.portrait(sheet.width - edge - 85, edge * 0.7, 80, 80, oval=writer.chance(0.7))
    y = writer.write(edge, y, writer.words.person(), writer.between(1.8, 2.8), "bold", fill=writer.accent)
    for line in contact_lines(writer)[:4]:
        y = writer.write(edge, y, line, 0.9)
    axis, style = edge + writer.size * writer.between(7.5, 11), writer.count(0, 4)
    width, bottom = sheet.width - edge - axis - 14, sheet.height - edge
    for number, title in enumerate(section_titles(writer)):
        if y + writer.step * 5 > bottom:
            break
        top = y = _title(writer, axis + 14 if style > 1 else edge, y + writer.size, width * 0.9, title, style)
        if number > 2:
            y = _skills(writer, axis + 14, y, width * 0.7, bottom)
            continue
        for _ in range(writer.count(2, 4)):
            if y + writer.step * 2 > bottom:
                break
            writer.write(axis - 10, y, entry_dates(writer)[:11], 0.85, anchor="ra")
            ring = (axis - 4, y + 2, axis + 4, y + 10)
            sheet.pen.ellipse(ring, fill=writer.accent if number % 2 else None, outline=writer.accent, width=2)
            y = write_job(writer, axis + 14, y, width, bottom, remarks=2)
        sheet.rule(axis, top, axis, y - 4, writer.accent)


def panel_cv(writer: Writer) -> None:
    """Draw a coloured side panel with a round portrait, levels and interests next to a column of text."""
    sheet, side = writer.sheet, writer.sheet.width * writer.between(0.28, 0.4)
    fill = writer.accent if writer.chance(0.6) else sheet.color(180, 240)
    ink, left = readable_ink(fill), 0.0 if writer.chance(0.7) else writer.sheet.width - side
    sheet.box(left, 0, side, sheet.height, fill=fill)
    x, width, y = left + 16, side - 32, writer.between(20, 50)
    disc = min(width, writer.between(80, 130))
    if writer.chance(0.8):
        writer.portrait(x + (width - disc) / 2, y, disc, disc, oval=True)
        y += disc + 12
    y = writer.write(x + width / 2, y, writer.words.person()[:22], 1.5, "bold", fill=ink, anchor="ma")
    y = writer.write(x + width / 2, y, job_title(writer)[:24], 0.95, fill=ink, anchor="ma") + 10
    for line in contact_lines(writer):
        writer.icon(x, y, ink)
        y = writer.prose(x + writer.size * 1.4, y, width - writer.size * 1.4, line, 0.85, fill=ink) + 2
    titles = section_titles(writer)
    for title in titles[3 : 3 + writer.count(1, 3)]:
        if y > sheet.height - 120:
            break
        y = writer.write(x + width / 2, y + 10, f"- {title} -", 1.1, "bold", fill=ink, anchor="ma") + 3
        y = _skills(writer, x, y, width, sheet.height - 30, ink)
    start = side + 20 if left == 0 else 25
    _column(writer, titles[:4], start, 30, sheet.width - side - 45, sheet.height - 30, writer.count(0, 4))


def _dotted_frame(writer: Writer, edge: float) -> None:
    """Draw a dotted frame."""
    right, low = writer.sheet.width - edge, writer.sheet.height - edge
    dots = [(float(x), y) for x in range(int(edge), int(right), 5) for y in (edge, low)]
    dots += [(x, float(y)) for y in range(int(edge), int(low), 5) for x in (edge, right)]
    for x, y in dots:
        writer.sheet.pen.ellipse((x, y, x + 2, y + 2), fill=writer.accent)


def framed_cv(writer: Writer) -> None:
    """Draw titled blocks in a frame on white, black or a colour, with a box of addresses in a corner."""
    sheet, edge = writer.sheet, writer.between(16, 40)
    paper = sheet.image.getpixel((0, 0))
    if writer.chance(0.6):
        _dotted_frame(writer, edge)
    x, width = edge * 2, sheet.width - edge * 4
    top = writer.write(x + 15, edge * 2, writer.words.person(), writer.between(1.8, 2.8))
    top = writer.write(x + 15, top, "Curriculum vitae", 1.4, "italic", fill=writer.accent)
    below = edge * 1.5 + 8
    lines = contact_lines(writer)
    block = WHITE if paper != WHITE else (232, 232, 232)
    area = (sheet.width * 0.58, edge * 1.5, sheet.width - edge * 2, edge * 1.5 + 14 + len(lines) * writer.step)
    sheet.pen.rounded_rectangle(area, 6, fill=block, outline=writer.accent)
    for line in lines:
        below = writer.write(sheet.width * 0.58 + 10, below, line[:34], 0.85, fill=BLACK)
    y = max(top, below) + writer.between(15, 45)
    bottom = sheet.height - edge * 1.6
    for title in section_titles(writer):
        if y + writer.step * 4 > bottom:
            break
        y = writer.small_caps(x, y, title, 1.2, fill=writer.accent)
        sheet.rule(x, y, x + width, y, writer.accent)
        text = writer.words.paragraph(writer.count(25, 80))
        y = writer.prose(x + 15, y + 6, width - 15, text, justify=True, bottom=bottom)
        if writer.chance(0.4):
            y = writer.items(x + 25, y + 4, width - 25, writer.count(1, 3), mark="»", bottom=bottom)
        y += writer.between(6, 22)


def infographic_cv(writer: Writer) -> None:
    """Draw numbers in circles, rings and bars for skills, and a strip of years, with few words."""
    sheet, edge = writer.sheet, 30.0
    y, parts = _banner_head(writer) + 8, [_rings, _strip, _bars, _boxes]
    titles = iter(section_titles(writer) * 2)
    for number in [*sheet.rng.permutation(4), *sheet.rng.permutation(4)]:
        if y > sheet.height - 130:
            break
        y = _title(writer, edge, y, sheet.width - 2 * edge, next(titles), writer.count(2, 4))
        part: Callable[[Writer, float, float, float], float] = parts[number]
        y = part(writer, edge, y + 4, sheet.width - 2 * edge) + writer.between(8, 20)


def _rings(writer: Writer, x: float, y: float, width: float) -> float:
    count = writer.count(3, 6)
    gap, part_width = width / count, min(width / count * 0.7, 75.0)
    for number in range(count):
        left, share = x + number * gap + (gap - part_width) / 2, writer.between(0.25, 1)
        writer.sheet.pen.ellipse((left, y, left + part_width, y + part_width), outline=(205, 205, 205), width=6)
        ring = (left, y, left + part_width, y + part_width)
        writer.sheet.pen.arc(ring, -90, -90 + 360 * share, fill=writer.accent, width=6)
        writer.write(left + part_width / 2, y + part_width / 2, f"{share:.0%}", 1.1, "bold", anchor="mm")
        writer.write(left + part_width / 2, y + part_width + 4, writer.words.phrase(1, 1)[:12], 0.9, anchor="ma")
    return y + part_width + writer.size * 2


def _strip(writer: Writer, x: float, y: float, width: float) -> float:
    count = writer.count(3, 5)
    gap, middle = width / count, y + 10
    writer.sheet.rule(x, middle, x + width, middle, writer.accent, 3)
    for number in range(count):
        left = x + number * gap
        writer.sheet.pen.ellipse((left, middle - 7, left + 14, middle + 7), fill=writer.accent)
        below = writer.write(left, middle + 12, str(2000 + number * 5 + writer.count(0, 4)), 1.1, "bold")
        writer.prose(
            left, below, gap - 10, f"{job_title(writer)}. {entry_place(writer)}", 0.85, bottom=below + writer.step * 4
        )
    return middle + 12 + writer.step * 5.2


def _bars(writer: Writer, x: float, y: float, width: float) -> float:
    for _ in range(writer.count(3, 6)):
        share = writer.between(0.2, 1)
        writer.write(x, y, writer.words.phrase(1, 2)[:18])
        writer.sheet.box(x + width * 0.3, y + 1, width * 0.7 * share, writer.size * 0.9, fill=writer.accent)
        y += writer.step * 1.3
    return y


def _boxes(writer: Writer, x: float, y: float, width: float) -> float:
    count, height = writer.count(2, 4), writer.step * 6
    gap = width / count
    for number in range(count):
        left, fill = x + number * gap, writer.sheet.color(190, 250)
        writer.sheet.box(left, y, gap - 10, height, fill=fill)
        below = writer.write(left + 8, y + 6, writer.words.phrase(1, 1), 1.1, "bold", fill=BLACK)
        text = writer.words.paragraph(26)
        writer.prose(left + 8, below, gap - 26, text, 0.85, fill=BLACK, bottom=y + height)
    return y + height
