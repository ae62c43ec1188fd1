"""Protects: documents are converted according to their content, whatever their name."""

import struct

import pytest

from converter.formats import OFFICE, UNPACKED, detect_format
from decoding.errors import CorruptDocumentError, DocumentError, EncryptedDocumentError, UnsupportedFormatError
from testkit import office_files
from tests.support.pages import text_pdf

TEXT = "Invoice 4711. Thank you."


def compound(stream: str) -> bytes:
    """Return the start of a compound file, with the name of a stream in its directory."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + stream.encode("utf-16-le")


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        ("docx", office_files.word(TEXT, 1)),
        ("xlsx", office_files.spreadsheet(TEXT, 2)),
        ("pptx", office_files.presentation(TEXT, 1)),
        (
            "docm",
            office_files.archive({"[Content_Types].xml": b"", "word/document.xml": b"", "word/vbaProject.bin": b""}),
        ),
        ("odt", office_files.open_document(TEXT)),
        ("ods", office_files.open_spreadsheet(TEXT)),
        ("rtf", office_files.rich_text(TEXT)),
        ("html", office_files.web_page(TEXT)),
        ("eml", office_files.mail(TEXT)),
        ("zip", office_files.archive({"a.txt": b"text"})),
        ("zip", office_files.archive({"a.docx": office_files.word(TEXT, 1)})),
        ("doc", compound("WordDocument")),
        ("xls", compound("Workbook")),
        ("ppt", compound("PowerPoint Document")),
        ("msg", compound("__properties_version1.0")),
        ("fodt", b'<?xml version="1.0"?>\n<office:document xmlns:office="x"/>'),
    ],
)
def test_the_format_is_detected_by_the_content(expected: str, data: bytes) -> None:
    assert detect_format(data) == expected
    assert expected in OFFICE | UNPACKED


@pytest.mark.parametrize(
    ("error", "data"),
    [
        (UnsupportedFormatError, b"plain text"),
        (UnsupportedFormatError, text_pdf(["x"])),
        (UnsupportedFormatError, compound("Unknown")),
        (UnsupportedFormatError, office_files.archive({"mimetype": b"application/epub+zip"})),
        (UnsupportedFormatError, office_files.archive({"[Content_Types].xml": b"", "3D/model.model": b""})),
        (EncryptedDocumentError, compound("EncryptedPackage")),
        (
            EncryptedDocumentError,
            office_files.archive(
                {
                    "mimetype": b"application/vnd.oasis.opendocument.text",
                    "META-INF/manifest.xml": b"<manifest:encryption-data/>",
                }
            ),
        ),
        (CorruptDocumentError, office_files.word(TEXT, 1)[:-500]),
        (CorruptDocumentError, b"PK\x03\x04" + bytes(100)),
    ],
)
def test_other_documents_are_rejected_with_the_reason(error: type[DocumentError], data: bytes) -> None:
    with pytest.raises(error):
        detect_format(data)


def zip64(size: int | None = None) -> bytes:
    """Return an archive whose end states its sizes in the Zip64 record only, with another size of its directory."""
    data = office_files.archive({"a.txt": b"text"})
    end = data.rindex(b"PK\x05\x06")
    count, stated, start = struct.unpack_from("<HII", data, end + 10)
    record = struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, stated if size is None else size, start)
    locator = struct.pack("<IQI", 0, end, 1)
    return data[:end] + b"PK\x06\x06" + record + b"PK\x06\x07" + locator + data[end : end + 8] + b"\xff" * 12 + bytes(2)


def test_the_directory_of_a_large_archive_is_measured_by_its_zip64_record() -> None:
    assert detect_format(zip64()) == "zip"
    with pytest.raises(CorruptDocumentError, match="too many files"):
        detect_format(zip64(5 * 1024 * 1024))


def test_a_zip64_record_without_its_locator_does_not_hide_a_large_directory() -> None:
    """As it would not be used to open the archive, it must not be used to measure it."""
    small = zip64(100)
    end = small.rindex(b"PK\x05\x06")
    stated = small[: end + 12] + (5 * 1024 * 1024).to_bytes(4, "little") + small[end + 16 :]
    with pytest.raises(CorruptDocumentError, match="too many files"):
        detect_format(stated.replace(b"PK\x06\x07", b"PK\x06\x00"))


def test_an_archive_with_a_huge_directory_is_rejected_without_reading_it() -> None:
    end = b"PK\x05\x06" + bytes(8) + (5 * 1024 * 1024).to_bytes(4, "little") + bytes(6)

    with pytest.raises(CorruptDocumentError, match="too many files"):
        detect_format(b"PK\x03\x04" + bytes(5 * 1024 * 1024) + end)
