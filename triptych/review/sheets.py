"""The review queue as a sheet that a script or a spreadsheet fills in, and filled-in sheets read back.

Both forms have the same columns; only `label` is to be filled in, and `by` where several people did it:

    document, sequencer    which record; keep them as text, for a spreadsheet takes some sequencers for numbers
    queue, reasons         why it waits
    verdict, confidence, agreement
    v1, v2, v3 …           what each version said, or its error
    choices                the labels that can be given
    label                  empty
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from records.outcomes import ModelFailure, Outcome
from records.record import Record
from records.reviews import NONE_OF_THESE
from triptych.errors import TriptychError, UsageError
from triptych.review.reviews import Reviews
from triptych.terminal.record_views import versions_in

_AT_ONCE = 8
"""Labels that are written at the same time."""


class Form(StrEnum):
    """How a sheet is written."""

    CSV = "csv"
    JSON = "json"

    @classmethod
    def of(cls, file: Path) -> "Form":
        """The form that a file's name tells; CSV where it tells none."""
        return cls.JSON if file.suffix.lower() == ".json" else cls.CSV


@dataclass(frozen=True)
class Row:
    """One filled-in row. `number` counts the rows from 1, as a person does."""

    number: int
    document: str
    sequencer: str
    label: str
    by: str = ""
    seconds: float | None = None


@dataclass
class Import:
    """What became of a sheet's rows."""

    labelled: int = 0
    unchanged: int = 0
    """Rows whose label stands already, or stood until another person corrected it: a sheet may be imported twice."""
    failures: list[str] = field(default_factory=list)


def write(records: Sequence[Record], form: Form) -> str:
    """The records as a sheet to be filled in."""
    versions = versions_in(records)
    rows = [_row(record, versions) for record in records]
    if form is Form.JSON:
        return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    text = io.StringIO()
    columns = ["document", "sequencer", "queue", "reasons", "verdict", "confidence", "agreement"]
    sheet = csv.DictWriter(text, [*columns, *versions, "choices", "label"])
    sheet.writeheader()
    sheet.writerows(
        {name: ", ".join(cell) if isinstance(cell, list) else cell for name, cell in row.items()} for row in rows
    )
    return text.getvalue()


def read(text: str, form: Form) -> list[Row]:
    """The rows in which a label was filled in.

    Raises:
        UsageError: it is no such sheet, or names one record twice.
    """
    rows = [row for row in _rows(text, form) if row.label]
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row.document, row.sequencer)
        if key in seen:
            raise UsageError(f"Rows {seen[key]} and {row.number} label the same record, {row.document}.")
        seen[key] = row.number
    return rows


def store(reviews: Reviews, rows: Iterable[Row], *, by: str, advance: Callable[[], object]) -> Import:
    """Write the labels, several at a time, and call `advance` after each row. `by` is who did it where no row says."""
    done = Import()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for failure, changed in pool.map(lambda row: _store(reviews, row, by), rows):
            if failure:
                done.failures.append(failure)
            elif changed:
                done.labelled += 1
            else:
                done.unchanged += 1
            advance()
    return done


def _store(reviews: Reviews, row: Row, by: str) -> tuple[str, bool]:
    """What went wrong, and whether anything was written."""
    who = row.by or by
    try:
        standing = reviews.find(row.document, row.sequencer)
        if standing and _told(standing, row.label, who):
            return "", False
        reviews.label(row.document, row.sequencer, row.label, who, seconds=row.seconds)
    except TriptychError as error:
        return f"row {row.number}: {error}", False
    return "", True


def _told(record: Record, label: str, who: str) -> bool:
    """Whether this label stands already, or somebody else's has taken its place since."""
    if record.review is None:
        return False
    if record.review.by == who:
        return record.review.label == label
    return any((review.label, review.by) == (label, who) for review in record.earlier_reviews)


def _row(record: Record, versions: Sequence[str]) -> dict[str, Any]:
    verdict = record.verdict
    return {
        "document": record.upload.document,
        "sequencer": record.upload.sort_key,
        "queue": str(record.queue or ""),
        "reasons": list(verdict.review_reasons) if verdict else [],
        "verdict": verdict.label if verdict else "",
        "confidence": round(verdict.confidence, 4) if verdict else "",
        "agreement": str(verdict.agreement) if verdict else "",
        **{version: _said(record.predictions.get(version)) for version in versions},
        "choices": [*record.labels(), NONE_OF_THESE],
        "label": "",
    }


def _said(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    return outcome.kind if isinstance(outcome, ModelFailure) else f"{outcome.label} {outcome.confidence:.4f}"


def _rows(text: str, form: Form) -> Iterator[Row]:
    for number, cells in enumerate(_json_cells(text) if form is Form.JSON else _csv_cells(text), start=1):
        try:
            seconds = str(cells.get("seconds") or "").strip()
            yield Row(
                number=number,
                document=str(cells["document"]),
                sequencer=str(cells.get("sequencer") or "").strip(),
                label=str(cells["label"] or "").strip(),
                by=str(cells.get("by") or "").strip(),
                seconds=float(seconds) if seconds else None,
            )
        except KeyError as missing:
            raise UsageError(f"Row {number} has no {missing}: a sheet of labels has document and label.") from None
        except ValueError as error:
            raise UsageError(f"Row {number} cannot be read: {error}.") from None


def _json_cells(text: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise UsageError(f"That is not JSON: {error}.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError("That is no JSON array of objects.")
    return rows


def _csv_cells(text: str) -> Iterable[dict[str, Any]]:
    header = text.partition("\n")[0]
    separator = ";" if header.count(";") > header.count(",") else ","  # some countries' spreadsheets write the former
    return csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator)
