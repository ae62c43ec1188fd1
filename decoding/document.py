"""The decoded form of a document."""

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True, slots=True)
class DecodedDocument:
    """The pages that were read from a document."""

    pages: list[Image.Image]
    """Upright, on white; at least one. RGB, or grey if `decode_unconverted` returned them."""
    truncated: bool = False
    """Whether the document has further pages, or parts of a page, that were not read: they are above
    `Limits.max_pages`, damaged or missing."""
    unread: int = 0
    """Pages up to `Limits.max_pages` that follow the part of the document that was requested."""
    upright: tuple[bool, ...] = ()
    """Whether the text of each page shows that the page is upright; empty if pages have no text but their pixels."""
