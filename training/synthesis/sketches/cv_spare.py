"""CVs with little colour: labels beside a vertical rule, a last page that holds two lines, a monospaced face."""

from typing import NamedTuple

from training.synthesis.sketches.cv_parts import (
    LANGUAGES,
    SECTIONS,
    contacts,
    footer,
    job,
    place,
    post,
    sections,
    years,
)
from training.synthesis.sketches.cv_typeset import CEFR
from training.synthesis.sketches.fonts import Face, faces, pick
from training.synthesis.sketches.sheet import BLACK, clip
from training.synthesis.sketches.writer import Writer, on


class Terms(NamedTuple):
    """What the form of the European Union calls its parts in one language."""

    facts: tuple[str, ...]
    entry: tuple[str, ...]
    skills: tuple[str, ...]
    level: tuple[str, ...]


TERMS = {
    "en": Terms(
        ("Surname(s) / First name(s)", "Address(es)", "Telephone(s)", "E-mail", "Nationality", "Date of birth"),
        ("Dates", "Occupation or position held", "Main activities and responsibilities", "Name of employer"),
        ("Understanding", "Speaking", "Writing"),
        ("Listening", "Reading", "Interaction", "Production", "European level"),
    ),
    "fr": Terms(
        ("Nom(s) / Prénom(s)", "Adresse(s)", "Téléphone(s)", "Courrier électronique", "Nationalité", "Naissance"),
        ("Dates", "Fonction ou poste occupé", "Principales activités", "Nom de l'employeur"),
        ("Comprendre", "Parler", "Écrire"),
        ("Écouter", "Lire", "Conversation", "Oral en continu", "Niveau européen"),
    ),
    "de": Terms(
        ("Nachname(n) / Vorname(n)", "Adresse(n)", "Telefon", "E-Mail", "Staatsangehörigkeit", "Geburtsdatum"),
        ("Zeitraum", "Beruf oder Funktion", "Wichtigste Tätigkeiten", "Name des Arbeitgebers"),
        ("Verstehen", "Sprechen", "Schreiben"),
        ("Hören", "Lesen", "Gespräche", "Sprechen", "Europäische Stufe"),
    ),
    "es": Terms(
        ("Apellido(s) / Nombre(s)", "Dirección", "Teléfono(s)", "Correo electrónico", "Nacionalidad", "Nacimiento"),
        ("Fechas", "Profesión o cargo", "Funciones principales", "Nombre de la empresa"),
        ("Comprensión", "Habla", "Escritura"),
        ("Auditiva", "Lectura", "Interacción", "Capacidad oral", "Nivel europeo"),
    ),
    "it": Terms(
        ("Cognome / Nome", "Indirizzo", "Telefono", "E-mail", "Cittadinanza", "Data di nascita"),
        ("Date", "Lavoro o posizione ricoperti", "Principali attività", "Datore di lavoro"),
        ("Comprensione", "Parlato", "Scritto"),
        ("Ascolto", "Lettura", "Interazione", "Produzione", "Livello europeo"),
    ),
    "nl": Terms(
        ("Achternaam / Voornaam", "Adres", "Telefoon", "E-mail", "Nationaliteit", "Geboortedatum"),
        ("Data", "Functie", "Voornaamste werkzaamheden", "Werkgever"),
        ("Begrijpen", "Spreken", "Schrijven"),
        ("Luisteren", "Lezen", "Interactie", "Productie", "Europees niveau"),
    ),
    "pt": Terms(
        ("Apelido(s) / Nome(s)", "Morada(s)", "Telefone(s)", "Correio eletrónico", "Nacionalidade", "Nascimento"),
        ("Datas", "Função ou cargo", "Principais atividades", "Nome do empregador"),
        ("Compreensão", "Conversação", "Escrita"),
        ("Oral", "Leitura", "Interação", "Produção", "Nível europeu"),
    ),
}
"""By language."""


def ruled_labels(writer: Writer) -> None:
    """The older form of the European Union: labels flush right before a rule, narrow type, a table of languages."""
    sheet = writer.sheet
    writer.face, writer.accent, writer.size = _narrow(writer), BLACK, writer.size * 0.95
    margin = writer.between(30, 75)
    split, bottom = margin + (sheet.width - 2 * margin) * writer.between(0.27, 0.34), sheet.height - margin
    room = sheet.width - margin - split - 10
    names, titles, y = SECTIONS[writer.words.language], sections(writer), margin
    if writer.chance(0.65):
        y = _facts(writer, split, margin, room)
    else:
        titles = titles[1:]
    for title in titles:
        if y + writer.step * 7 > bottom:
            break
        y = _label(writer, split, y + writer.size * 1.3, title, bold=True) + writer.step * 1.15
        if title == names[3]:
            y = _languages(writer, split, y, room)
        elif title in names[:2]:
            y = _posts(writer, split, y, room, bottom)
        else:
            y = writer.prose(split + 10, y - writer.step * 1.15, room, writer.words.paragraph(39), bottom=bottom)
    sheet.rule(split + 2, margin, split + 2, bottom)
    page = f"{writer.count(1, 2)}/3 - Curriculum vitae"
    writer.write(split - 4, bottom + writer.size, page, 0.8, anchor="ra")
    writer.write(split + 10, bottom + writer.size, writer.words.person(), 0.8)


def _narrow(writer: Writer) -> Face:
    """Return a condensed typeface, or whatever stands in for one."""
    narrow = [face for face in faces("sans") if "Narrow" in face.regular.stem or "Condensed" in face.regular.stem]
    return narrow[writer.count(0, len(narrow) - 1)] if narrow and writer.chance(0.7) else writer.face


def _label(writer: Writer, split: float, y: float, text: str, *, bold: bool = False) -> float:
    """Write what stands before the rule and return the y of the line it is on."""
    writer.write(split - 4, y, text, 1.1 if bold else 0.95, "bold" if bold else "regular", anchor="ra")
    return y


def _facts(writer: Writer, split: float, y: float, room: float) -> float:
    """Who it is: name, address and the rest, each beside its label."""
    words = writer.words
    writer.sheet.logo(split - 40, y, 30, writer.sheet.color(20, 150))
    writer.write(split - 4, y + 36, "Curriculum Vitae", 1.6, "bold", anchor="ra")
    y += 36 + writer.step * 2.5
    answers = [words.person(), ", ".join(words.address()), *contacts(writer)[-2:], words.phrase(1, 1), words.date()]
    for number, (label, answer) in enumerate(zip(terms(writer).facts, answers, strict=True)):
        _label(writer, split, y, label)
        text = clip(answer, writer.font(1.3 if number == 0 else 1, "bold"), room)
        y = writer.write(split + 10, y, text, 1.3 if number == 0 else 1, "regular" if number else "bold") + 3
    return y


def terms(writer: Writer) -> Terms:
    """Return the form's terms in the writer's language."""
    return TERMS[writer.words.language]


def _posts(writer: Writer, split: float, y: float, room: float, bottom: float) -> float:
    """Entries of which every line has a label of its own."""
    for _ in range(writer.count(1, 3)):
        answers = [years(writer), post(writer), writer.words.paragraph(writer.count(13, 39)), place(writer)]
        for label, answer in zip(terms(writer).entry, answers, strict=True):
            if y + writer.step * 2 > bottom:
                return y
            _label(writer, split, y, label)
            y = writer.prose(split + 10, y, room, answer, bottom=bottom)
        y += writer.size * 0.8
    return y


def _languages(writer: Writer, split: float, y: float, room: float) -> float:
    """How well each language is heard, read, spoken and written, in a table with two rows of heads."""
    sheet, own, cell, small = writer.sheet, terms(writer), room / 5, writer.font(0.85)
    names = LANGUAGES[writer.words.language]
    _label(writer, split, y, own.level[4])
    y = sheet.table(split + 10, y, [cell * 2, cell * 2, cell], [own.skills], writer.font(0.85, "bold"), line=BLACK)
    y = sheet.table(split + 10, y, [cell] * 5, [[*own.level[:4], ""]], small, line=BLACK)
    for number in sheet.rng.permutation(len(names))[: writer.count(1, 4)]:
        _label(writer, split, y + 3, names[number], bold=True)
        row = [f"{writer.words.one_of(*CEFR)} {writer.words.phrase(1, 1)}" for _ in range(5)]
        y = sheet.table(split + 10, y, [cell] * 5, [row], small, line=BLACK)
    return y + writer.size


def remainder(writer: Writer) -> None:
    """A last page that holds only the languages, in the decoration of those before it."""
    sheet, margin = writer.sheet, writer.between(40, 85)
    if writer.accent == BLACK or writer.chance(0.3):
        writer.accent = sheet.color(20, 170)
    hint = sheet.width * writer.between(0.12, 0.22)
    y, room = _decoration(writer, margin, hint), sheet.width - 2 * margin
    names = SECTIONS[writer.words.language]
    titles = [names[3], names[6], names[2]][: 1 if writer.chance(0.65) else writer.count(2, 3)]
    for title in titles:
        writer.sheet.box(margin, y + writer.size * 0.5, hint - 8, writer.size * 0.35, fill=writer.accent)
        y = writer.write(margin + hint, y, title, 1.35, fill=writer.accent) + 4
        for number in sheet.rng.permutation(6)[: writer.count(1, 3)]:
            language = LANGUAGES[writer.words.language][number] if title == names[3] else writer.words.phrase(1, 1)
            writer.write(margin + hint - 8, y, clip(language, writer.font(), hint - 8), anchor="ra")
            if writer.chance(0.25):
                writer.level(margin + hint, y, 70, writer.words.one_of("bar", "dots"), writer.accent)
                y += writer.step
            else:
                y = writer.prose(margin + hint, y, room - hint, writer.words.phrase(1, 6)) + 2
        y += writer.size
    if writer.chance(0.6):
        footer(writer, margin, writer.words.person())


def _decoration(writer: Writer, margin: float, hint: float) -> float:
    """Draw the edge, strip, column or line that every page of the theme has; return the y to begin at."""
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


def monospaced(writer: Writer) -> None:
    """A plain CV in the typeface of a machine: headings between rules, dates in a column, bars for skills."""
    sheet = writer.sheet
    writer.face = pick("mono" if writer.chance(0.6) else "typewriter", sheet.rng)
    writer.size, writer.accent = writer.between(7.5, 9.5), sheet.color(0, 110) if writer.chance(0.3) else BLACK
    margin, style = writer.between(35, 70), writer.count(0, 3)
    room, bottom = sheet.width - 2 * margin, sheet.height - margin
    middle, name = writer.chance(0.5), writer.words.person()
    x, anchor = (sheet.width / 2, "ma") if middle else (margin, "la")
    y = writer.write(x, margin * 0.8, name.upper(), writer.between(1.5, 2.2), "bold", fill=writer.accent, anchor=anchor)
    y = writer.write(x, y, post(writer), anchor=anchor)
    for line in (" | ".join(contacts(writer)[-2:]), ", ".join(writer.words.address())):
        y = writer.write(x, y, clip(line, writer.font(0.9), room), 0.9, anchor=anchor)
    names = SECTIONS[writer.words.language]
    for title in sections(writer):
        if y + writer.step * 4 > bottom:
            break
        y = _machine_title(writer, margin, y + writer.size, room, title, style)
        if title in (names[2], names[3]):
            y = _bars(writer, margin, y, room, bottom, languages=title == names[3])
        elif title in (names[0], names[1]):
            y = _machine_jobs(writer, margin, y, room, bottom)
        else:
            y = writer.prose(margin, y, room, writer.words.paragraph(writer.count(13, 40)), bottom=bottom)


def _machine_title(writer: Writer, x: float, y: float, room: float, title: str, style: int) -> float:
    sheet = writer.sheet
    if style == 0:
        sheet.box(x, y, room, writer.size * 1.6, fill=writer.accent)
        return writer.write(x + 5, y + 1, title.upper(), 1.05, "bold", fill=on(writer.accent)) + 5
    if style == 1:
        sheet.rule(x, y - 3, x + room, y - 3, writer.accent)
    y = writer.write(x, y, f"## {title}" if style == 3 else title.upper(), 1.15, "bold", fill=writer.accent) + 2
    sheet.rule(x, y, x + room, y, writer.accent, 1 if style == 1 else 2)
    return y + 4


def _machine_jobs(writer: Writer, x: float, y: float, room: float, bottom: float) -> float:
    column = writer.font().getlength("00/0000 - 00/0000") + 10
    for _ in range(writer.count(2, 5)):
        if y + writer.step * 2 > bottom:
            break
        writer.write(x, y, years(writer))
        y = job(writer, x + column, y, room - column, bottom, mark="-")
    return y


def _bars(writer: Writer, x: float, y: float, room: float, bottom: float, *, languages: bool) -> float:
    """Skills in one or two columns, with bars that are drawn or made of signs."""
    columns, signs = writer.count(1, 2), writer.chance(0.45)
    wide, names = room / columns, LANGUAGES[writer.words.language]
    for row in range(writer.count(1, 4)):
        if y + writer.step * 1.3 > bottom:
            break
        for column in range(columns):
            left, known = x + column * wide, writer.count(3, 10)
            name = names[row] if languages and column == 0 else writer.words.phrase(1, 1)
            writer.write(left, y, clip(name, writer.font(), wide * 0.4))
            if signs:
                writer.write(left + wide * 0.45, y, f"[{'#' * known}{'-' * (10 - known)}]")
            else:
                writer.level(left + wide * 0.45, y, min(wide * 0.45, 130), "bar", writer.accent)
        y += writer.step * 1.25
    return y
