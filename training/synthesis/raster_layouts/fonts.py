"""Typefaces by role, from the fonts of the machine.

More typefaces make better pages, and the same seed draws the same page only where the same fonts are installed. The
released versions were trained with Debian's fonts-liberation, fonts-linuxlibertine, fonts-ebgaramond, fonts-cmu,
fonts-courier-prime, fonts-lmodern, fonts-roboto-unhinted, fonts-open-sans, fonts-lato, fonts-crosextra-carlito,
fonts-oldstandard, fonts-sil-gentium, fonts-vollkorn, fonts-inconsolata, fonts-kristi, fonts-breip, fonts-femkeklaver,
fonts-dkg-handwriting, fonts-humor-sans, fonts-isabella, fonts-junicode, fonts-gfs-didot and fonts-tuffy; and with the
fonts named below whose npm packages are `@fontsource/NAME` (Open Font License), such as special-elite for
SpecialElite, with each .woff file saved as .ttf. If a role has no font, matplotlib's DejaVu replaces it.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ImageFont

Font = ImageFont.FreeTypeFont

ROOTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")

_FAMILIES = {
    "serif": "LiberationSerif LinLibertine EBGaramond12 lmroman10 lmroman12 cmunrm Gentium Vollkorn OldStandard "
    "DejaVuSerif NotoSerif",
    "sans": "LiberationSans LiberationSansNarrow Roboto OpenSans Lato Carlito DejaVuSans DejaVuSansCondensed NotoSans "
    "cmunss lmsans10 LinBiolinum Tuffy RobotoCondensed",
    "mono": "LiberationMono DejaVuSansMono Inconsolata cmuntt lmmono10 OCRB Vt323 ShareTechMono Dotgothic16 "
    "AnonymousPro",
    "typewriter": "CourierPrime LiberationMono cmuntt lmmono10 lmmonolt10 cmunvt SpecialElite SpecialElite Cutive "
    "CutiveMono XanhMono AnonymousPro Cousine",
    "book": "OldStandard EBGaramond08 EBGaramond12 GFSDidot LinLibertine JunicodeTwoBeta cmunrm Gentium Vollkorn "
    "LiberationSerif ImFellDwPica ImFellEnglish ImFellGreatPrimer Unifrakturmaguntia",
    "hand": "Kristi Breip breipfont femkeklaver dkg Humor Isabella BadScript Caveat CedarvilleCursive "
    "CoveredByYourGrace DawningOfANewDay Dekko GochiHand GreatVibes Handlee HerrVonMuellerhoff "
    "HomemadeApple Italianno JustMeAgainDownHere Kalam LaBelleAurore LeagueScript LovedByTheKing "
    "MarckScript Meddon MonsieurLaDoulaise MrDafoe MrDeHaviland MrsSaintDelafield NanumBrushScript "
    "NanumPenScript NothingYouCouldDo OverTheRainbow PatrickHand PetitFormalScript PinyonScript Qwigley "
    "ReenieBeanie RockSalt RougeScript Ruthie ShadowsIntoLight SueEllenFrancisco SwankyAndMooMoo "
    "Tangerine TheGirlNextDoor WaitingForTheSunrise Zeyada",
}
_WEIGHTS = {
    "bold": r"[-_ ]?(bold|rb|bd|b|bx)$",
    "italic": r"[-_ ]?((italic|oblique|ri|it|ti)|(?<=-)i)$",
    "regular": r"[-_ ]?(regular|r|book|roman|sans|tt|rm|ss|vt|code|)$",
}


@dataclass(frozen=True)
class Face:
    """A typeface: its regular, bold and italic files (the regular file replaces missing ones)."""

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
    """Return the typefaces of a role: serif, sans, mono, typewriter, book or hand."""
    files = _files()
    found = [face for family in _FAMILIES[role].split() if (face := _face(files, family))]
    if found:
        return tuple(found)
    import matplotlib

    shipped = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    name = {"sans": "DejaVuSans", "mono": "DejaVuSansMono", "typewriter": "DejaVuSansMono"}.get(role, "DejaVuSerif")
    slant = "Italic" if name == "DejaVuSerif" else "Oblique"
    return (Face(shipped / f"{name}.ttf", shipped / f"{name}-Bold.ttf", shipped / f"{name}-{slant}.ttf"),)


def choose_face(role: str, rng: np.random.Generator) -> Face:
    """Return a random typeface of a role."""
    there = faces(role)
    return there[rng.integers(len(there))]


@cache
def _files() -> tuple[Path, ...]:
    found = (file for root in ROOTS if root.is_dir() for file in root.rglob("*"))
    return tuple(sorted(file for file in found if file.suffix.lower() in {".ttf", ".otf"}))


def _face(files: tuple[Path, ...], family: str) -> Face | None:
    mine: dict[str, Path] = {}
    for file in files:
        name = file.stem.replace(" ", "")
        if name.lower().startswith(family.lower()):
            rest = name[len(family) :]
            for style, pattern in _WEIGHTS.items():
                if re.fullmatch(pattern, rest, re.IGNORECASE):
                    mine.setdefault(style, file)
    if "regular" not in mine:
        return None
    regular = mine["regular"]
    return Face(regular, mine.get("bold", regular), mine.get("italic", regular))
