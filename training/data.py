"""Labelled documents of an ImageFolder, decoded into pages by the code that serves them.

    FOLDER/
      daisy/one.jpg, two.pdf …        one folder per label
      rose/…
      manifest.csv                    optional: columns `file` and `source`
      families.csv                    optional: columns `source` and `family`

The manifest names the source of each document. Sources that share a layout, a text or an archive are a family.
`training.splits` keeps all documents of one family on the same side of a split.
"""

import csv
import hashlib
import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from decoding.errors import DocumentError
from decoding.limits import Limits
from decoding.reader import decode_pages
from model_service.manifest import MAX_LABEL
from records.labels import check_new_label, normalize_label

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".gif", ".bmp", ".pdf"}
)
MANIFEST = "manifest.csv"
FAMILIES = "families.csv"
OOD_LABEL = -1
"""The label of out-of-distribution pages, which belong to none of the labels."""
SYNTHETIC_SOURCE = "synthetic"
"""The source of every synthetic page."""


class DataError(Exception):
    """The data cannot be used for training or evaluation. The message states what to change."""


@dataclass(frozen=True)
class LabelledDocument:
    """One labelled file.

    Attributes:
        file: Path of the file.
        label: Index into the sorted labels, or `OOD_LABEL`.
        source: Source that the manifest names; empty if it names none.
        family: Family of the source; empty if none is named.
    """

    file: Path
    label: int
    source: str = ""
    family: str = ""

    @property
    def group(self) -> str:
        """The documents that belong on one side of a split: those of a family, or of a source without one."""
        return self.family or self.source


@dataclass(frozen=True)
class LabelledFolder:
    """The documents of a folder, their labels, and the licences that its manifest states."""

    labels: tuple[str, ...]
    documents: tuple[LabelledDocument, ...]
    licences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """One decoded page.

    Attributes:
        pixels: Array of uint8, shape (height, width) for grey pages or (height, width, 3).
        document: Document that the page belongs to.
        content: Identifier of the bytes or the code that the page was made from. It differs if a file of the same name
            has other content.
    """

    pixels: NDArray[np.uint8]
    document: LabelledDocument
    content: str = ""

    def image(self) -> Image.Image:
        """Return the page as an image of mode L or RGB."""
        return Image.fromarray(self.pixels)


def list_documents(folder: Path, labels: Sequence[str] | None = None) -> LabelledFolder:
    """List the labelled documents of an ImageFolder.

    Args:
        folder: Folder that holds one folder per label. Hidden folders are ignored.
        labels: Allowed labels, in the order of their indices. Documents may be missing for some of them. If None, the
            labels are the sorted names of the folders.

    Returns:
        The labels, the documents and the licences.

    Raises:
        DataError: The path is not a folder, it holds unexpected or invalid labels or, if `labels` is None, it has fewer
            than two labels or an empty one.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    folders = _label_folders(folder)
    found = sorted(folders)
    labels = None if labels is None else [normalize_label(label) for label in labels]
    if labels is not None and not set(found) <= set(labels):
        unexpected = ", ".join(sorted(set(found) - set(labels)))
        raise DataError(f"{folder} has unexpected labels: {unexpected}. Expected labels: {', '.join(labels)}")
    if labels is None and len(found) < 2:
        listed = f"only {found[0]!r}" if found else "none"
        raise DataError(f"{folder} needs a folder for each of at least two labels, and has {listed}")
    rows = _manifest_rows(folder / MANIFEST)
    families = _families(folder / FAMILIES)
    documents = []
    names = tuple(labels or found)
    for label in found:
        contents = [file for each in folders[label] for file in each.rglob("*")]
        files = sorted(file for file in contents if file.is_file() and file.suffix.lower() in SUFFIXES)
        if not files and labels is None:
            raise DataError(f"the label {label!r} has no documents in {folders[label][0]}")
        for file in files:
            row = rows.get(normalise_path(file.relative_to(folder).as_posix()), {})
            source = row.get("source", "")
            documents.append(LabelledDocument(file, names.index(label), source, families.get(source, "")))
    licences = sorted({row["licence"] for row in rows.values() if row["licence"]})
    return LabelledFolder(names, tuple(documents), tuple(licences))


def list_ood_documents(folder: Path) -> tuple[LabelledDocument, ...]:
    """List the out-of-distribution documents of a folder, which belong to none of the labels.

    The source of a document is the one that a `manifest.csv` names or the name of its subfolder, which may be a kind of
    documents such as `maps`.

    Raises:
        DataError: The folder holds no documents.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"{folder} has no documents")
    rows = _manifest_rows(folder / MANIFEST)
    documents = []
    for file in files:
        path = file.relative_to(folder)
        named = rows.get(normalise_path(path.as_posix()), {}).get("source", "")
        documents.append(LabelledDocument(file, OOD_LABEL, named or path.parent.as_posix()))
    return tuple(documents)


def _families(file: Path) -> dict[str, str]:
    """Return the family of each source; empty if the file does not exist."""
    if not file.exists():
        return {}
    columns, rows = read_manifest(file)
    if not {"source", "family"} <= set(columns):
        raise DataError(f"{file} needs the columns source and family")
    return {(row["source"] or "").strip(): (row["family"] or "").strip() for row in rows}


def _label_folders(folder: Path) -> dict[str, list[Path]]:
    """Return the folders of each label. The names of several folders may be spellings of one label.

    Raises:
        DataError: The name of a folder cannot be the name of a label.
    """
    folders: dict[str, list[Path]] = {}
    for child in sorted(folder.iterdir()):
        if not child.is_dir() or child.name.startswith("."):
            continue
        label = normalize_label(child.name)
        try:
            check_new_label(label)
        except ValueError as error:
            raise DataError(f"{folder}: {error}") from None
        if len(label) > MAX_LABEL:
            raise DataError(f"the label {label!r} has more than {MAX_LABEL} characters")
        folders.setdefault(label, []).append(child)
    return folders


def _manifest_rows(file: Path) -> dict[str, dict[str, str]]:
    """Return source and licence by normalised path; empty if the manifest does not exist."""
    if not file.exists():
        return {}
    columns, rows = read_manifest(file)
    if not {"file", "source"} <= set(columns):
        raise DataError(f"{file} needs the columns file and source")
    return {
        normalise_path(row["file"] or ""): {column: (row.get(column) or "").strip() for column in ("source", "licence")}
        for row in rows
    }


def read_manifest(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns and the rows of a manifest, with or without a byte order mark.

    Raises:
        DataError: The file is not UTF-8.
    """
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8; save it as CSV in UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    return list(reader.fieldnames or ()), list(reader)


def normalise_path(path: str) -> str:
    """Return a path in Unicode form NFC and with forward slashes, so that different spellings compare equal."""
    return unicodedata.normalize("NFC", path.strip().replace("\\", "/"))


def load_pages(
    documents: Iterable[LabelledDocument], min_side: int, *, grey: bool, max_pages: int = 3
) -> tuple[list[Page], list[str]]:
    """Decode documents once, at a size that keeps all of them in memory.

    Args:
        documents: Documents to read.
        min_side: Larger pages are reduced until their shorter side has about this many pixels.
        grey: Keep one channel instead of three.
        max_pages: Number of first pages to read of each document.

    Returns:
        The pages, and one message for each document that could not be read.
    """
    pages: list[Page] = []
    skipped: list[str] = []
    for document in documents:
        try:
            data = document.file.read_bytes()
            images = decode_pages(data, min_side=min_side, limits=Limits(max_pages=max_pages))
        except (DocumentError, OSError) as error:
            skipped.append(f"{document.file}: {error}")
            continue
        content = hashlib.sha256(data).hexdigest()[:16]
        pages.extend(Page(_reduce(image, min_side, grey=grey), document, content) for image in images[:max_pages])
    return pages, skipped


def _reduce(image: Image.Image, min_side: int, *, grey: bool) -> NDArray[np.uint8]:
    scale = min_side / min(image.size)
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BOX if scale <= 0.5 else Image.Resampling.BILINEAR)
    return np.asarray(image.convert("L" if grey else "RGB"))
