"""Formats of documents that are converted, detected by their content."""

import io
import re
import zipfile
from typing import Final

from decoding.convertible import convertible_format
from decoding.errors import CorruptDocumentError, EncryptedDocumentError, UnsupportedFormatError

OFFICE: Final = frozenset(
    [
        "doc",
        "docx",
        "docm",
        "xls",
        "xlsx",
        "xlsm",
        "ppt",
        "pptx",
        "pptm",
        "vsd",
        "vsdx",
        "odt",
        "ott",
        "ods",
        "ots",
        "odp",
        "otp",
        "odg",
        "otg",
        "fodt",
        "rtf",
        "html",
    ]
)
"""Formats that LibreOffice converts."""

UNPACKED: Final = frozenset({"eml", "msg", "zip"})
"""Formats whose members become documents."""

# Of an archive with more entries or a larger directory, not even the names are read.
_MAX_DIRECTORY: Final = 4 * 1024 * 1024
_END_OF_DIRECTORY: Final = b"PK\x05\x06"
_DIRECTORY_SIZE: Final = slice(12, 16)
# Large archives, and all of some writers, state the size in a second record (Zip64), before the first and its locator.
_END_OF_ZIP64: Final = b"PK\x06\x06"
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_ZIP64_BEFORE: Final = 76
_LOCATOR_BEFORE: Final = 20
_ZIP64_DIRECTORY_SIZE: Final = slice(40, 48)
# The end of the directory may be followed by a comment of up to 64 KiB.
_END_WITHIN: Final = 66_000

_OOXML_FOLDERS: Final = {"word": "docx", "xl": "xlsx", "ppt": "pptx", "visio": "vsdx"}
_MACROS: Final = {"docx": "docm", "xlsx": "xlsm", "pptx": "pptm"}
_ODF_TYPE: Final = re.compile(rb"application/vnd\.oasis\.opendocument\.([a-z-]+)")
_ODF_SUFFIXES: Final = {
    "text": "odt", "text-template": "ott", "spreadsheet": "ods", "spreadsheet-template": "ots",
    "presentation": "odp", "presentation-template": "otp", "graphics": "odg", "graphics-template": "otg",
}  # fmt: skip

# Names of the streams in compound files, which are coded in UTF-16.
_OLE_STREAMS: Final = (
    ("EncryptedPackage", ""),
    ("__properties_version1.0", "msg"),
    ("WordDocument", "doc"),
    ("PowerPoint Document", "ppt"),
    ("Workbook", "xls"),
    ("Book", "xls"),
    ("VisioDocument", "vsd"),
)


def detect_format(data: bytes) -> str:
    """Return the format of a document, one of `OFFICE` or `UNPACKED`.

    Raises:
        UnsupportedFormatError: If the document is none that is converted.
        EncryptedDocumentError: If the document requires a password.
        CorruptDocumentError: If the document is an archive whose directory cannot be read.
    """
    match convertible_format(data):
        case "zip":
            return _zip_format(data)
        case "ole":
            return _ole_format(data)
        case "odf":
            return "fodt"
        case "mail":
            return "eml"
        case "rtf" | "html" as kind:
            return kind
        case _:
            raise UnsupportedFormatError("The document is none of the formats that are converted.")


def _zip_format(data: bytes) -> str:
    with open_archive(data) as archive:
        names = set(archive.namelist())
        if "[Content_Types].xml" in names:
            return _ooxml_format(names)
        if "mimetype" in names:
            return _odf_format(archive, names)
    return "zip"


def open_archive(data: bytes) -> zipfile.ZipFile:
    """Open an archive, after checking the size of its directory.

    Raises:
        CorruptDocumentError: If its directory is missing, damaged or too large.
    """
    end = data.rfind(_END_OF_DIRECTORY, max(0, len(data) - _END_WITHIN))
    if end < 0:
        raise CorruptDocumentError("The archive is incomplete.")
    if _directory_size(data, end) > _MAX_DIRECTORY:
        raise CorruptDocumentError("The archive has too many files.")
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # BadZipFile, struct.error, UnicodeDecodeError and others
        raise CorruptDocumentError("The archive is damaged.") from error


def _directory_size(data: bytes, end: int) -> int:
    large = data[max(0, end - _ZIP64_BEFORE) : end]
    if large.startswith(_END_OF_ZIP64) and large[-_LOCATOR_BEFORE:].startswith(_ZIP64_LOCATOR):
        return int.from_bytes(large[_ZIP64_DIRECTORY_SIZE], "little")
    return int.from_bytes(data[end:][_DIRECTORY_SIZE], "little")


def _ooxml_format(names: set[str]) -> str:
    folders = {name.partition("/")[0] for name in names}
    found = next((suffix for folder, suffix in _OOXML_FOLDERS.items() if folder in folders), None)
    if found is None:
        raise UnsupportedFormatError("The package is not a text, spreadsheet, presentation or drawing.")
    has_macros = any(name.endswith("vbaProject.bin") for name in names)
    return _MACROS.get(found, found) if has_macros else found


def _odf_format(archive: zipfile.ZipFile, names: set[str]) -> str:
    kind = _ODF_TYPE.fullmatch(_read_start(archive, "mimetype").strip())
    suffix = _ODF_SUFFIXES.get(kind.group(1).decode()) if kind else None
    if suffix is None:
        raise UnsupportedFormatError("The package is not a text, spreadsheet, presentation or drawing.")
    manifest = "META-INF/manifest.xml"
    if manifest in names and b"encryption-data" in _read_start(archive, manifest):
        raise EncryptedDocumentError("The document requires a password.")
    return suffix


def _read_start(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as file:
            return file.read(256 * 1024)
    except Exception as error:  # zipfile raises many kinds of exceptions for damaged members
        raise CorruptDocumentError("The document is damaged.") from error


def _ole_format(data: bytes) -> str:
    for stream, suffix in _OLE_STREAMS:
        if stream.encode("utf-16-le") in data:
            if not suffix:
                raise EncryptedDocumentError("The document requires a password.")
            return suffix
    raise UnsupportedFormatError("Compound files of this kind are not converted.")
