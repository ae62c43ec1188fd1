"""From a folder of labelled images to pages in memory, decoded by the code that serves them.

    FOLDER/
      daisy/one.jpg, two.pdf …        a folder a label
      rose/…
      manifest.csv                    optional: columns `file` and `source`

Where a manifest names sources, whatever is kept aside to measure on comes from sources that training never saw,
because pages from one office share paper, scanner and letterhead, and a network would be praised for knowing those.
"""

import csv
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model_service.decoding import decode
from model_service.errors import DocumentError

log = logging.getLogger(__name__)

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".gif", ".bmp", ".pdf"}
)
MANIFEST = "manifest.csv"
STRANGER = -1
"""Stands in a document's `label` for "none of the labels"."""


class DataError(Exception):
    """The folder cannot be learnt from; the message says what to change."""


@dataclass(frozen=True)
class Document:
    """One labelled file.

    Attributes:
        file: Where it is.
        label: Index into the sorted labels, or `STRANGER`.
        source: Who it comes from, as the manifest says; empty where nothing does.
    """

    file: Path
    label: int
    source: str = ""


@dataclass(frozen=True)
class Folder:
    """What a folder of labelled documents holds, and the licences that its manifest states."""

    labels: tuple[str, ...]
    documents: tuple[Document, ...]
    licences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """One decoded page: uint8 pixels of shape (height, width) when grey or (height, width, 3), and whose it is."""

    pixels: NDArray[np.uint8]
    document: Document

    def image(self) -> Image.Image:
        """Return the page as a picture of mode L or RGB."""
        return Image.fromarray(self.pixels)


def scan(folder: Path, labels: Sequence[str] | None = None) -> Folder:
    """List the labelled documents of an ImageFolder.

    Args:
        folder: Holds one folder a label; hidden ones are passed over.
        labels: If given, the labels must be exactly these.

    Raises:
        DataError: Not a folder, fewer than two labels, a label without documents, or labels other than expected.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    found = sorted(child.name for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    if len(found) < 2:
        listed = f"only {found[0]!r}" if found else "none"
        raise DataError(f"{folder} needs a folder for each of at least two labels, and has {listed}")
    if labels is not None and found != sorted(labels):
        missing = sorted(set(labels) - set(found))
        extra = sorted(set(found) - set(labels))
        raise DataError(f"{folder} has other labels than expected: missing {missing}, unexpected {extra}")
    rows = _read_manifest(folder / MANIFEST)
    documents = []
    for index, label in enumerate(found):
        files = sorted(f for f in (folder / label).rglob("*") if f.is_file() and f.suffix.lower() in SUFFIXES)
        if not files:
            raise DataError(f"the label {label!r} has no documents in {folder / label}")
        for file in files:
            row = rows.get(file.relative_to(folder).as_posix(), {})
            documents.append(Document(file, index, row.get("source", "")))
    licences = sorted({row["licence"] for row in rows.values() if row.get("licence")})
    return Folder(tuple(found), tuple(documents), tuple(licences))


def _read_manifest(file: Path) -> dict[str, dict[str, str]]:
    if not file.exists():
        return {}
    with file.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        if not {"file", "source"} <= set(reader.fieldnames or ()):
            raise DataError(f"{file} needs the columns file and source")
        return {row["file"]: row for row in reader}


def load_pages(documents: Iterable[Document], side: int, *, grey: bool, pages: int = 3) -> tuple[list[Page], list[str]]:
    """Decode documents once, small enough to keep all of them in memory.

    Args:
        documents: What to read.
        side: Pages are reduced until the shorter side is about this many pixels.
        grey: Keep one channel instead of three.
        pages: Of a longer document only this many first pages are read.

    Returns:
        The pages, and one line for each document that could not be read.
    """
    kept: list[Page] = []
    skipped: list[str] = []
    for document in documents:
        try:
            images = decode(document.file.read_bytes(), min_side=side)
        except (DocumentError, OSError) as problem:
            skipped.append(f"{document.file}: {problem}")
            log.warning("skipped %s: %s", document.file, problem)
            continue
        kept.extend(Page(_reduced(image, side, grey=grey), document) for image in images[:pages])
    return kept, skipped


def _reduced(image: Image.Image, side: int, *, grey: bool) -> NDArray[np.uint8]:
    scale = side / min(image.size)
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BOX if scale <= 0.5 else Image.Resampling.BILINEAR)
    return np.asarray(image.convert("L" if grey else "RGB"))


def split(documents: Sequence[Document], share: float, seed: int) -> tuple[list[Document], list[Document], str]:
    """Keep documents aside: whole sources where a label has several, else a share of the label's documents.

    Returns:
        What to learn from, what to measure on, and a sentence that says what was kept aside.

    Raises:
        DataError: A label has fewer than two documents, so that it cannot be in both.
    """
    rng = np.random.default_rng(seed)
    learn: list[Document] = []
    aside: list[Document] = []
    unseen: list[str] = []
    for label, members in sorted(_by_label(documents).items()):
        if len(members) < 2:
            raise DataError(f"the label of {members[0].file} has one readable document: it needs at least two")
        sizes = Counter(document.source for document in members)
        if len(sizes) > 1:
            source = min(sizes, key=lambda name: (abs(sizes[name] - share * len(members)), name))
            unseen.append(source)
            held = {d.file for d in members if d.source == source}
        else:
            count = min(len(members) - 1, max(1, round(share * len(members))))
            chosen = rng.permutation(len(members))[:count]
            held = {members[i].file for i in chosen}
        log.debug("label %d keeps %d documents aside", label, len(held))
        learn += [d for d in members if d.file not in held]
        aside += [d for d in members if d.file in held]
    by_image = f"{share:.0%} of the documents of each label by chance"
    if not unseen:
        return learn, aside, f"{len(aside)} documents: {by_image}"
    return learn, aside, f"{len(aside)} documents: sources {', '.join(unseen)}; of the other labels {by_image}"


def folds(documents: Sequence[Document], count: int, drawn: frozenset[int] = frozenset()) -> list[frozenset[str]]:
    """Deal the sources into folds, so that every source is once measured by a network that has not seen it.

    A source goes to the fold that holds the fewest documents of its labels, then the fewest documents. A label with a
    single source that is not drawn (`drawn` holds the labels that are) cannot be learnt without it.

    Raises:
        DataError: A document has no source, or a label would have nothing left to learn from.
    """
    groups = Counter((d.source, d.label) for d in documents)
    if any(source == "" for source, _ in groups):
        raise DataError(f"cross-validation by source needs a {MANIFEST} that names every document's source")
    sources: dict[str, Counter[int]] = defaultdict(Counter)
    for (source, label), size in groups.items():
        sources[source][label] = size
    dealt: list[list[str]] = [[] for _ in range(count)]
    load = [Counter[int]() for _ in range(count)]
    for source in sorted(sources, key=lambda name: (-sum(sources[name].values()), name)):
        mine = sources[source]
        fold = min(range(count), key=lambda f: (sum(load[f][label] for label in mine), load[f].total(), f))
        dealt[fold].append(source)
        load[fold].update(mine)
    for members in dealt:
        left = {label for source, label in groups if source not in members} | drawn
        for label in {label for _, label in groups} - left:
            raise DataError(
                f"label number {label} has documents from one fold's sources only: {', '.join(sorted(members))}"
            )
    return [frozenset(members) for members in dealt]


def _by_label(documents: Iterable[Document]) -> dict[int, list[Document]]:
    groups: dict[int, list[Document]] = defaultdict(list)
    for document in documents:
        groups[document.label].append(document)
    return dict(groups)
