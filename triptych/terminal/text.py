"""Text from outside (keys, labels, reasons, file names), made safe for a terminal.

An object's key may hold an escape sequence that recolours or clears the terminal, a newline that forges a line of
output, or a bidirectional control that reverses what follows. Commands pass such text through `printable`, and print
JSON through `to_json`.
"""

import json
import re
from typing import Any

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0 and C1 controls, DEL
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff"  # surrogates: bytes of a file name that are not UTF-8
    "]"
)
_UNSAFE_IN_LINES = re.compile(f"(?![\n\t]){_UNSAFE.pattern}")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str, *, multiline: bool = False) -> str:
    """Replace every character that could control a terminal with a visible one.

    C0 controls become their control pictures (ESC becomes `␛`), all others U+FFFD. Each replacement is one column wide.

    Args:
        text: Any string, also one with the surrogates that `os.fsdecode` returns.
        multiline: Keep newlines and tabs, for messages of several lines.
    """
    return (_UNSAFE_IN_LINES if multiline else _UNSAFE).sub(_picture, text)


def to_json(value: Any, *, indent: int | None = None) -> str:
    r"""Return JSON that is safe to print: unsafe characters are written as `\uXXXX`, which parsers read back."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _UNSAFE_IN_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else _REPLACEMENT
