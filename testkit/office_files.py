"""Office documents, text and mail, made by the libraries that are in common use."""

import io
import zipfile
from collections.abc import Callable, Mapping
from email.message import EmailMessage

import docx
import openpyxl
import pptx
from PIL import Image

from testkit.documents import numbered_document

TEXTS = (
    "Invoice 2026-117. Please pay 1,234.56 EUR within 30 days.",
    "Dear Sir or Madam, we thank you for your letter of 3 May.",
    "Minutes of the meeting on 12 March, attended by all members.",
    "Curriculum vitae. Education, employment and references.",
    "Report on the measurements of the second quarter.",
    "Übersicht der Ausgaben, naïve résumé, señor, smørrebrød.",
)
"""Texts of one document each."""


def word(text: str, paragraphs: int = 8) -> bytes:
    """Make a text document (DOCX) with a heading, paragraphs and a table."""
    document = docx.Document()
    document.add_heading(text.partition(".")[0], 1)
    for _ in range(paragraphs):
        document.add_paragraph(text)
    table = document.add_table(rows=3, cols=3)
    for row in table.rows:
        for cell in row.cells:
            cell.text = "cell"
    return _saved(document.save)


def spreadsheet(text: str, rows: int = 40) -> bytes:
    """Make a spreadsheet (XLSX) with numbers and formulas."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append([text])
    for number in range(1, rows):
        sheet.append([number, f"item {number}", number * 1.25, f"=C{number + 1}*2"])
    return _saved(book.save)


def presentation(text: str, slides: int = 3) -> bytes:
    """Make a presentation (PPTX)."""
    deck = pptx.Presentation()
    for number in range(slides):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = f"{number + 1}. {text.partition('.')[0]}"
        slide.placeholders[1].text = text
    return _saved(deck.save)


def open_document(text: str) -> bytes:
    """Make a text document (ODT)."""
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content office:version="1.2" '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text>'
        f"<text:p>{text}</text:p></office:text></office:body></office:document-content>"
    )
    return _open_document_package("text", content)


def open_spreadsheet(text: str) -> bytes:
    """Make a spreadsheet (ODS)."""
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content office:version="1.2" '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        '<table:table table:name="Sheet1"><table:table-row><table:table-cell office:value-type="string">'
        f"<text:p>{text}</text:p></table:table-cell></table:table-row></table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    return _open_document_package("spreadsheet", content)


def _open_document_package(kind: str, content: str) -> bytes:
    media_type = f"application/vnd.oasis.opendocument.{kind}"
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{media_type}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    return archive(
        {"mimetype": media_type.encode(), "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()}
    )


def rich_text(text: str) -> bytes:
    """Make a rich text document (RTF)."""
    escaped = "".join(char if char.isascii() else f"\\u{ord(char)}?" for char in text)
    return f"{{\\rtf1\\ansi {escaped}\\par}}".encode()


def web_page(text: str) -> bytes:
    """Make a web page (HTML)."""
    body = f"<h1>{text.partition('.')[0]}</h1><p>{text}</p><table><tr><td>1<td>2</table>"
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>x</title></head><body>{body}</body></html>'.encode()
    )


def mail(text: str, attachments: Mapping[str, bytes] | None = None, *, html: bool = False) -> bytes:
    """Make a message (EML) with attachments by name."""
    message = EmailMessage()
    message["From"] = "Ann Lee <ann@example.org>"
    message["To"] = "office@example.org"
    message["Subject"] = text.partition(".")[0]
    message["Date"] = "Mon, 04 May 2026 10:00:00 +0000"
    message.set_content(text)
    if html:
        message.add_alternative(web_page(text).decode(), subtype="html")
    for name, content in (attachments or {}).items():
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def archive(files: Mapping[str, bytes]) -> bytes:
    """Make an archive (ZIP) of files by name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for name, content in files.items():
            members.writestr(name, content)
    return file.getvalue()


def table(text: str) -> bytes:
    """Make comma-separated values."""
    rows = [["number", "item", "amount"], *([str(n), text.partition(".")[0], f"{n * 1.5:.2f}"] for n in range(1, 30))]
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows).encode()


def sixty_files() -> dict[str, bytes]:
    """Make 60 office documents, text files and messages: ten kinds with six texts each."""
    kinds: dict[str, Callable[[str], bytes]] = {
        "docx": word,
        "xlsx": spreadsheet,
        "pptx": presentation,
        "odt": open_document,
        "rtf": rich_text,
        "html": web_page,
        "txt": lambda text: (f"{text}\n\n" * 5).encode("cp1252"),
        "csv": table,
        "eml": lambda text: mail(text, html=True),
        "attached.eml": lambda text: mail(text, {"invoice.pdf": _scan_in_pdf(), "scan.png": numbered_document(1)}),
    }
    return {f"{number}.{kind}": make(text) for kind, make in kinds.items() for number, text in enumerate(TEXTS)}


def _scan_in_pdf() -> bytes:
    with Image.open(io.BytesIO(numbered_document(2))) as scan:
        return _saved(lambda file: scan.save(file, "PDF"))


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()


def with_macro(marker: str) -> bytes:
    """Make a text document (flat ODT) whose macro writes a file when the document is opened."""
    namespaces = " ".join(
        f'xmlns:{prefix}="{name}"'
        for prefix, name in {
            "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
            "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
            "script": "urn:oasis:names:tc:opendocument:xmlns:script:1.0",
            "ooo": "http://openoffice.org/2004/office",
            "dom": "http://www.w3.org/2001/xml-events",
            "xlink": "http://www.w3.org/1999/xlink",
        }.items()
    )
    source = f'Sub Main\nOpen "{marker}" For Output As #1\nPrint #1, "ran"\nClose #1\nEnd Sub'
    location = "vnd.sun.star.script:Standard.Module1.Main?language=Basic&amp;location=document"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document {namespaces} office:version="1.2" '
        'office:mimetype="application/vnd.oasis.opendocument.text"><office:scripts>'
        '<office:script script:language="ooo:Basic"><ooo:libraries><ooo:library-embedded ooo:name="Standard">'
        f'<ooo:module ooo:name="Module1"><ooo:source-code>{source}</ooo:source-code></ooo:module>'
        "</ooo:library-embedded></ooo:libraries></office:script><office:event-listeners>"
        f'<script:event-listener script:language="ooo:script" script:event-name="dom:load" xlink:href="{location}"/>'
        "</office:event-listeners></office:scripts><office:body><office:text><text:p>Macro</text:p></office:text>"
        "</office:body></office:document>"
    ).encode()


def with_links(url: str, file: str) -> dict[str, bytes]:
    """Make documents that refer to a picture at a URL and to a local file, by format."""
    document = docx.Document()
    document.add_paragraph("linked")
    document.part.relate_to(
        url, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate", is_external=True
    )
    links = (
        f'<img src="{url}"><link rel="stylesheet" href="{url}"><iframe src="{url}"></iframe><img src="file://{file}">'
    )
    field = f'{{\\field{{\\*\\fldinst INCLUDEPICTURE "{url}"}}}}{{\\field{{\\*\\fldinst INCLUDETEXT "{file}"}}}}'
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"] = f'=WEBSERVICE("{url}")'
    sheet["A2"] = f"='file://{file}'#$Sheet1.A1"
    return {
        "docx": _saved(document.save),
        "html": web_page("linked").replace(b"</body>", f"{links}</body>".encode()),
        "rtf": f"{{\\rtf1 linked {field}\\par}}".encode(),
        "xlsx": _saved(book.save),
    }
