"""Review sheets: the review queue as CSV or JSON for a spreadsheet or a script, and labelled sheets read back.

Both formats have the same columns. Fill in `label`, and `by` if several reviewers share a sheet:

    document, sequencer    identify the record; keep them as text, since spreadsheets turn some sequencers into numbers
    queue, reasons         why the record is in a queue
    why                    why it is asked for, in one line
    verdict, confidence, agreement
    v1, v2, v3 …           prediction or failure of each version
    choices                labels that can be assigned
    draw                   how it was drawn; keep it, or the label may not count for a pair
    label                  empty

Sheets are read as spreadsheets save them: in UTF-8, UTF-16 or Windows-1252, with commas, semicolons or tabs.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from records.labels import NONE_OF_THESE, normalize_label
from records.outcomes import ModelFailure, Outcome
from records.record import Record
from records.reviews import Draw
from triptych.errors import TriptychError, UsageError
from triptych.review.queues import Deal
from triptych.review.reviews import Reviews
from triptych.terminal.record_views import version_names

_MAX_CONCURRENT = 8
"""Maximum number of labels written at the same time."""

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is the start of this one
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class SheetFormat(StrEnum):
    """The format of a sheet."""

    CSV = "csv"
    JSON = "json"

    @classmethod
    def for_file(cls, file: Path) -> "SheetFormat":
        """Return the format that a file name implies: JSON for `.json`, CSV otherwise."""
        return cls.JSON if file.suffix.lower() == ".json" else cls.CSV


@dataclass(frozen=True)
class SheetRow:
    """One labelled row.

    Attributes:
        number: Number of the row, from 1 without the header.
        document: Partition key of the record.
        sequencer: Sort key of the record, or an empty string for the document's newest upload.
        label: The label.
        by: Name of the reviewer, or an empty string.
        seconds: How long the reviewer looked at the document.
        draw: How the document was drawn; None if the sheet does not state it.
    """

    number: int
    document: str
    sequencer: str
    label: str
    by: str = ""
    seconds: float | None = None
    draw: Draw | None = None


@dataclass
class ImportSummary:
    """Summary of an import.

    Attributes:
        labelled: Number of labels written.
        unchanged: Number of rows whose label is stored already, or was until another reviewer corrected it. A sheet
            can therefore be imported twice.
        failures: A message for each row that could not be stored.
    """

    labelled: int = 0
    unchanged: int = 0
    failures: list[str] = field(default_factory=list)


def format_sheet(deals: Sequence[Deal], sheet_format: SheetFormat) -> str:
    """Return a sheet of documents with empty labels."""
    versions = version_names(deal.record for deal in deals)
    rows = [_as_row(deal, versions) for deal in deals]
    if sheet_format is SheetFormat.JSON:
        return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    text = io.StringIO()
    columns = ["document", "sequencer", "queue", "reasons", "why", "verdict", "confidence", "agreement"]
    writer = csv.DictWriter(text, [*columns, *versions, "choices", "draw", "label"])
    writer.writeheader()
    writer.writerows({name: _as_cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def encode_sheet(text: str, sheet_format: SheetFormat) -> bytes:
    """Encode a sheet for a file. CSV gets a byte order mark, without which Excel does not read it as UTF-8."""
    return text.encode("utf-8-sig" if sheet_format is SheetFormat.CSV else "utf-8")


def parse_sheet(content: bytes, sheet_format: SheetFormat) -> list[SheetRow]:
    """Return the rows that have a label.

    Raises:
        UsageError: The content is not a sheet, or names one record twice.
    """
    text = _decode(content)
    cells = _json_cells(text) if sheet_format is SheetFormat.JSON else _csv_cells(text)
    rows = [row for row in _rows(cells) if row.label]
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row.document, row.sequencer)
        if key in seen:
            raise UsageError(f"Rows {seen[key]} and {row.number} label the same record, {row.document}.")
        seen[key] = row.number
    return rows


def import_rows(reviews: Reviews, rows: Iterable[SheetRow], *, by: str, advance: Callable[[], object]) -> ImportSummary:
    """Store the labels of a sheet, several at a time.

    Args:
        reviews: Where to store them.
        rows: The labelled rows.
        by: Reviewer of the rows that name none.
        advance: Called after each row.
    """
    summary = ImportSummary()
    with ThreadPoolExecutor(_MAX_CONCURRENT) as pool:
        for failure, changed in pool.map(lambda row: _import_row(reviews, row, by), rows):
            if failure:
                summary.failures.append(failure)
            elif changed:
                summary.labelled += 1
            else:
                summary.unchanged += 1
            advance()
    return summary


def _import_row(reviews: Reviews, row: SheetRow, by: str) -> tuple[str, bool]:
    """Store one label. Return why it failed, and whether anything was written."""
    reviewer = row.by or by
    try:
        current = reviews.find(row.document, row.sequencer)
        if current and _already_imported(current, row.label, reviewer):
            return "", False
        reviews.label(row.document, row.sequencer, row.label, reviewer, seconds=row.seconds, draw=row.draw)
    except TriptychError as error:
        return f"row {row.number}: {error}", False
    return "", True


def _already_imported(record: Record, label: str, reviewer: str) -> bool:
    """Return whether the label is stored, or was until another reviewer replaced it."""
    if record.review is None:
        return False
    if record.review.by == reviewer:
        return record.review.label == label
    return any((review.label, review.by) == (label, reviewer) for review in record.earlier_reviews)


def _as_row(deal: Deal, versions: Sequence[str]) -> dict[str, Any]:
    record, verdict = deal.record, deal.record.verdict
    return {
        "document": record.upload.document,
        "sequencer": record.upload.sort_key,
        "queue": str(record.queue or ""),
        "reasons": list(verdict.review_reasons) if verdict else [],
        "why": deal.reason,
        "verdict": verdict.label if verdict else "",
        "confidence": round(verdict.confidence, 4) if verdict else "",
        "agreement": str(verdict.agreement) if verdict else "",
        **{version: _format_outcome(record.predictions.get(version)) for version in versions},
        "choices": [*record.labels(), NONE_OF_THESE],
        "draw": deal.draw.as_dict(),
        "label": "",
    }


def _as_cell(value: Any) -> Any:
    """Return a value for CSV: lists as text, objects as JSON."""
    if isinstance(value, list):
        return ", ".join(value)
    return json.dumps(value) if isinstance(value, dict) else value


def _draw(cell: Any) -> Draw | None:
    """Read a draw from a cell: an object or its JSON.

    Raises:
        ValueError: The cell is neither.
    """
    try:
        content = json.loads(cell) if isinstance(cell, str) and cell.strip() else cell
        return Draw.from_dict(content) if content else None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("the column draw was changed: export the sheet again") from error


def _format_outcome(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    return outcome.kind if isinstance(outcome, ModelFailure) else f"{outcome.label} {outcome.confidence:.4f}"


def _rows(cells: Iterable[dict[str, Any]]) -> Iterator[SheetRow]:
    for number, row in enumerate(cells, start=1):
        try:
            seconds = str(row.get("seconds") or "").strip()
            yield SheetRow(
                number=number,
                document=str(row["document"] or ""),
                sequencer=str(row.get("sequencer") or "").strip(),
                label=normalize_label(str(row["label"] or "").strip()),
                by=str(row.get("by") or "").strip(),
                seconds=float(seconds) if seconds else None,
                draw=_draw(row.get("draw")),
            )
        except KeyError as missing:
            raise UsageError(f"Row {number} has no {missing}: a sheet needs the columns document and label.") from None
        except ValueError as error:
            raise UsageError(f"Row {number} cannot be read: {error}.") from None


def _decode(content: bytes) -> str:
    """Decode the text of a sheet.

    Without a byte order mark, zero bytes mean UTF-16. Other text is read as UTF-8 or, if that fails, as Windows-1252,
    the encoding in which spreadsheets of Western Europe and America save CSV.
    """
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if b"\0" in content[:2]:
        return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le", "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _json_cells(text: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise UsageError(f"The sheet is not JSON: {error}.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError("The sheet is not a JSON array of objects.")
    return rows


def _csv_cells(text: str) -> Iterator[dict[str, Any]]:
    separator, text = _separator(text)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        yield from reader
    except csv.Error as error:
        raise UsageError(f"The sheet is not CSV: {error}.") from None


def _separator(text: str) -> tuple[str, str]:
    """Return the separator of CSV, and the text without the `sep=` line that some spreadsheets write first."""
    header, *rest = re.split(r"\r\n|\r|\n", text, maxsplit=1)
    if declared := re.fullmatch(r"sep=(.)", header):
        return declared[1], "".join(rest)
    return max(",;\t", key=header.count), text
