"""Pages of real documents by hundreds of authors: the examples that TeX Live's packages show in their documentation.

    apt-get install texlive-latex-extra-doc texlive-publishers-doc texlive-humanities-doc texlive-science-doc
    python -m training.texlive /usr/share/doc FOLDER

They are slides in every theme, papers in the layouts of most publishers, CVs and some invoices: layouts that one would
never draw. What comes out is an ImageFolder with a manifest, to copy beside one's own documents.
"""

import csv
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
from PIL import Image

LICENCE = "LPPL and other free licences, by package"
SIDE = 900
"""Pixels of the longer side."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Rule:
    """Which files show documents of a label.

    Attributes:
        label: The label.
        path: How their path looks.
        pages: At most so many of one file.
        most: At most so many in all.
        text: A page with fewer letters shows nothing of its kind, such as the last one of a CV.
        landscape: Whether their pages are wide instead of tall.
        unlike: A page with such words is of another kind, if any.
    """

    label: str
    path: re.Pattern[str]
    pages: int
    most: int
    text: int = 0
    landscape: bool = False
    unlike: re.Pattern[str] | None = None

    def shown_by(self, text: str) -> bool:
        """Whether a page with this text may be of the label."""
        return len(text) >= self.text and not (self.unlike and self.unlike.search(text))


def _rule(
    label: str,
    pages: int,
    most: int,
    *parts: str,
    text: int = 0,
    landscape: bool = False,
    unlike: re.Pattern[str] | None = None,
) -> Rule:
    return Rule(label, re.compile("|".join(parts), re.IGNORECASE), pages, most, text, landscape, unlike)


# The first rule that fits decides; a manual is no example of what its package makes.
NOT_EXAMPLES = re.compile(
    r"/(figures?|pictures|images|graphics|gfx|pics|contents|flowfram|langsci)/|logo|(guide|manual|doc|code|handbook|ESIEEcv)[^/]*\.pdf$",
    re.IGNORECASE,
)
LETTER = re.compile(r"\b(Dear|Sincerely|Yours faithfully)\b")
"""Packages for CVs show letters of application beside them."""
RULES = (
    _rule(
        "resume",
        3,
        150,
        r"[/-](tucv|simplecv|ecv|readablecv|cv4tw|limecv|esieecv|harnon-cv|europasscv|pas-cv|mycv|europecv|komacv)/.+/?.*"
        r"(ex|example|template|test|sample|mwe|cv-|resume|_en|_de|minimal|spl|dpl|at\.|utf8)",
        r"/(koma-moderncvclassic/cvbasic|CVCTAN|classicthesis-cv|sample-europecv-bib)\.pdf",
        r"/(resumecls/example|moderncv|curve|currvita|vita|altacv|cv)/.*(example|template|sample|resume-)",
        text=150,
        unlike=LETTER,
    ),
    _rule(
        "slides",
        12,
        420,
        r"beamer|slide|talk|prosper|powerdot|present|pdfscreen|lecturer|trigon|tdclock|metropolis|seminar|theme",
        landscape=True,
    ),
    _rule("invoice", 2, 40, r"/(facture-b[^/]*\.pdf|duck-invoice|factura-ejemplo|article-facture)"),
    _rule(
        "scientific_paper",
        6,
        420,
        r"/(acmart|acmconf|aastex|aiaa|afparticle|aomart|apa6?7?|ascelike|asmeconf|asmejour|asaetr|cje|dccpaper)/",
        r"/(ejpecp|elsarticle|els-cas-templates|emisa|estcpmm|gaceta|geradwp|hep-paper|icsv|ieeeconf|ieeepes)/",
        r"/(ijmart|ijsra|imac|iscram|jacow|jmlr|jpsj|lni|llncs|mlacls|mnras|ltugboat|tugboat)/",
        r"/(quantumarticle|revquantum|revtex|sageep|spie|sugconf|pracjourn|proc[a-z]*|siam|svjour|arxiv)/",
        r"/(resphilosophica|confproc|classicthesis/examples/classicthesis-article|philosoph)",
        r"/(autoarea|authorarchive|turabian|ametsoc|agu|IEEEtran|nature|pnas|biometrika|mentis|gzt)",
        r"(samplepaper|sample-article|template_basic|template_advanced|pjsample|article-in-|paper-english|HgbArticle)",
        text=300,
    ),
)


def examples(docs: Path) -> Iterator[tuple[Rule, str, Path]]:
    """Give the example documents below a folder of documentation: the rule, the package's name and the file."""
    for file in sorted(docs.rglob("*.pdf")):
        path = "/" + file.relative_to(docs).as_posix()
        if NOT_EXAMPLES.search(path):
            continue
        rule = next((rule for rule in RULES if rule.path.search(path)), None)
        if rule:
            yield rule, _package(path), file


def _package(path: str) -> str:
    """Return the folder below that of a format, such as `acmart` of texlive-doc/latex/acmart/samples/x.pdf."""
    found = re.search(r"texlive-doc/[^/]+/([^/]+)/", path)
    return found[1] if found else Path(path).parent.name


def pages(file: Path, rule: Rule) -> Iterator[Image.Image]:
    """Render pages spread evenly over a document, without those that are empty or not of the right shape."""
    try:
        document = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError:
        return
    with document:
        wanted = np.unique(np.linspace(0, len(document) - 1, rule.pages).round().astype(int))
        for number in wanted:
            page = document[int(number)]
            width, height = page.get_size()
            if min(width, height) < 200 or (width > height * 1.15) != rule.landscape or max(width, height) > 1200:
                continue
            if not rule.shown_by(page.get_textpage().get_text_bounded()):
                continue
            image = page.render(scale=SIDE / max(width, height)).to_pil().convert("RGB")
            grey = np.asarray(image.convert("L"))
            if grey.std() > 12:  # an empty or nearly empty page shows nothing of its kind
                yield image


def in_turn(streams: Iterable[Iterator[Item]]) -> Iterator[Item]:
    """Give one item of each stream, then a second of each, until all have ended."""
    left = list(streams)
    while left:
        going = []
        for stream in left:
            for item in islice(stream, 1):
                going.append(stream)
                yield item
        left = going


def chosen(docs: Path) -> Iterator[tuple[str, str, Image.Image]]:
    """Give the pages of each rule with their label and a name: one of every package before the second of any.

    Were they taken file by file, the packages whose names begin with a would be all there is.
    """
    found: dict[Rule, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for rule, package, file in examples(docs):
        found[rule][package].append(file)
    for rule, packages in found.items():
        shown = in_turn(_shown(rule, package, files) for package, files in packages.items())
        for name, image in islice(shown, rule.most):
            yield rule.label, name, image


def _shown(rule: Rule, package: str, files: Sequence[Path]) -> Iterator[tuple[str, Image.Image]]:
    """A file named like its package is its manual: it shows much source, and is wanted only where nothing else is."""
    files = [file for file in files if file.stem.lower() != package.lower()] or files
    return in_turn(_named(rule, f"texlive-{package}-{file.stem}", file) for file in files)


def _named(rule: Rule, name: str, file: Path) -> Iterator[tuple[str, Image.Image]]:
    for image in pages(file, rule):
        yield name, image


def gather(docs: Path, out: Path) -> Counter[str]:
    """Write the pages of examples below `docs` as an ImageFolder with a manifest; return how many a label."""
    made: Counter[str] = Counter()
    with (_made(out) / "manifest.csv").open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["file", "source", "licence"])
        for label, stem, image in chosen(docs):
            name = f"{label}/{stem}-{made[label]}.jpg"
            image.save(_made((out / name).parent) / Path(name).name, quality=88)
            rows.writerow([name, f"texlive-{label}", LICENCE])
            made[label] += 1
    return made


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    for label, count in sorted(gather(Path(sys.argv[1]), Path(sys.argv[2])).items()):
        print(f"{label:>18} {count}")
