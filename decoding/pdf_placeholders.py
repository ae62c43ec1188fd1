"""Recognition of PDFs whose first page is a placeholder for content that only some viewers draw.

There are two kinds. The pages of a dynamic XFA form are computed by the viewer, and its only page is the text "Please
wait". The documents of a portfolio are attachments, and its only page is the advice to open it in Acrobat.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from decoding.errors import ViewerRequiredError

# A placeholder has a few lines of text. Pages of more objects or characters are not examined, and
# even fewer objects suffice if the document has neither an XFA form nor attachments: a copy of such a page.
_MAX_OBJECTS: Final = 100
_MAX_OBJECTS_OF_COPY: Final = 30
_MAX_CHARACTERS: Final = 3000

# Sentences of the page that Adobe's software writes, by language. They identify it also in a copy without the XFA form.
_WAITING: Final = re.compile(
    r"if this message is not eventually replaced"
    r"|viewer may not be able to display this type of document"
    r"|to view the full contents of this document,? you need a later version"
    r"|the document you are trying to load requires adobe reader"
    r"|this (?:pdf )?(?:form|document) requires a (?:newer|later) version of adobe"
    r"|(?:falls|wenn) diese meldung nicht .{0,60}ersetzt wird"
    r"|si ce message n.est pas .{0,30}remplacé"
    r"|si este mensaje no .{0,40}(?:reemplaza|sustituye|sustituido)"
    r"|se (?:il )?(?:presente )?messaggio non viene .{0,30}sostituito"
    r"|se esta mensagem não for .{0,40}substituída"
)
# Only in documents that have an XFA form.
_PLEASE_WAIT: Final = re.compile(
    r"please wait|bitte warten|veuillez patienter|\bespere\b|\battendere\b|\baguarde\b|even geduld|een ogenblik"
    r"|vänta|\bvent\b|odota|proszę czekać|čekejte|подождите|お待ちください|请稍候|請稍候|기다"
)
# Only in documents that have attachments.
_PORTFOLIO: Final = re.compile(
    r"pdf[ -]?(?:portfolio|package|portefeuille|ポートフォリオ)|portfolio pdf|porte-documents pdf"
)
_VIEWER: Final = re.compile(r"acrobat|adobe|portfolio")

_COLLECTION: Final = re.compile(rb"/Collection\b")
_OBJECT_STREAM: Final = re.compile(rb"/ObjStm\b.{0,300}?stream\r?\n", re.DOTALL)
_MAX_OBJECT_STREAMS: Final = 50
_MAX_OBJECT_STREAM_BYTES: Final = 1_000_000

_XFA: Final = (pdfium.FORMTYPE_XFA_FULL, pdfium.FORMTYPE_XFA_FOREGROUND)


def check_not_placeholder(document: Any, page: Any, data: bytes) -> None:
    """Reject a document whose first page is a placeholder.

    Args:
        document: The opened PDF.
        page: Its first page.
        data: The whole file.

    Raises:
        ViewerRequiredError: If the page is a placeholder.
    """
    objects = pdfium.FPDFPage_CountObjects(page)
    has_form = document.get_formtype() in _XFA
    has_attachments = pdfium.FPDFDoc_GetAttachmentCount(document) > 0
    if objects > (_MAX_OBJECTS if has_form or has_attachments else _MAX_OBJECTS_OF_COPY):
        return
    text = _text(page)
    if text is None:
        return
    if _WAITING.search(text) or (has_form and _is_dynamic_form(document, page, text)):
        raise ViewerRequiredError(
            "The PDF needs a viewer that draws XFA forms, such as Adobe Reader. Its own page is a placeholder."
        )
    if has_attachments and _is_portfolio_cover(objects, text, data):
        raise ViewerRequiredError(
            "The PDF is a portfolio: its documents are attachments, and its own page is a cover. Send the attachments."
        )


def _text(page: Any) -> str | None:
    """Return the text of a page in lower case, on one line; None if the page has too much for a placeholder."""
    with closing(page.get_textpage()) as textpage:
        if textpage.count_chars() > _MAX_CHARACTERS:
            return None
        return " ".join(str(textpage.get_text_bounded()).lower().split())


def _is_dynamic_form(document: Any, page: Any, text: str) -> bool:
    if pdfium.FPDFPage_GetAnnotCount(page) > 0:
        return False
    if _PLEASE_WAIT.search(text):
        return True
    # The form requires rendering, and its page has neither fields nor pictures: a placeholder in another language.
    full = bool(document.get_formtype() == pdfium.FORMTYPE_XFA_FULL)
    return full and len(document) == 1 and not _has_images(page)


def _has_images(page: Any) -> bool:
    return any(True for _ in page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_IMAGE,)))


def _is_portfolio_cover(objects: int, text: str, data: bytes) -> bool:
    if _PORTFOLIO.search(text):
        return True
    return (objects == 0 or _VIEWER.search(text) is not None) and _is_collection(data)


def _is_collection(data: bytes) -> bool:
    """Return whether the file contains a collection dictionary, also in a compressed object stream."""
    return any(_COLLECTION.search(part) for part in (data, *_object_streams(data)))


def _object_streams(data: bytes) -> Iterator[bytes]:
    for count, match in enumerate(_OBJECT_STREAM.finditer(data)):
        if count == _MAX_OBJECT_STREAMS:
            return
        try:
            yield zlib.decompressobj().decompress(memoryview(data)[match.end() :], _MAX_OBJECT_STREAM_BYTES)
        except zlib.error:
            continue
