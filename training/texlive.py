"""Labelled pages from the example documents of TeX Live's packages, written as an ImageFolder with a manifest.

    apt-get install texlive-latex-extra-doc texlive-publishers-doc texlive-humanities-doc texlive-science-doc
    python -m training.texlive /usr/share/doc FOLDER

The examples are by hundreds of authors: slides in every theme, papers in the layouts of most publishers, CVs and some
invoices. Copy the folder next to your own documents to train on both.
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
"""Length of the longer side of a page, in pixels."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Rule:
    """Files that are examples of one label.

    Attributes:
        label: The label.
        path: Pattern of their paths.
        pages_per_file: Maximum number of pages of one file.
        max_pages: Maximum number of pages in total.
        min_characters: Minimum number of characters on a page. It excludes nearly empty pages, such as the end of a CV.
        landscape: Whether pages are in landscape orientation.
        excluded_text: Pattern of text that occurs only on pages of other kinds.
    """

    label: str
    path: re.Pattern[str]
    pages_per_file: int
    max_pages: int
    min_characters: int = 0
    landscape: bool = False
    excluded_text: re.Pattern[str] | None = None

    def matches_text(self, text: str) -> bool:
        """Return whether a page with this text may have the label."""
        return len(text) >= self.min_characters and not (self.excluded_text and self.excluded_text.search(text))


def _rule(
    label: str,
    pages_per_file: int,
    max_pages: int,
    *paths: str,
    min_characters: int = 0,
    landscape: bool = False,
    excluded_text: re.Pattern[str] | None = None,
) -> Rule:
    path = re.compile("|".join(paths), re.IGNORECASE)
    return Rule(label, path, pages_per_file, max_pages, min_characters, landscape, excluded_text)


# Figures, logos and manuals are not examples of the documents that a package produces.
NOT_EXAMPLES = re.compile(
    r"/(figures?|pictures|images|graphics|gfx|pics|contents|flowfram|langsci)/|logo|(guide|manual|doc|code|handbook|ESIEEcv)[^/]*\.pdf$",
    re.IGNORECASE,
)
COVER_LETTER = re.compile(r"\b(Dear|Sincerely|Yours faithfully)\b")
"""Text of cover letters, which packages for CVs include."""
# The first matching rule applies.
RULES = (
    _rule(
        "resume",
        3,
        150,
        r"[/-](tucv|simplecv|ecv|readablecv|cv4tw|limecv|esieecv|harnon-cv|europasscv|pas-cv|mycv|europecv|komacv)/.+/?.*"
        r"(ex|example|template|test|sample|mwe|cv-|resume|_en|_de|minimal|spl|dpl|at\.|utf8)",
        r"/(koma-moderncvclassic/cvbasic|CVCTAN|classicthesis-cv|sample-europecv-bib)\.pdf",
        r"/(resumecls/example|moderncv|curve|currvita|vita|altacv|cv)/.*(example|template|sample|resume-)",
        min_characters=150,
        excluded_text=COVER_LETTER,
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
        min_characters=300,
    ),
)


def find_examples(docs: Path) -> Iterator[tuple[Rule, str, Path]]:
    """Yield the rule, the package and the file of each example document in a folder of documentation."""
    for file in sorted(docs.rglob("*.pdf")):
        path = "/" + file.relative_to(docs).as_posix()
        if NOT_EXAMPLES.search(path):
            continue
        rule = next((rule for rule in RULES if rule.path.search(path)), None)
        if rule:
            yield rule, _package(path), file


def _package(path: str) -> str:
    """Return the package of a file, such as `acmart` for texlive-doc/latex/acmart/samples/x.pdf."""
    found = re.search(r"texlive-doc/[^/]+/([^/]+)/", path)
    return found[1] if found else Path(path).parent.name


def render_pages(file: Path, rule: Rule) -> Iterator[Image.Image]:
    """Yield evenly spaced pages of a document that match the rule. Yield nothing if the file is not a valid PDF."""
    try:
        document = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError:
        return
    with document:
        numbers = np.unique(np.linspace(0, len(document) - 1, rule.pages_per_file).round().astype(int))
        for number in numbers:
            page = document[int(number)]
            width, height = page.get_size()
            if min(width, height) < 200 or (width > height * 1.15) != rule.landscape or max(width, height) > 1200:
                continue
            if not rule.matches_text(page.get_textpage().get_text_bounded()):
                continue
            image = page.render(scale=SIDE / max(width, height)).to_pil().convert("RGB")
            grey = np.asarray(image.convert("L"))
            if grey.std() > 12:  # not an empty or nearly empty page
                yield image


def interleave(iterators: Iterable[Iterator[Item]]) -> Iterator[Item]:
    """Yield the first item of each iterator, then the second of each, until all are exhausted."""
    active = list(iterators)
    while active:
        remaining = []
        for iterator in active:
            for item in islice(iterator, 1):
                remaining.append(iterator)
                yield item
        active = remaining


def select_pages(docs: Path) -> Iterator[tuple[str, str, Image.Image]]:
    """Yield label, name and image of the pages of each rule, one page of every package before the second of any.

    In the order of files, the first packages of the alphabet would use up the maximum number of pages.
    """
    found: dict[Rule, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for rule, package, file in find_examples(docs):
        found[rule][package].append(file)
    for rule, packages in found.items():
        named_pages = interleave(_package_pages(rule, package, files) for package, files in packages.items())
        for name, image in islice(named_pages, rule.max_pages):
            yield rule.label, name, image


def _package_pages(rule: Rule, package: str, files: Sequence[Path]) -> Iterator[tuple[str, Image.Image]]:
    """Yield name and image of a package's pages.

    A file with the name of the package is its manual, which shows much source code. It is used only if the package has
    no other example.
    """
    files = [file for file in files if file.stem.lower() != package.lower()] or files
    return interleave(_file_pages(rule, f"texlive-{package}-{file.stem}", file) for file in files)


def _file_pages(rule: Rule, name: str, file: Path) -> Iterator[tuple[str, Image.Image]]:
    for image in render_pages(file, rule):
        yield name, image


def write_folder(docs: Path, out: Path) -> Counter[str]:
    """Write the example pages in a folder of documentation as an ImageFolder with a manifest.

    Args:
        docs: Folder of documentation, such as `/usr/share/doc`.
        out: Folder to write.

    Returns:
        The number of pages per label.
    """
    counts: Counter[str] = Counter()
    out.mkdir(parents=True, exist_ok=True)
    with (out / "manifest.csv").open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["file", "source", "licence"])
        for label, stem, image in select_pages(docs):
            name = f"{label}/{stem}-{counts[label]}.jpg"
            (out / label).mkdir(exist_ok=True)
            image.save(out / name, quality=88)
            rows.writerow([name, f"texlive-{label}", LICENCE])
            counts[label] += 1
    return counts


if __name__ == "__main__":
    for label, count in sorted(write_folder(Path(sys.argv[1]), Path(sys.argv[2])).items()):
        print(f"{label:>18} {count}")
