"""The typefaces of vector pages.

The PDF standard faces (Helvetica, Times, Courier) need no file. The others come from packages of the `synthesis`
extra, all under the Open Font License or Apache-2.0. Fonts of the machine are not used: the same seed must draw
the same page on every machine.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from random import Random

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont


@dataclass(frozen=True)
class Family:
    """The names of one family's faces on the PDF canvas."""

    regular: str
    bold: str
    italic: str
    bold_italic: str


_STANDARD = {
    "Helvetica": Family("Helvetica", "Helvetica-Bold", "Helvetica-Oblique", "Helvetica-BoldOblique"),
    "Times": Family("Times-Roman", "Times-Bold", "Times-Italic", "Times-BoldItalic"),
    "Courier": Family("Courier", "Courier-Bold", "Courier-Oblique", "Courier-BoldOblique"),
}

# family: (package, path of a face in the package, names of the styles in that path)
_PACKAGED = {
    "Lato": ("font-lato", "font_lato/files/Lato-{}.ttf", ("Regular", "Bold", "Italic", "BoldItalic")),
    "OpenSans": (
        "ttf-opensans",
        "ttf_opensans/ttf/OpenSans-{}.ttf",
        ("Regular", "Bold", "Italic", "BoldItalic"),
    ),
    "SourceSans": (
        "font-source-sans-pro",
        "font_source_sans_pro/files/SourceSansPro-{}.ttf",
        ("Regular", "Bold", "It", "BoldIt"),
    ),
    "SourceSerif": (
        "font-source-serif-pro",
        "font_source_serif_pro/files/SourceSerifPro-{}.ttf",
        ("Regular", "Bold", "It", "BoldIt"),
    ),
    "Caladea": (
        "font-caladea",
        "font_caladea/files/Caladea-{}.ttf",
        ("Regular", "Bold", "Italic", "BoldItalic"),
    ),
}

SANS = ("Helvetica", "Lato", "OpenSans", "SourceSans")
SERIF = ("Times", "SourceSerif", "Caladea")
MONO = ("Courier",)


@cache
def load_family(name: str) -> Family:
    """Register a family's faces with the PDF canvas and return their names.

    Raises:
        KeyError: The family does not exist.
        importlib.metadata.PackageNotFoundError: The `synthesis` extra is not installed.
    """
    if name in _STANDARD:
        return _STANDARD[name]
    package, path, styles = _PACKAGED[name]
    for style in styles:
        file = distribution(package).locate_file(path.format(style))
        pdfmetrics.registerFont(TTFont(f"{name}-{style}", str(file)))
    return Family(*(f"{name}-{style}" for style in styles))


def choose_family(rng: Random, *names: str) -> Family:
    """Return one of the named families."""
    return load_family(rng.choice(names))
