"""The export: all records and labels as files, one partition for each day of upload.

    OUT/records/day=2026-11-22/part-0.parquet
    OUT/predictions/day=2026-11-22/part-0.parquet
    OUT/labels/day=2026-11-22/part-0.parquet

The names of the folders are those of Hive, which DuckDB, pandas, Spark and Athena read as a column `day`.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from records.keys import SHARDS
from records.record import Record
from triptych.storage.results import RecordQuery
from triptych.tables.files import Location, TableFile
from triptych.tables.formats import TableFormat
from triptych.tables.rows import SCHEMAS, rows_of

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

    def days(self, since: date | None) -> Iterator[date]:
        """Yield the days with uploads, oldest first."""
        start = _start_of(since) if since else None
        while first := self._oldest(RecordQuery(since=start)):
            yield first.date()
            start = _start_of(first.date() + timedelta(days=1))

    def read(self, day: date) -> Iterator[Record]:
        """Yield the records of a day, shard by shard."""
        end = _start_of(day + timedelta(days=1)) - timedelta(milliseconds=1)
        query = RecordQuery(since=_start_of(day), until=end)
        for shard in range(SHARDS):
            arguments: dict[str, Any] = {"IndexName": query.index, "KeyConditionExpression": query.condition(shard)}
            while True:
                page = self._table.query(**arguments)
                yield from map(Record.from_item, page["Items"])
                if "LastEvaluatedKey" not in page:
                    break
                arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _oldest(self, query: RecordQuery) -> datetime | None:
        """Return the time of the first upload of a query."""
        times = []
        for shard in range(SHARDS):
            condition = query.condition(shard)
            page = self._table.query(IndexName=query.index, KeyConditionExpression=condition, Limit=1)
            times += [datetime.fromisoformat(str(item["event_time"])) for item in page["Items"]]
        return min(times, default=None)


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@dataclass
class ExportProgress:
    """What an interrupted export has completed.

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
        on_day: Is called after each day with the number of its records.

    Returns:
        The number of records.
    """
    progress, total = ExportProgress.load(folder, since, table_format), 0
    for day in reader.days(since):
        count = progress.days.get(day.isoformat())
        if count is None:
            count = _export_day(reader, folder, table_format, day)
            if day < today:
                progress.complete(day, count)
        total += count
        on_day(day, count)
    progress.file.delete()
    return total


def _export_day(reader: DailyReader, folder: Location, table_format: TableFormat, day: date) -> int:
    records = reader.read(day)
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
