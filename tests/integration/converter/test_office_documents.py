"""Protects: office documents become the pages that LibreOffice draws, without macros, network or other files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest

from converter.conversion import ConversionLimits
from converter.documents import DocumentConverter
from decoding.errors import CorruptDocumentError, DecoderTimeoutError, EncryptedDocumentError
from decoding.reader import decode_document
from testkit import office_files
from tests.support.servers import Request, serving

LIMITS = ConversionLimits(max_seconds=120)


@pytest.fixture(scope="module")
def converter(libreoffice: Path) -> Iterator[DocumentConverter]:
    with DocumentConverter(LIMITS, libreoffice, spares=2) as running:
        running.wait_until_ready()
        yield running


def text_of(pdf: bytes | None) -> str:
    """Return the text of a PDF."""
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(document[index].get_textpage().get_text_range() for index in range(len(document)))


@pytest.mark.parametrize("kind", ["docx", "xlsx", "pptx", "odt", "ods", "rtf", "html"])
def test_an_office_document_becomes_a_pdf_with_its_text(converter: DocumentConverter, kind: str) -> None:
    make = {
        "docx": office_files.word,
        "xlsx": office_files.spreadsheet,
        "pptx": office_files.presentation,
        "odt": office_files.open_document,
        "ods": office_files.open_spreadsheet,
        "rtf": office_files.rich_text,
        "html": office_files.web_page,
    }[kind]

    conversion = converter.convert(make("Résumé of the total. Amount due."))

    assert conversion.format == kind
    assert "Résumé of the total" in text_of(conversion.pages)
    assert conversion.pages is not None
    for page in decode_document(conversion.pages, min_side=200).pages:
        assert np.asarray(page).min() < 128


def test_only_the_first_pages_are_converted(converter: DocumentConverter) -> None:
    conversion = converter.convert(office_files.presentation("Many. Slides", slides=12))

    assert len(pypdfium2.PdfDocument(conversion.pages)) == LIMITS.max_pages


def test_a_macro_does_not_run(converter: DocumentConverter, tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    conversion = converter.convert(office_files.with_macro(str(marker)))

    assert "Macro" in text_of(conversion.pages)
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["docx", "html", "rtf", "xlsx"])
def test_links_to_other_hosts_and_files_are_not_followed(
    converter: DocumentConverter, kind: str, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("confidential")
    with serving(Request.drop) as server:
        connections: list[object] = []
        server.process_request = lambda *arguments: connections.append(arguments)  # type: ignore[method-assign]
        conversion = converter.convert(office_files.with_links(f"{server.url}/x.png", str(secret))[kind])

    assert not connections
    assert "confidential" not in text_of(conversion.pages)


def test_a_document_that_takes_too_long_costs_only_itself(libreoffice: Path) -> None:
    brief = ConversionLimits(max_seconds=0.01)
    with DocumentConverter(brief, libreoffice, spares=1) as converter, pytest.raises(DecoderTimeoutError):
        converter.convert(office_files.word("A long document. " * 50, paragraphs=500))


def test_damaged_and_encrypted_documents_are_rejected_and_the_next_is_converted(converter: DocumentConverter) -> None:
    broken = office_files.archive({"[Content_Types].xml": b"<", "word/document.xml": b"<w:document"})
    with pytest.raises(CorruptDocumentError):
        converter.convert(broken)
    with pytest.raises(EncryptedDocumentError):
        converter.convert(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"))

    assert converter.convert(office_files.rich_text("Still here")).pages is not None
