"""From a folder of labelled images to pages in memory, decoded by the code that serves them.

    FOLDER/
      daisy/one.jpg, two.pdf …        a folder a label
      rose/…
      manifest.csv                    optional: columns `file` and `source`

Where a manifest names sources, whatever is kept aside to measure on comes from sources that training never saw,
because pages from one office share paper, scanner and letterhead, and a network would be praised for knowing those.
"""

import csv
import hashlib
import io
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from decoding.errors import DocumentError
from decoding.reader import decode
from model_service.manifest import MAX_LABEL

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
    """One decoded page.

    Attributes:
        pixels: uint8 of shape (height, width) when grey, or (height, width, 3).
        document: Whose page it is.
        content: Names what it was decoded or drawn from: another file has another name, even under the same path.
    """

    pixels: NDArray[np.uint8]
    document: Document
    content: str = ""

    def image(self) -> Image.Image:
        """Return the page as a picture of mode L or RGB."""
        return Image.fromarray(self.pixels)


def scan(folder: Path, labels: Sequence[str] | None = None) -> Folder:
    """List the labelled documents of an ImageFolder.

    Args:
        folder: Holds one folder a label; hidden ones are passed over.
        labels: If given, what the labels may be: the documents' places are those in it, and none need be there.

    Raises:
        DataError: Not a folder, labels other than expected; or, where none are given, fewer than two or an empty one.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    found = sorted(child.name for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    if labels is not None and not set(found) <= set(labels):
        strange = ", ".join(sorted(set(found) - set(labels)))
        raise DataError(f"{folder} has other labels than expected: {strange}; there may be {', '.join(labels)}")
    if labels is None and len(found) < 2:
        listed = f"only {found[0]!r}" if found else "none"
        raise DataError(f"{folder} needs a folder for each of at least two labels, and has {listed}")
    for label in found:
        if len(label) > MAX_LABEL:
            raise DataError(f"the label {label!r} has more than {MAX_LABEL} characters")
    rows = _listed(folder / MANIFEST)
    documents = []
    names = tuple(labels or found)
    for label in found:
        files = sorted(f for f in (folder / label).rglob("*") if f.is_file() and f.suffix.lower() in SUFFIXES)
        if not files and labels is None:
            raise DataError(f"the label {label!r} has no documents in {folder / label}")
        for file in files:
            row = rows.get(spelled(file.relative_to(folder).as_posix()), {})
            documents.append(Document(file, names.index(label), row.get("source", "")))
    licences = sorted({row["licence"] for row in rows.values() if row["licence"]})
    return Folder(names, tuple(documents), tuple(licences))


def _listed(file: Path) -> dict[str, dict[str, str]]:
    """Return sources and licences by the file's path, as `spelled`."""
    if not file.exists():
        return {}
    columns, rows = read_manifest(file)
    if not {"file", "source"} <= set(columns):
        raise DataError(f"{file} needs the columns file and source")
    return {
        spelled(row["file"] or ""): {column: (row.get(column) or "").strip() for column in ("source", "licence")}
        for row in rows
    }


def read_manifest(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns and the rows of a manifest, as a person or a spreadsheet wrote it.

    Raises:
        DataError: It is not UTF-8.
    """
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(f"{file} is not UTF-8; save it as CSV in UTF-8") from problem
    reader = csv.DictReader(io.StringIO(text, newline=""))
    return list(reader.fieldnames or ()), list(reader)


def spelled(path: str) -> str:
    """Return one spelling of a path: accents as one character or two, slashes of Windows."""
    return unicodedata.normalize("NFC", path.strip().replace("\\", "/"))


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
            file = document.file.read_bytes()
            images = decode(file, min_side=side)
        except (DocumentError, OSError) as problem:
            skipped.append(f"{document.file}: {problem}")
            continue
        content = hashlib.sha256(file).hexdigest()[:16]
        kept.extend(Page(_reduced(image, side, grey=grey), document, content) for image in images[:pages])
    return kept, skipped


def _reduced(image: Image.Image, side: int, *, grey: bool) -> NDArray[np.uint8]:
    scale = side / min(image.size)
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BOX if scale <= 0.5 else Image.Resampling.BILINEAR)
    return np.asarray(image.convert("L" if grey else "RGB"))


def split(documents: Sequence[Document], share: float, seed: int) -> tuple[list[Document], list[Document], str]:
    """Keep documents aside: whole sources where a label has several, else a share of the label's documents.

    A source that is kept aside is so for all of its labels, unless one of them would have nothing left to learn from.

    Returns:
        What to learn from, what to measure on, and a sentence that says what was kept aside.

    Raises:
        DataError: A label has fewer than two documents, so that it cannot be in both.
    """
    rng = np.random.default_rng(seed)
    learn: list[Document] = []
    aside: list[Document] = []
    groups = sorted(_by_label(documents).items())
    unseen = _sources_aside([members for _, members in groups], share)
    by_chance = False
    for _, members in groups:
        if len(members) < 2:
            raise DataError(f"the label of {members[0].file} has one readable document: it needs at least two")
        held = {d.file for d in members if d.source in unseen}
        if not 0 < len(held) < len(members):
            count = min(len(members) - 1, max(1, round(share * len(members))))
            held = {members[i].file for i in rng.permutation(len(members))[:count]}
            by_chance = True
        learn += [d for d in members if d.file not in held]
        aside += [d for d in members if d.file in held]
    told = [f"sources {', '.join(unseen)}"] if unseen else []
    if by_chance:
        told.append(f"{share:.0%} of the documents of each {'other ' if unseen else ''}label by chance")
    return learn, aside, f"{len(aside)} documents: {'; '.join(told)}"


def _sources_aside(groups: Sequence[Sequence[Document]], share: float) -> list[str]:
    """Choose a source of each label that has several: the one nearest to the share, unless one is chosen already."""
    chosen: list[str] = []
    for members in groups:
        sizes = Counter(document.source for document in members if document.source)
        if not sizes or sizes.keys() & set(chosen) or max(sizes.values()) == len(members):
            continue
        chosen.append(min(sizes, key=lambda name: (abs(sizes[name] - share * len(members)), name)))
    return chosen


def folds(documents: Sequence[Document], count: int, drawn: frozenset[int] = frozenset()) -> list[frozenset[str]]:
    """Deal the sources into folds, so that every source is once measured by a network that has not seen it.

    A source goes to the fold that holds the fewest documents of its labels, then the fewest documents. A label with a
    single source that is not drawn (`drawn` holds the labels that are) cannot be learnt without it.

    Raises:
        DataError: A document has no source, a label would have nothing to learn from, or a fold nothing to measure.
    """
    nameless = next((d.file for d in documents if not d.source), None)
    if nameless:
        raise DataError(
            f"cross-validation by source needs a {MANIFEST} that names every document's source, which it does not "
            f"of {nameless.parent.name}/{nameless.name}"
        )
    groups = Counter((d.source, d.label) for d in documents)
    sources: dict[str, Counter[int]] = defaultdict(Counter)
    if count < 2 or len({source for source, _ in groups}) < count:
        raise DataError(f"cross-validation takes at least two folds, and a source for each: {count} are asked for")
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
        for document in documents:
            if document.label not in left:
                raise DataError(
                    f"the label of {document.file.parent.name}/{document.file.name} has documents from one fold's "
                    f"sources only: {', '.join(sorted(members))}"
                )
    return [frozenset(members) for members in dealt]


def _by_label(documents: Iterable[Document]) -> dict[int, list[Document]]:
    groups: dict[int, list[Document]] = defaultdict(list)
    for document in documents:
        groups[document.label].append(document)
    return dict(groups)
