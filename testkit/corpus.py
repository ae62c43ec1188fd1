"""Comparison of the project's decoder with reference renderers, for `python -m benchmarks.corpus`.

Pages are compared in grey, at a small size and blurred. A pixel differs if it is outside the range of its neighbourhood
in the other page. This tolerates differences in antialiasing and hinting, and shifts by a pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from PIL import Image, ImageChops, ImageFilter

SIDE: Final = 160
"""Both pages are resized to a square with this side, in pixels."""
PIXEL_THRESHOLD: Final = 12
"""Grey levels, of 255, by which a pixel that differs is outside its neighbourhood's range."""
PAGE_THRESHOLD: Final = 0.005
"""Pages differ if more than this share of their pixels differs. Of 40 PDFs, those that look alike had up to 0.001."""
BLANK_CONTRAST: Final = 8
"""A page is blank if its darkest and brightest pixels at the small size differ by fewer grey levels."""
CONTENT_CONTRAST: Final = 24
"""A page has content if they differ by at least this many grey levels."""
ASPECT_THRESHOLD: Final = 1.1
"""Pages differ if the ratios of width to height differ by more than this factor."""

_NEIGHBOURHOOD: Final = 3
_BLUR: Final = 2
_TIMEOUT_PROBLEM: Final = "decoder-timeout"
_CRASH_PROBLEMS: Final = frozenset({"decoder-crashed", "decoder-unavailable"})


class Kind(StrEnum):
    """How the decoder's result compares with those of the references; the most severe first."""

    CRASH = "crash"
    TIMEOUT = "time-out"
    BLANK = "blank"
    REFUSED = "refused"
    DIFFERENT = "different"
    SAME = "same"
    REFUSED_BY_ALL = "refused by all"
    DECODER_ONLY = "drawn by the decoder only"
    NO_REFERENCE = "no reference"

    @property
    def is_finding(self) -> bool:
        """Whether the document needs attention."""
        return self in _FINDINGS


_FINDINGS: Final = (Kind.CRASH, Kind.TIMEOUT, Kind.BLANK, Kind.REFUSED, Kind.DIFFERENT)


@dataclass(frozen=True)
class Drawing:
    """The result of one program for a document.

    Attributes:
        program: Name of the program.
        pages: The pages that it drew.
        problem: Stable identifier of the failure; empty if the program succeeded.
        detail: The failure for readers.
        seconds: Wall-clock time.
    """

    program: str
    pages: Sequence[Image.Image] = ()
    problem: str = ""
    detail: str = ""
    seconds: float = 0.0


class PageMatch(NamedTuple):
    """A page and the reference page that is most similar to it."""

    difference: float
    page: Image.Image
    reference: Image.Image
    program: str


@dataclass(frozen=True)
class Row:
    """The result of one document.

    Attributes:
        name: Path relative to the folder.
        kind: How the decoder's result compares with those of the references.
        reason: The decoder's problem, or how much the pages differ.
        detail: Further information for readers.
        references: For each reference, `drawn` or its problem.
        difference: Share of the worst page's pixels that differ; None if no pages were compared.
        seconds: Wall-clock time of the decoder.
        thumbnails: Of a finding, small pages of the decoder and of a reference, where they exist.
    """

    name: str
    kind: Kind
    reason: str
    detail: str
    references: dict[str, str]
    difference: float | None
    seconds: float
    thumbnails: tuple[Image.Image | None, Image.Image | None] = field(repr=False, compare=False)

    def to_fields(self) -> dict[str, object]:
        """Return the row as JSON-compatible fields, without the thumbnails."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "reason": self.reason,
            "detail": self.detail,
            "references": self.references,
            "difference": None if self.difference is None else round(self.difference, 4),
            "seconds": round(self.seconds, 3),
        }


def contrast(page: Image.Image) -> int:
    """Return the grey levels between the darkest and the brightest pixel of a page at the small size."""
    darkest, brightest = _small(page).getextrema()
    return int(brightest) - int(darkest)  # type: ignore[arg-type]  # a grey image has one band


def is_blank(page: Image.Image) -> bool:
    """Return whether a page has a single tone."""
    return contrast(page) < BLANK_CONTRAST


def has_content(page: Image.Image) -> bool:
    """Return whether a page clearly has more than one tone."""
    return contrast(page) >= CONTENT_CONTRAST


def difference(page: Image.Image, reference: Image.Image) -> float:
    """Return the share of pixels by which two pages differ, from 0 to 1.

    It is 1 if their aspect ratios differ, as after a missed rotation.
    """
    ratio = (page.width * reference.height) / (page.height * reference.width)
    # Rounding may change the ratio of very narrow pages.
    if max(ratio, 1 / ratio) > ASPECT_THRESHOLD and min(*page.size, *reference.size) > 2 * _NEIGHBOURHOOD:
        return 1.0
    first, second = (_small(image).filter(ImageFilter.GaussianBlur(_BLUR)) for image in (page, reference))
    distance = ImageChops.lighter(_outside(first, second), _outside(second, first))
    return sum(distance.histogram()[PIXEL_THRESHOLD:]) / SIDE**2


def compare(name: str, decoded: Drawing, references: Sequence[Drawing]) -> Row:
    """Compare the decoder's result with those of the references.

    The references disagree among themselves. Therefore, a document is refused if any reference draws it, but its pages
    differ only if they differ from those of every reference.

    Args:
        name: Path of the document relative to the folder.
        decoded: Result of the decoder.
        references: Result of each reference that accepts the format.
    """
    drawn = next((page for drawing in references for page in drawing.pages if has_content(page)), None)
    match = _worst_match(decoded, references)
    if decoded.problem == _TIMEOUT_PROBLEM:
        kind = Kind.TIMEOUT
    elif decoded.problem in _CRASH_PROBLEMS:
        kind = Kind.CRASH
    elif not references:
        kind = Kind.NO_REFERENCE
    elif decoded.problem:
        kind = Kind.REFUSED_BY_ALL if drawn is None else Kind.REFUSED
    elif match is None:
        kind = Kind.DECODER_ONLY
    else:
        kind = _kind_of_pages(match)
    pages = (match.page, match.reference) if match else (decoded.pages[0] if decoded.pages else None, drawn)
    return Row(
        name=name,
        kind=kind,
        reason=decoded.problem or _reason(match),
        detail=decoded.detail or (f"compared with {match.program}" if match else ""),
        references={drawing.program: drawing.problem or "drawn" for drawing in references},
        difference=match.difference if match else None,
        seconds=decoded.seconds,
        thumbnails=(_thumbnail(pages[0]), _thumbnail(pages[1])) if kind.is_finding else (None, None),
    )


def _kind_of_pages(match: PageMatch) -> Kind:
    if is_blank(match.page) and has_content(match.reference):
        return Kind.BLANK
    if is_blank(match.reference) and has_content(match.page):
        return Kind.DECODER_ONLY
    return Kind.DIFFERENT if match.difference > PAGE_THRESHOLD else Kind.SAME


def _reason(match: PageMatch | None) -> str:
    if match is None:
        return ""
    for share in (0.5, 0.2, 0.05):
        if match.difference > share:
            return f"over {share:.0%} of the pixels"
    return f"over {PAGE_THRESHOLD:.1%} of the pixels" if match.difference > PAGE_THRESHOLD else "same pixels"


def _worst_match(decoded: Drawing, references: Sequence[Drawing]) -> PageMatch | None:
    """Return the decoded page that differs most from its most similar reference page.

    All pages of a reference are candidates, because references also draw the thumbnails and masks of a TIFF file.
    """
    candidates = [(page, drawing.program) for drawing in references for page in drawing.pages]
    # Of a long document, the references draw only the front.
    count = max((len(drawing.pages) for drawing in references), default=0)
    matches = [
        min(
            (PageMatch(difference(page, candidate), page, candidate, program) for candidate, program in candidates),
            key=lambda match: match.difference,
        )
        for page in decoded.pages[:count]
    ]
    return max(matches, key=lambda match: (is_blank(match.page), match.difference), default=None)


def _thumbnail(page: Image.Image | None) -> Image.Image | None:
    if page is None:
        return None
    small = page.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    return small


def _small(page: Image.Image) -> Image.Image:
    return page.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)


def _outside(page: Image.Image, other: Image.Image) -> Image.Image:
    """Return by how much each pixel of a page is outside the range of its neighbourhood in the other page."""
    above = ImageChops.subtract(page, other.filter(ImageFilter.MaxFilter(_NEIGHBOURHOOD)))
    below = ImageChops.subtract(other.filter(ImageFilter.MinFilter(_NEIGHBOURHOOD)), page)
    return ImageChops.lighter(above, below)
