"""Parts of CVs: headings in several languages, jobs, publications and contacts."""

from training.synthesis.raster_layouts.writer import Writer

SECTIONS = {
    "en": ("Experience", "Education", "Skills", "Languages", "Profile", "Projects", "References"),
    "fr": ("Expérience", "Formation", "Compétences", "Langues", "Profil", "Projets", "Références"),
    "de": ("Berufserfahrung", "Ausbildung", "Kenntnisse", "Sprachen", "Profil", "Projekte", "Referenzen"),
    "es": ("Experiencia", "Formación", "Competencias", "Idiomas", "Perfil", "Proyectos", "Referencias"),
    "it": ("Esperienza", "Istruzione", "Competenze", "Lingue", "Profilo", "Progetti", "Referenze"),
    "nl": ("Werkervaring", "Opleiding", "Vaardigheden", "Talen", "Profiel", "Projecten", "Referenties"),
    "pt": ("Experiência", "Formação", "Competências", "Idiomas", "Perfil", "Projetos", "Referências"),
}

ACADEMIC = {
    "en": ("Publications", "Teaching", "Grants", "Conferences", "Awards", "Service"),
    "fr": ("Publications", "Enseignement", "Financements", "Conférences", "Prix", "Responsabilités"),
    "de": ("Publikationen", "Lehre", "Drittmittel", "Vorträge", "Preise", "Gremien"),
    "es": ("Publicaciones", "Docencia", "Becas", "Congresos", "Premios", "Gestión"),
    "it": ("Pubblicazioni", "Didattica", "Finanziamenti", "Convegni", "Premi", "Incarichi"),
    "nl": ("Publicaties", "Onderwijs", "Beurzen", "Conferenties", "Prijzen", "Bestuur"),
    "pt": ("Publicações", "Ensino", "Bolsas", "Conferências", "Prémios", "Gestão"),
}

LANGUAGES = {
    "en": ("English", "French", "German", "Spanish", "Italian", "Dutch"),
    "fr": ("Anglais", "Français", "Allemand", "Espagnol", "Italien", "Néerlandais"),
    "de": ("Englisch", "Französisch", "Deutsch", "Spanisch", "Italienisch", "Niederländisch"),
    "es": ("Inglés", "Francés", "Alemán", "Español", "Italiano", "Neerlandés"),
    "it": ("Inglese", "Francese", "Tedesco", "Spagnolo", "Italiano", "Olandese"),
    "nl": ("Engels", "Frans", "Duits", "Spaans", "Italiaans", "Nederlands"),
    "pt": ("Inglês", "Francês", "Alemão", "Espanhol", "Italiano", "Holandês"),
}

TITLES = ("Curriculum vitae", "Curriculum Vitae", "CURRICULUM VITÆ", "Résumé", "Lebenslauf", "CV")


def section_titles(writer: Writer) -> list[str]:
    """Return section headings in random order, work and education early."""
    names = SECTIONS[writer.words.language]
    first = [names[0], names[1]] if writer.chance(0.6) else [names[1], names[0]]
    rest = [names[number] for number in writer.sheet.rng.permutation([2, 3, 5, 6])]
    return [names[4], *first, *rest] if writer.chance(0.4) else [*first, *rest]


def contact_lines(writer: Writer) -> list[str]:
    """Return contact details as lines."""
    words = writer.words
    lines = [*words.address(), words.fake.phone_number(), words.fake.email(), words.fake.url()]
    return lines[: writer.count(3, len(lines))]


def entry_dates(writer: Writer) -> str:
    """Return the dates of an entry: years, months or a single year."""
    start = writer.count(1985, 2023)
    end = start + writer.count(1, 5)
    kind = writer.count(0, 4)
    if kind == 0:
        return str(start)
    if kind == 1:
        return f"{writer.count(1, 12):02d}/{start} - {writer.count(1, 12):02d}/{end}"
    return f"{start}-{end}" if kind < 4 else f"{start} -"


def job_title(writer: Writer) -> str:
    """Return a job title."""
    return writer.words.fake.job()[:44]


def entry_place(writer: Writer) -> str:
    """Return the place of a job or degree."""
    return f"{writer.words.firm()}, {writer.words.fake.city()}"


def write_job(
    writer: Writer, x: float, y: float, width: float, bottom: float, *, remarks: int = 3, mark: str = "•"
) -> float:
    """Write one entry without its dates and return the y below it."""
    if y + writer.step * 2 > bottom:
        return bottom
    if writer.chance(0.3):
        y = writer.prose(x, y, width, f"{job_title(writer)}, {entry_place(writer)}.", bottom=bottom)
    else:
        y = writer.prose(x, y, width, job_title(writer), style="bold", bottom=bottom)
        y = writer.prose(x, y, width, entry_place(writer), style="italic", bottom=bottom)
    if writer.chance(0.35):
        y = writer.prose(x, y, width, writer.words.paragraph(13 * remarks), bottom=bottom, justify=writer.chance(0.5))
    else:
        y = writer.items(x + 4, y, width - 4, writer.count(0, remarks), mark=mark, bottom=bottom)
    return y + writer.size * writer.between(0.2, 0.8)


def publication_reference(writer: Writer) -> str:
    """Return a reference for a list of publications."""
    words = writer.words
    names = ", ".join(words.person() for _ in range(writer.count(1, 3)))
    where = f"{words.phrase(2, 4)}, {words.number(2)}({words.number(1)}):{words.number(3)}-{words.number(3)}"
    return f"{names}. {words.phrase(5, 13)}. {where}, {writer.count(1985, 2025)}."


def write_footer(writer: Writer, margin: float, name: str) -> None:
    """Write a name and page number at the foot, or only a number."""
    sheet, y = writer.sheet, writer.sheet.height - margin * 0.6
    last = writer.count(1, 5)
    page = writer.words.one_of(f"{writer.count(1, last)}/{last}", str(last), f"Page {last}")
    if writer.chance(0.4):
        writer.write(sheet.width / 2, y, page, 0.85, anchor="ma")
        return
    if writer.chance(0.3):
        sheet.rule(margin, y - 4, sheet.width - margin, y - 4, writer.accent)
    writer.write(margin, y, f"CV {name}" if writer.chance(0.5) else name, 0.85, "italic")
    writer.write(sheet.width - margin, y, page, 0.85, anchor="ra")
