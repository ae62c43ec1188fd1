"""Messages as plain text, as a mail program would print them."""

import re
from collections.abc import Mapping, Sequence
from html import unescape
from html.parser import HTMLParser
from typing import Final

_BLOCKS: Final = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "br",
        "div",
        "dl",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "table",
        "tr",
        "ul",
    ]
)
# Not the head, whose end tag may be omitted: nothing else in it is text.
_HIDDEN: Final = frozenset(["script", "style", "template", "title"])
_BLANK_LINES: Final = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_TAG: Final = re.compile("<[^<>]*>?")
# Characters of text after which a page is not read further. A service reads 40 pages of at most 132 columns.
_MAX_TEXT: Final = 600_000
# Characters that are parsed at a time.
_PART: Final = 64 * 1024
# Characters of a tag or comment without end that are parsed: 4 KB take at most 0.2 s, 20 KB 4 s.
_MAX_UNCLOSED: Final = 4 * 1024


def message_text(headers: Mapping[str, str], body: str, attachments: Sequence[str]) -> str:
    """Return a message as text.

    Args:
        headers: The headers to print, by name. Empty ones are omitted.
        body: The message.
        attachments: Names of the attachments.
    """
    lines = {**headers, "Attachments": ", ".join(attachments)}
    head = "\n".join(f"{name + ':':<13}{' '.join(value.split())}" for name, value in lines.items() if value.strip())
    text = f"{head}\n\n{body}".replace("\r\n", "\n")
    # Control characters would make the text unrecognisable as text.
    return "".join(char for char in text if char.isprintable() or char in "\n\t\f ")


def html_to_text(html: str) -> str:
    """Return the text of a web page, with a line for each block.

    Markup that cannot be parsed, or only in quadratic time because tags do not end, is removed by a simpler rule. So a
    malformed message does not lose its attachments.
    """
    parser = _TextCollector()
    try:
        _feed(parser, html)
    except AssertionError:  # raised by HTMLParser for declarations that it does not know, such as <![x
        parser.parts = [unescape(_TAG.sub("\n", html))]
    return _BLANK_LINES.sub("\n\n", "".join(parser.parts)).strip()


def _feed(parser: "_TextCollector", html: str) -> None:
    """Parse a page in parts, until there is more text than a service reads."""
    at = 0
    while at < len(html) and parser.characters < _MAX_TEXT:
        # What is left of a long tag is read again with each part, so parts grow with it.
        size = max(_PART, len(parser.rawdata))
        parser.feed(html[at : at + size])
        at += size
    if len(parser.rawdata) <= _MAX_UNCLOSED:
        parser.close()
    else:
        parser.handle_data(_TAG.sub("\n", parser.rawdata))


class _TextCollector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.characters = 0
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (HTMLParser's)
        if tag in _HIDDEN:
            self._hidden += 1
        if tag in _BLOCKS:
            self.parts.append("\n")
        if tag in ("td", "th"):
            self.parts.append("\t")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag in ("p", "div", "table", "h1", "h2", "h3"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data))
            self.characters += len(self.parts[-1])
