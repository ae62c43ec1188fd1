"""Typefaces by role, all from packages, so that the same seed draws the same page on every machine.

The fonts are under the Open Font License or Apache-2.0, or, for those of matplotlib, Bitstream's and the STIX licence.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from PIL import ImageFont

Font = ImageFont.FreeTypeFont

_FACES = {
    "Caladea": ("font-caladea", "Caladea-Regular", "Caladea-Bold", "Caladea-Italic"),
    "Cardo": ("fontpkg-cardo", "Cardo-Regular", "Cardo-Bold", "Cardo-Italic"),
    "Caveat": ("fontpkg-caveat", "Caveat[wght]", "", ""),
    "DancingScript": ("fontpkg-dancing-script", "DancingScript[wght]", "", ""),
    "Garamond": ("fontpkg-eb-garamond", "EBGaramond[wght]", "", "EBGaramond-Italic[wght]"),
    "GreatVibes": ("fontpkg-great-vibes", "GreatVibes-Regular", "", ""),
    "IndieFlower": ("fontpkg-indie-flower", "IndieFlower-Regular", "", ""),
    "Lato": ("font-lato", "Lato-Regular", "Lato-Bold", "Lato-Italic"),
    "Mono": ("matplotlib", "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique"),
    "OpenSans": ("ttf-opensans", "OpenSans-Regular", "OpenSans-Bold", "OpenSans-Italic"),
    "PlexMono": ("fontpkg-ibm-plex-mono", "IBMPlexMono-Regular", "IBMPlexMono-Bold", "IBMPlexMono-Italic"),
    "PlexMonoLight": ("fontpkg-ibm-plex-mono", "IBMPlexMono-Light", "IBMPlexMono-Medium", "IBMPlexMono-LightItalic"),
    "Sans": ("matplotlib", "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique"),
    "Serif": ("matplotlib", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic"),
    "ShadowsIntoLight": ("fontpkg-shadows-into-light", "ShadowsIntoLight", "", ""),
    "SourceSans": ("font-source-sans-pro", "SourceSansPro-Regular", "SourceSansPro-Bold", "SourceSansPro-It"),
    "SourceSerif": ("font-source-serif-pro", "SourceSerifPro-Regular", "SourceSerifPro-Bold", "SourceSerifPro-It"),
    "Stix": ("matplotlib", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic"),
}
"""Package and stems of the regular, bold and italic files; the regular file replaces those that do not exist."""

_ROLES = {
    "serif": ("Caladea", "Serif", "SourceSerif", "Stix", "Stix"),
    "sans": ("Lato", "OpenSans", "Sans", "SourceSans"),
    "mono": ("Mono", "PlexMono"),
    "typewriter": ("Mono", "PlexMono", "PlexMonoLight"),
    "book": ("Caladea", "Cardo", "Garamond", "Stix"),
    "hand": ("Caveat", "DancingScript", "GreatVibes", "IndieFlower", "ShadowsIntoLight"),
}
FONT_ROLES = tuple(_ROLES)


@dataclass(frozen=True)
class Face:
    """A typeface: its regular, bold and italic files."""

    regular: Path
    bold: Path
    italic: Path

    def at(self, size: float, style: str = "regular") -> Font:
        """Return the face at a size in pixels."""
        return _load(getattr(self, style), max(4, round(size)))


@cache
def _load(file: Path, size: int) -> Font:
    return ImageFont.truetype(file, size)


@cache
def faces(role: str) -> tuple[Face, ...]:
    """Return the typefaces of a role: serif, sans, mono, typewriter, book or hand.

    Raises:
        importlib.metadata.PackageNotFoundError: The extra `synthesis` is not installed.
    """
    found = []
    for name in _ROLES[role]:
        package, *stems = _FACES[name]
        regular, bold, italic = (_font_files(package).get(stem) for stem in stems)
        if regular is None:
            raise FileNotFoundError(f"the package {package} contains no font {stems[0]}")
        found.append(Face(regular, bold or regular, italic or regular))
    return tuple(found)


def choose_face(role: str, rng: np.random.Generator) -> Face:
    """Return a random typeface of a role."""
    there = faces(role)
    return there[rng.integers(len(there))]


@cache
def _font_files(package: str) -> dict[str, Path]:
    """Return the TrueType and OpenType files of a package by stem; TrueType if both exist."""
    files = [file for file in distribution(package).files or () if file.suffix in (".otf", ".ttf")]
    return {file.stem: Path(str(file.locate())) for file in sorted(files, key=lambda file: file.suffix)}
