"""File name suffixes for documents, chosen by content.

A key's own suffix cannot be trusted: a PDF may be named `x.bat`, and opening it by that name would run it.
"""

from decoding.reader import sniff

_SUFFIXES = {"JPEG": ".jpg", "TIFF": ".tif", "HEIF": ".heic", "TEXT": ".txt"}
"""Suffixes of formats whose suffix is not their name."""

_UNKNOWN = ".bin"


def suffix_for(content: bytes) -> str:
    """Return the suffix of a document's format, or `.bin` if the format is unknown."""
    kind = sniff(content)
    return _SUFFIXES.get(kind, f".{kind.lower()}") if kind else _UNKNOWN
