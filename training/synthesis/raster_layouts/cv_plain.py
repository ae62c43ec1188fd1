"""CVs with little colour: labels next to a vertical rule, a nearly empty last page, a monospaced face."""

from typing import NamedTuple

from training.synthesis.raster_layouts.cv_parts import (
    LANGUAGES,
    SECTIONS,
    contact_lines,
    entry_dates,
    entry_place,
    job_title,
    section_titles,
    write_footer,
    write_job,
)
from training.synthesis.raster_layouts.cv_typeset import CEFR
from training.synthesis.raster_layouts.fonts import Face, choose_face, faces
from training.synthesis.raster_layouts.sheet import BLACK, clip_text
from training.synthesis.raster_layouts.writer import Writer, readable_ink


class EuropassTerms(NamedTuple):
    """The headings of the European Union's CV form in one language."""

    facts: tuple[str, ...]
    entry: tuple[str, ...]
    skills: tuple[str, ...]
    level: tuple[str, ...]


TERMS = {
    "en": EuropassTerms(
        ("Surname(s) / First name(s)", "Address(es)", "Telephone(s)", "E-mail", "Nationality", "Date of birth"),
        ("Dates", "Occupation or position held", "Main activities and responsibilities", "Name of employer"),
        ("Understanding", "Speaking", "Writing"),
        ("Listening", "Reading", "Interaction", "Production", "European level"),
    ),
    "fr": EuropassTerms(
        ("Nom(s) / Prénom(s)", "Adresse(s)", "Téléphone(s)", "Courrier électronique", "Nationalité", "Naissance"),
        ("Dates", "Fonction ou poste occupé", "Principales activités", "Nom de l'employeur"),
        ("Comprendre", "Parler", "Écrire"),
        ("Écouter", "Lire", "Conversation", "Oral en continu", "Niveau européen"),
    ),
    "de": EuropassTerms(
        ("Nachname(n) / Vorname(n)", "Adresse(n)", "Telefon", "E-Mail", "Staatsangehörigkeit", "Geburtsdatum"),
        ("Zeitraum", "Beruf oder Funktion", "Wichtigste Tätigkeiten", "Name des Arbeitgebers"),
        ("Verstehen", "Sprechen", "Schreiben"),
        ("Hören", "Lesen", "Gespräche", "Sprechen", "Europäische Stufe"),
    ),
    "es": EuropassTerms(
        ("Apellido(s) / Nombre(s)", "Dirección", "Teléfono(s)", "Correo electrónico", "Nacionalidad", "Nacimiento"),
        ("Fechas", "Profesión o cargo", "Funciones principales", "Nombre de la empresa"),
        ("Comprensión", "Habla", "Escritura"),
        ("Auditiva", "Lectura", "Interacción", "Capacidad oral", "Nivel europeo"),
    ),
    "it": EuropassTerms(
        ("Cognome / Nome", "Indirizzo", "Telefono", "E-mail", "Cittadinanza", "Data di nascita"),
        ("Date", "Lavoro o posizione ricoperti", "Principali attività", "Datore di lavoro"),
        ("Comprensione", "Parlato", "Scritto"),
        ("Ascolto", "Lettura", "Interazione", "Produzione", "Livello europeo"),
    ),
    "nl": EuropassTerms(
        ("Achternaam / Voornaam", "Adres", "Telefoon", "E-mail", "Nationaliteit", "Geboortedatum"),
        ("Data", "Functie", "Voornaamste werkzaamheden", "Werkgever"),
        ("Begrijpen", "Spreken", "Schrijven"),
        ("Luisteren", "Lezen", "Interactie", "Productie", "Europees niveau"),
    ),
    "pt": EuropassTerms(
        ("Apelido(s) / Nome(s)", "Morada(s)", "Telefone(s)", "Correio eletrónico", "Nacionalidade", "Nascimento"),
        ("Datas", "Função ou cargo", "Principais atividades", "Nome do empregador"),
        ("Compreensão", "Conversação", "Escrita"),
        ("Oral", "Leitura", "Interação", "Produção", "Nível europeu"),
    ),
}
"""Headings by language."""


def ruled_labels_cv(writer: Writer) -> None:
    """Draw the older CV form of the European Union: labels flush right at a rule, and a table of languages."""
    sheet = writer.sheet
    writer.face, writer.accent, writer.size = _narrow_face(writer), BLACK, writer.size * 0.95
    margin = writer.between(30, 75)
    split, bottom = margin + (sheet.width - 2 * margin) * writer.between(0.27, 0.34), sheet.height - margin
    width = sheet.width - margin - split - 10
    names, titles, y = SECTIONS[writer.words.language], section_titles(writer), margin
    if writer.chance(0.65):
        y = _personal_details(writer, split, margin, width)
    else:
        titles = titles[1:]
    for title in titles:
        if y + writer.step * 7 > bottom:
            break
        y = _label(writer, split, y + writer.size * 1.3, title, bold=True) + writer.step * 1.15
        if title == names[3]:
            y = _languages(writer, split, y, width)
        elif title in names[:2]:
            y = _positions(writer, split, y, width, bottom)
        else:
            y = writer.prose(split + 10, y - writer.step * 1.15, width, writer.words.paragraph(39), bottom=bottom)
    sheet.rule(split + 2, margin, split + 2, bottom)
    page = f"{writer.count(1, 2)}/3 - Curriculum vitae"
    writer.write(split - 4, bottom + writer.size, page, 0.8, anchor="ra")
    writer.write(split + 10, bottom + writer.size, writer.words.person(), 0.8)


def _narrow_face(writer: Writer) -> Face:
    """Return a condensed typeface, or a substitute if none is installed."""
    narrow = [face for face in faces("sans") if "Narrow" in face.regular.stem or "Condensed" in face.regular.stem]
    return narrow[writer.count(0, len(narrow) - 1)] if narrow and writer.chance(0.7) else writer.face


def _label(writer: Writer, split: float, y: float, text: str, *, bold: bool = False) -> float:
    """Write a label to the left of the rule and return the y of its line."""
    writer.write(split - 4, y, text, 1.1 if bold else 0.95, "bold" if bold else "regular", anchor="ra")
    return y


def _personal_details(writer: Writer, split: float, y: float, width: float) -> float:
    """Write the personal details, each next to its label; return the y below."""
    words = writer.words
    writer.sheet.logo(split - 40, y, 30, writer.sheet.color(20, 150))
    writer.write(split - 4, y + 36, "Curriculum Vitae", 1.6, "bold", anchor="ra")
    y += 36 + writer.step * 2.5
    answers = [
        words.person(),
        ", ".join(words.address()),
        *contact_lines(writer)[-2:],
        words.phrase(1, 1),
        words.date(),
    ]
    for number, (label, answer) in enumerate(zip(europass_terms(writer).facts, answers, strict=True)):
        _label(writer, split, y, label)
        text = clip_text(answer, writer.font(1.3 if number == 0 else 1, "bold"), width)
        y = writer.write(split + 10, y, text, 1.3 if number == 0 else 1, "regular" if number else "bold") + 3
    return y


def europass_terms(writer: Writer) -> EuropassTerms:
    """Return the form's headings in the writer's language."""
    return TERMS[writer.words.language]


def _positions(writer: Writer, split: float, y: float, width: float, bottom: float) -> float:
    """Write positions with a label for every line; return the y below."""
    for _ in range(writer.count(1, 3)):
        answers = [
            entry_dates(writer),
            job_title(writer),
            writer.words.paragraph(writer.count(13, 39)),
            entry_place(writer),
        ]
        for label, answer in zip(europass_terms(writer).entry, answers, strict=True):
            if y + writer.step * 2 > bottom:
                return y
            _label(writer, split, y, label)
            y = writer.prose(split + 10, y, width, answer, bottom=bottom)
        y += writer.size * 0.8
    return y


def _languages(writer: Writer, split: float, y: float, width: float) -> float:
    """Draw a table of language skills with two heading rows; return the y below."""
    sheet, own, cell, small = writer.sheet, europass_terms(writer), width / 5, writer.font(0.85)
    names = LANGUAGES[writer.words.language]
    _label(writer, split, y, own.level[4])
    y = sheet.table(split + 10, y, [cell * 2, cell * 2, cell], [own.skills], writer.font(0.85, "bold"), line=BLACK)
    y = sheet.table(split + 10, y, [cell] * 5, [[*own.level[:4], ""]], small, line=BLACK)
    for number in sheet.rng.permutation(len(names))[: writer.count(1, 4)]:
        _label(writer, split, y + 3, names[number], bold=True)
        row = [f"{writer.words.one_of(*CEFR)} {writer.words.phrase(1, 1)}" for _ in range(5)]
        y = sheet.table(split + 10, y, [cell] * 5, [row], small, line=BLACK)
    return y + writer.size


def last_page_cv(writer: Writer) -> None:
    """Draw a last page that holds only the languages, with the decoration of the pages before it."""
    sheet, margin = writer.sheet, writer.between(40, 85)
    if writer.accent == BLACK or writer.chance(0.3):
        writer.accent = sheet.color(20, 170)
    hint = sheet.width * writer.between(0.12, 0.22)
    y, width = _decoration(writer, margin, hint), sheet.width - 2 * margin
    names = SECTIONS[writer.words.language]
    titles = [names[3], names[6], names[2]][: 1 if writer.chance(0.65) else writer.count(2, 3)]
    for title in titles:
        writer.sheet.box(margin, y + writer.size * 0.5, hint - 8, writer.size * 0.35, fill=writer.accent)
        y = writer.write(margin + hint, y, title, 1.35, fill=writer.accent) + 4
        for number in sheet.rng.permutation(6)[: writer.count(1, 3)]:
            language = LANGUAGES[writer.words.language][number] if title == names[3] else writer.words.phrase(1, 1)
            writer.write(margin + hint - 8, y, clip_text(language, writer.font(), hint - 8), anchor="ra")
            if writer.chance(0.25):
                writer.level(margin + hint, y, 70, writer.words.one_of("bar", "dots"), writer.accent)
                y += writer.step
            else:
                y = writer.prose(margin + hint, y, width - hint, writer.words.phrase(1, 6)) + 2
        y += writer.size
    if writer.chance(0.6):
        write_footer(writer, margin, writer.words.person())


def _decoration(writer: Writer, margin: float, hint: float) -> float:
    """Draw the theme's edge, strip, column or line; return the y below."""
    sheet, kind = writer.sheet, writer.count(0, 4)
    if kind == 0:
        sheet.box(0, 0, writer.between(6, min(35, margin - 4)), sheet.height, fill=writer.accent)
    elif kind == 1:
        sheet.box(0, 0, sheet.width, writer.between(6, 30), fill=writer.accent)
    elif kind == 2:
        sheet.rule(margin + hint - 4, margin * 0.7, margin + hint - 4, sheet.height - margin, writer.accent)
    elif kind == 3:
        sheet.box(sheet.width - margin * 0.6, 0, margin * 0.6, sheet.height, fill=writer.accent)
    else:
        writer.write(sheet.width - margin, margin * 0.5, writer.words.person(), 0.9, fill=writer.accent, anchor="ra")
        line = margin * 0.5 + writer.step
        sheet.rule(margin, line, sheet.width - margin, line, writer.accent, writer.count(1, 3))
    return margin + writer.between(0, 12)


def monospaced_cv(writer: Writer) -> None:
    """Draw a plain monospaced CV: headings between rules, dates in a column, bars for skills."""
    sheet = writer.sheet
    writer.face = choose_face("mono" if writer.chance(0.6) else "typewriter", sheet.rng)
    writer.size, writer.accent = writer.between(7.5, 9.5), sheet.color(0, 110) if writer.chance(0.3) else BLACK
    margin, style = writer.between(35, 70), writer.count(0, 3)
    width, bottom = sheet.width - 2 * margin, sheet.height - margin
    middle, name = writer.chance(0.5), writer.words.person()
    x, anchor = (sheet.width / 2, "ma") if middle else (margin, "la")
    y = writer.write(x, margin * 0.8, name.upper(), writer.between(1.5, 2.2), "bold", fill=writer.accent, anchor=anchor)
    y = writer.write(x, y, job_title(writer), anchor=anchor)
    for line in (" | ".join(contact_lines(writer)[-2:]), ", ".join(writer.words.address())):
        y = writer.write(x, y, clip_text(line, writer.font(0.9), width), 0.9, anchor=anchor)
    names = SECTIONS[writer.words.language]
    for title in section_titles(writer):
        if y + writer.step * 4 > bottom:
            break
        y = _monospaced_title(writer, margin, y + writer.size, width, title, style)
        if title in (names[2], names[3]):
            y = _skill_bars(writer, margin, y, width, bottom, languages=title == names[3])
        elif title in (names[0], names[1]):
            y = _monospaced_jobs(writer, margin, y, width, bottom)
        else:
            y = writer.prose(margin, y, width, writer.words.paragraph(writer.count(13, 40)), bottom=bottom)


def _monospaced_title(writer: Writer, x: float, y: float, width: float, title: str, style: int) -> float:
    sheet = writer.sheet
    if style == 0:
        sheet.box(x, y, width, writer.size * 1.6, fill=writer.accent)
        return writer.write(x + 5, y + 1, title.upper(), 1.05, "bold", fill=readable_ink(writer.accent)) + 5
    if style == 1:
        sheet.rule(x, y - 3, x + width, y - 3, writer.accent)
    y = writer.write(x, y, f"## {title}" if style == 3 else title.upper(), 1.15, "bold", fill=writer.accent) + 2
    sheet.rule(x, y, x + width, y, writer.accent, 1 if style == 1 else 2)
    return y + 4


def _monospaced_jobs(writer: Writer, x: float, y: float, width: float, bottom: float) -> float:
    column = writer.font().getlength("00/0000 - 00/0000") + 10
    for _ in range(writer.count(2, 5)):
        if y + writer.step * 2 > bottom:
            break
        writer.write(x, y, entry_dates(writer))
        y = write_job(writer, x + column, y, width - column, bottom, mark="-")
    return y


def _skill_bars(writer: Writer, x: float, y: float, width: float, bottom: float, *, languages: bool) -> float:
    """Draw skills in one or two columns, with bars drawn or composed of characters; return the y below."""
    columns, signs = writer.count(1, 2), writer.chance(0.45)
    part_width, names = width / columns, LANGUAGES[writer.words.language]
    for row in range(writer.count(1, 4)):
        if y + writer.step * 1.3 > bottom:
            break
        for column in range(columns):
            left, known = x + column * part_width, writer.count(3, 10)
            name = names[row] if languages and column == 0 else writer.words.phrase(1, 1)
            writer.write(left, y, clip_text(name, writer.font(), part_width * 0.4))
            if signs:
                writer.write(left + part_width * 0.45, y, f"[{'#' * known}{'-' * (10 - known)}]")
            else:
                writer.level(left + part_width * 0.45, y, min(part_width * 0.45, 130), "bar", writer.accent)
        y += writer.step * 1.25
    return y
