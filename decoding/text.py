"""Plain text: its recognition and its character encoding.

Text has no signature. A file is text if it decodes without control characters, which files of other formats contain.
"""

import codecs
import re
from typing import Final

# The pages that are drawn hold less. The rest is neither decoded nor checked.
MAX_TEXT_BYTES: Final = 512 * 1024
"""Number of bytes that are read from the front of a text file."""

# UTF-32 first, because its mark starts with that of UTF-16.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# Formats that consist of text, but are drawn by other programs: PostScript, damaged PDF, SVG.
# Comments are matched without backtracking, as in `decoding.convertible`.
_DRAWINGS: Final = re.compile(
    r"\s*(?:%!PS|%PDF|<svg\b|<\?xml[^>]*>(?:\s|(?><!--.*?-->)|<!DOCTYPE[^>]*>)*+<svg\b)", re.S
)

# Allowed: backspace to carriage return, Ctrl-Z (the end of a DOS file) and escape (old printers).
_CONTROL: Final = re.compile(r"[\x00-\x07\x0e-\x19\x1c-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")

# In UTF-16 without a mark, at least this share of the characters is ASCII: every second byte of these is zero.
_MIN_ZERO_SHARE: Final = 0.5

# In text in a single-byte encoding, at least this share of the characters is ASCII.
_MIN_ASCII_SHARE: Final = 0.6


def read_text(data: bytes) -> str | None:
    """Return the text at the front of a file, or None if the file is not text.

    The encoding is that of the byte order mark, else UTF-16 if every second byte is mostly zero, else UTF-8, else
    Windows-1252. Zeros at the end, with which some systems fill records, are not part of the text.

    Args:
        data: The whole file; `MAX_TEXT_BYTES` of it are read.
    """
    head = data[:MAX_TEXT_BYTES]
    text = _decode(head, is_complete=len(head) == len(data))
    text = None if text is None else text.rstrip("\0\x1a")
    if text is None or _CONTROL.search(text) or _DRAWINGS.match(text) or not any(map(str.isalnum, text)):
        return None
    return text


def _decode(head: bytes, *, is_complete: bool) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return _decode_as(encoding, head, is_complete=is_complete)
    unmarked = _unmarked_utf16(head.rstrip(b"\0"))
    if unmarked is not None:
        return _decode_as(unmarked, head, is_complete=is_complete)
    text = _decode_as("utf-8", head, is_complete=is_complete)
    if text is None and sum(byte < 128 for byte in head) >= _MIN_ASCII_SHARE * len(head):
        text = _decode_as("cp1252", head, is_complete=is_complete)
    return text


def _unmarked_utf16(head: bytes) -> str | None:
    """Return the byte order of text in UTF-16 without a mark, or None if it is in another encoding."""
    first, second = head[::2].count(0), head[1::2].count(0)
    if max(first, second) < max(2, _MIN_ZERO_SHARE * len(head) / 2):
        return None
    return "utf-16-le" if second > first else "utf-16-be"


def _decode_as(encoding: str, head: bytes, *, is_complete: bool) -> str | None:
    """Decode the bytes; a character that is cut off at their end counts only if they are complete."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head, is_complete)
    except UnicodeError:
        return None
