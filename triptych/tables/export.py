"""The export: all records and labels as files, one partition for each day of upload.

    OUT/records/day=2026-11-22/part-0.parquet
    OUT/predictions/day=2026-11-22/part-0.parquet
    OUT/labels/day=2026-11-22/part-0.parquet

The names of the folders are those of Hive, which DuckDB, pandas, Spark and Athena read as a column `day`.
"""

import heapq
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from records.keys import SHARDS
from records.record import Record
from records.rows import revision_row, rows_of
from triptych.storage.results import RecordQuery
from triptych.tables.files import Location, TableFile
from triptych.tables.formats import TableFormat
from triptych.tables.schemas import REVISIONS, SCHEMAS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

_BATCH = 2_000
"""Records in memory at a time."""

_PROGRESS = "_export.json"
"""File that lists the days which an interrupted export has completed. Readers skip names with an underscore."""


class DailyReader:
    """Reads the records of a table day by day. Days are those of the upload, in UTC."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def days(self, since: date | None) -> Iterator[tuple[date, Iterator[Record]]]:
        """Yield each day with its records, oldest first. The records of a day must be read before the next day.

        All shards are read from the beginning to the end, a page at a time, and merged by time.
        """
        query = RecordQuery(since=_start_of(since) if since else None)
        shards = [self._shard(query, shard) for shard in range(SHARDS)]
        return itertools.groupby(heapq.merge(*shards, key=_uploaded_at), key=lambda record: _uploaded_at(record).date())

    def _shard(self, query: RecordQuery, shard: int) -> Iterator[Record]:
        arguments: dict[str, Any] = {"IndexName": query.index, "KeyConditionExpression": query.condition(shard)}
        while True:
            page = self._table.query(**arguments)
            yield from map(Record.from_item, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _uploaded_at(record: Record) -> datetime:
    return record.upload.event_time


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@dataclass
class ExportProgress:
    """Progress of an interrupted export.

    Attributes:
        file: The file with the progress.
        settings: First day and format: an export with others starts again.
        days: The completed days, with the number of records of each.
    """

    file: Location
    settings: dict[str, str]
    days: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Location, since: date | None, table_format: TableFormat) -> "ExportProgress":
        """Return the progress of the same export, or none."""
        settings = {"since": since.isoformat() if since else "", "format": str(table_format)}
        file = folder / _PROGRESS
        try:
            saved = json.loads(file.read_text() or "{}")
        except ValueError:
            saved = {}
        return cls(file, settings, saved["days"] if saved.get("settings") == settings else {})

    def next_day(self, since: date | None) -> date | None:
        """Return the first day that is not complete."""
        if not self.days:
            return since
        return date.fromisoformat(max(self.days)) + timedelta(days=1)

    def complete(self, day: date, records: int) -> None:
        """Save that a day is complete."""
        self.days[day.isoformat()] = records
        self.file.write_text(json.dumps({"settings": self.settings, "days": self.days}))


def export_records(
    reader: DailyReader,
    folder: Location,
    since: date | None,
    table_format: TableFormat,
    *,
    today: date,
    on_day: Callable[[date, int], None],
) -> int:
    """Write the records to a folder. Days that an interrupted export has completed are not read again.

    Args:
        reader: Reads the records.
        folder: Where to write. Files of an earlier export of the same days are replaced.
        since: The first day; None for the first upload. Days are exported as a whole.
        table_format: The format of the files.
        today: The current day, whose records are read again by the next attempt.
        on_day: Is called after each day with the number of records so far.

    Returns:
        The number of records.
    """
    progress = ExportProgress.load(folder, since, table_format)
    total = sum(progress.days.values())
    for day, records in reader.days(progress.next_day(since)):
        count = _export_day(records, folder, table_format, day)
        if day < today:
            progress.complete(day, count)
        total += count
        on_day(day, total)
    progress.file.delete()
    return total


def _export_day(records: Iterator[Record], folder: Location, table_format: TableFormat, day: date) -> int:
    count = 0
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(
                TableFile(folder / name / f"day={day}" / f"part-0.{table_format}", schema, table_format)
            )
            for name, schema in SCHEMAS.items()
        }
        while batch := list(itertools.islice(records, _BATCH)):
            count += len(batch)
            rows = list(map(rows_of, batch))
            for name, file in files.items():
                file.write([row for of_record in rows for row in of_record[name]])
    return count


def export_revisions(
    reader: DailyReader, folder: Location, since: date | None, *, today: date, on_day: Callable[[date, int], None]
) -> int:
    """Write a row for each record as Analytics=events does, for records that were written before it.

    Args:
        reader: Reads the records.
        folder: The folder of the table `revisions`.
        since: The first day; None for the first upload.
        today: The current day, which is the partition of all rows. A repetition on the same day replaces them; on
            another day it repeats them, which the views for Athena do not show.
        on_day: Is called after each day with the number of records so far.

    Returns:
        The number of records.
    """
    total = 0
    for day, records in reader.days(since):
        target = folder / f"arrived={today}" / f"export-{day}.parquet"
        with TableFile(target, REVISIONS, TableFormat.PARQUET) as file:
            while batch := list(itertools.islice(records, _BATCH)):
                file.write(list(map(revision_row, batch)))
                total += len(batch)
        on_day(day, total)
    return total
