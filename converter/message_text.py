"""Messages as plain text, as a mail program would print them."""

import re
from collections.abc import Mapping, Sequence
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
    """Return the text of a web page, with a line for each block."""
    parser = _TextCollector()
    parser.feed(html)
    parser.close()
    return _BLANK_LINES.sub("\n\n", "".join(parser.parts)).strip()


class _TextCollector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
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
