"""Labelled documents out of the bucket, as a folder that a version can be trained on.

    FOLDER/
      invoice/reviewed/3f2a9c01b7de-scan.pdf     in its label's folder, beside whatever else is there to learn from
      .none-of-these/reviewed/…                  what fits no label: put apart, for training reads no hidden folder
      manifest.csv                               file, source (the document's folder in the bucket), licence

A folder may hold documents of one's own already; they stay. What was written for an earlier label is taken away.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from decoding.reader import sniff
from records.errors import DocumentRejected, DocumentUnavailable
from records.record import Record
from records.reviews import NONE_OF_THESE
from records.uploads import Upload
from training.data import MANIFEST, DataError, normalise_path, read_manifest
from triptych.errors import TriptychError

REVIEWED = "reviewed"
"""The folder below each label's that is ours."""

_COLUMNS = ("file", "source", "licence")
_SUFFIXES = {"JPEG": ".jpg", "TIFF": ".tif", "HEIF": ".heic"}
"""Of formats whose name is not their suffix."""

_OURS = re.compile("[0-9a-f]{12}-")
"""How every name begins that `_name` gives; nothing else is ever taken away."""

_PART = ".part"
_AT_ONCE = 8


class DocumentReader(Protocol):
    """Where the documents are."""

    def read(self, upload: Upload) -> bytes:
        """See `records.documents.DocumentStore.read`."""


@dataclass(frozen=True)
class LabelExport:
    """What was written: how many documents with a label, how many that fit none, and what could not be had."""

    documents: int
    strangers: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Page:
    """One document's row of the manifest; `why` says why there is none."""

    file: str = ""
    source: str = ""
    why: str = ""


def export_labels(
    records: Sequence[Record], reader: DocumentReader, folder: Path, *, advance: Callable[[], object] = lambda: None
) -> LabelExport:
    """Write what people have labelled into a folder.

    Args:
        records: labelled ones; others are passed over.
        reader: gives the bytes of exactly the upload that was labelled.
        folder: is made if need be. What an earlier call wrote there is kept, moved or taken away as the labels say,
            and not read again.
        advance: called after each document.

    Raises:
        TriptychError: the folder cannot be written.
    """
    here = {file.name.partition("-")[0]: file for file in _written(folder) if file.suffix != _PART}

    def fetch(record: Record) -> _Page:
        try:
            return _fetch(record, reader, folder, here)
        finally:
            advance()

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            pages = list(pool.map(fetch, [record for record in records if record.review]))
        kept = [page for page in pages if page.file]
        _sweep(folder, {page.file for page in kept})
        _list(folder, kept)
    except DataError as error:
        raise TriptychError(str(error)) from error
    except OSError as error:
        raise TriptychError(f"{folder} cannot be written: {error}") from error
    strangers = sum(page.file.startswith(".") for page in kept)
    return LabelExport(len(kept) - strangers, strangers, tuple(page.why for page in pages if page.why))


def _fetch(record: Record, reader: DocumentReader, folder: Path, here: Mapping[str, Path]) -> _Page:
    upload, label = record.upload, record.review.label if record.review else ""
    place = f".{NONE_OF_THESE}" if label == NONE_OF_THESE else label
    if label.startswith(".") or PurePosixPath(label).name != label:
        return _Page(why=f"{upload.document}: {label!r} is no name that a folder can have")
    mark = hashlib.sha256(f"{upload.document}\0{upload.sort_key}".encode()).hexdigest()[:12]
    ours = folder / place / REVIEWED
    ours.mkdir(parents=True, exist_ok=True)
    if mark in here:
        target = here[mark].replace(ours / here[mark].name)
    else:
        try:
            content = reader.read(upload)
        except (DocumentRejected, DocumentUnavailable) as error:
            return _Page(why=f"{upload.document}: {error}")
        target = ours / _name(mark, upload, content)
        part = target.with_suffix(_PART)
        part.write_bytes(content)
        part.replace(target)
    return _Page(target.relative_to(folder).as_posix(), str(PurePosixPath(upload.document).parent))


def _written(folder: Path) -> list[Path]:
    """What earlier calls wrote, or had begun to."""
    return [file for file in folder.glob(f"*/{REVIEWED}/*") if _OURS.match(file.name)]


def _name(mark: str, upload: Upload, content: bytes) -> str:
    """A name that no other upload has, that says which document it is, and whose suffix is true."""
    stem = re.sub(r"[^\w-]+", "-", PurePosixPath(upload.key).stem)[:60]
    kind = sniff(content) or ""
    return f"{mark}-{stem}{_SUFFIXES.get(kind, f'.{kind.lower()}')}"


def _sweep(folder: Path, kept: set[str]) -> None:
    """Take away what we wrote and what has another label now, or none; and folders that are empty then."""
    for file in _written(folder):
        if file.relative_to(folder).as_posix() not in kept:
            file.unlink()
    for ours in folder.glob(f"*/{REVIEWED}"):
        for place in (ours, ours.parent):
            if not any(place.iterdir()):
                place.rmdir()


def _list(folder: Path, pages: Iterable[_Page]) -> None:
    """Write the manifest: the rows of documents that are not ours as they were, and then ours."""
    file = folder / MANIFEST
    columns, others = list(_COLUMNS), list[dict[str, str]]()
    if file.exists():
        found, rows = read_manifest(file)
        columns = list(dict.fromkeys([*found, *_COLUMNS]))
        others = [row for row in rows if PurePosixPath(normalise_path(row.get("file") or "")).parts[1:2] != (REVIEWED,)]
    part = file.with_suffix(_PART)
    with part.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(others)
        writer.writerows({"file": page.file, "source": page.source, "licence": "your own"} for page in pages)
    part.replace(file)
