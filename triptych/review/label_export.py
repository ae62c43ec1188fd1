"""Export of labelled documents: a folder that `triptych train` can use.

    FOLDER/
      invoice/reviewed/3f2a9c01b7de-scan.pdf     next to any other documents with that label
      .none-of-these/reviewed/…                  documents that fit no label; training ignores hidden folders
      manifest.csv                               file, source (the document's folder in the bucket), licence

The folder may contain other documents, which stay unchanged. An exported document moves when its label changes, and is
removed when its label is.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from records.errors import DocumentRejected, DocumentUnavailable
from records.labels import NONE_OF_THESE
from records.record import Record
from records.uploads import Upload
from training.data import MANIFEST, DataError, normalise_path, read_manifest
from triptych.errors import TriptychError
from triptych.review.suffixes import suffix_for

REVIEWED = "reviewed"
"""Name of the folder for exported documents, below the folder of each label."""

_COLUMNS = ("file", "source", "licence")

_EXPORTED = re.compile("[0-9a-f]{12}-")
"""Start of the names of exported files. No other file is ever moved or removed."""

_PARTIAL = ".part"
_MAX_CONCURRENT = 8


class DocumentReader(Protocol):
    """Reads documents, as `records.documents.DocumentStore` does."""

    def read(self, upload: Upload) -> bytes:
        """Return the bytes of exactly this upload."""


@dataclass(frozen=True)
class LabelExport:
    """Summary of an export.

    Attributes:
        documents: Number of exported documents with one of the versions' labels.
        none_of_these: Number of exported documents that fit no label.
        skipped: A message for each document that could not be exported.
    """

    documents: int
    none_of_these: int
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class _ManifestRow:
    """The row of one document, or in `error` why it was not exported."""

    file: str = ""
    source: str = ""
    error: str = ""


def export_labels(
    records: Sequence[Record], reader: DocumentReader, folder: Path, *, advance: Callable[[], object] = lambda: None
) -> LabelExport:
    """Export labelled documents to a folder.

    Args:
        records: Records; those without a label are ignored.
        reader: Reads the documents. Documents exported by an earlier call are not read again.
        folder: Destination; created if it does not exist.
        advance: Called after each document.

    Raises:
        TriptychError: The folder cannot be written, or its manifest cannot be read.
    """
    exported = {file.name.partition("-")[0]: file for file in _exported_files(folder) if file.suffix != _PARTIAL}

    def export(record: Record) -> _ManifestRow:
        try:
            return _export(record, reader, folder, exported)
        finally:
            advance()

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_MAX_CONCURRENT) as pool:
            results = list(pool.map(export, [record for record in records if record.review]))
        rows = [row for row in results if row.file]
        _remove_others(folder, {row.file for row in rows})
        _write_manifest(folder, rows)
    except DataError as error:
        raise TriptychError(str(error)) from error
    except OSError as error:
        raise TriptychError(f"{folder} cannot be written: {error}") from error
    none_of_these = sum(row.file.startswith(".") for row in rows)
    return LabelExport(len(rows) - none_of_these, none_of_these, tuple(row.error for row in results if row.error))


def _export(record: Record, reader: DocumentReader, folder: Path, exported: Mapping[str, Path]) -> _ManifestRow:
    upload, label = record.upload, record.review.label if record.review else ""
    label_folder = f".{NONE_OF_THESE}" if label == NONE_OF_THESE else label
    if label.startswith(".") or PurePosixPath(label).name != label:
        return _ManifestRow(error=f"{upload.document}: {label!r} cannot be the name of a folder")
    identity = hashlib.sha256(f"{upload.document}\0{upload.sort_key}".encode()).hexdigest()[:12]
    destination = folder / label_folder / REVIEWED
    destination.mkdir(parents=True, exist_ok=True)
    if identity in exported:
        file = exported[identity].replace(destination / exported[identity].name)
    else:
        try:
            content = reader.read(record.classified_object)
        except (DocumentRejected, DocumentUnavailable) as error:
            return _ManifestRow(error=f"{upload.document}: {error}")
        file = destination / _file_name(identity, upload, content)
        partial = file.with_suffix(_PARTIAL)
        partial.write_bytes(content)
        partial.replace(file)
    return _ManifestRow(file.relative_to(folder).as_posix(), str(PurePosixPath(upload.document).parent))


def _exported_files(folder: Path) -> list[Path]:
    """Return the files of earlier exports, including partial ones."""
    return [file for file in folder.glob(f"*/{REVIEWED}/*") if _EXPORTED.match(file.name)]


def _file_name(identity: str, upload: Upload, content: bytes) -> str:
    """Return a unique name with a readable part, and a suffix that matches the content."""
    stem = re.sub(r"[^\w-]+", "-", PurePosixPath(upload.key).stem)[:60]
    return f"{identity}-{stem}{suffix_for(content)}"


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Remove exported files that are not kept, and folders that are empty afterwards."""
    for file in _exported_files(folder):
        if file.relative_to(folder).as_posix() not in kept:
            file.unlink()
    for reviewed in folder.glob(f"*/{REVIEWED}"):
        for directory in (reviewed, reviewed.parent):
            if not any(directory.iterdir()):
                directory.rmdir()


def _write_manifest(folder: Path, rows: Iterable[_ManifestRow]) -> None:
    """Write the manifest: the rows of other documents unchanged, then those of exported documents."""
    file = folder / MANIFEST
    columns, others = list(_COLUMNS), list[dict[str, str]]()
    if file.exists():
        found, existing = read_manifest(file)
        columns = list(dict.fromkeys([*found, *_COLUMNS]))
        others = [row for row in existing if not _is_exported(row)]
    partial = file.with_suffix(_PARTIAL)
    with partial.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(others)
        writer.writerows({"file": row.file, "source": row.source, "licence": "your own"} for row in rows)
    partial.replace(file)


def _is_exported(row: Mapping[str, str]) -> bool:
    return PurePosixPath(normalise_path(row.get("file") or "")).parts[1:2] == (REVIEWED,)
