"""Protects: an export to S3 equals one to a folder, continues after an interruption, and shows no incomplete file.

S3 is that of the emulator, which PyArrow's own client calls.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from records.record import Record
from records.table import RecordTable
from testkit.template import table_definition
from tests.support.tools import require_tool
from tests.support.uploads import NOON, prediction, record, upload
from triptych.errors import UsageError
from triptych.stack import Home
from triptych.stack.emulator import endpoint_url, start_emulator
from triptych.stack.environment import local_session
from triptych.stack.processes import stop_processes
from triptych.storage.connection import StackConnection, from_outputs
from triptych.tables.export import DailyReader, export_records
from triptych.tables.files import Location
from triptych.tables.formats import TableFormat
from triptych.tables.sql import run_sql

pytestmark = pytest.mark.slow

OUTPUTS = {
    "InboxBucketName": "inbox",
    "TableName": "records",
    "OrchestratorFunctionName": "orchestrator",
    "FailureQueueUrl": "failures",
}
BUCKET = "analysts"
TODAY = date(2026, 11, 25)
AGREED = {version: prediction() for version in ("v1", "v2", "v3")}
COUNTS = "select cast(day as varchar), count(*) from records group by day order by day"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackConnection]:
    """An emulator with a table of nine records of three days, and a bucket for exports."""
    require_tool("sam")
    home = Home(tmp_path_factory.mktemp("exports"))
    server = start_emulator(home, retry_seconds=1)
    try:
        found = replace(from_outputs("local", OUTPUTS, local_session()), endpoint_url=endpoint_url(server.port))
        found.s3.create_bucket(Bucket=BUCKET)
        client: Any = found.table.meta.client
        client.create_table(**table_definition("records"))
        for number in range(9):
            at = NOON + timedelta(days=number // 3, minutes=number)
            of = upload(f"scan-{number}.pdf", bucket="inbox", event_time=at, sequencer=f"{number:016X}")
            RecordTable(found.table).save(record(AGREED, of=of), replacing=None)
        yield found
    finally:
        stop_processes(server.process)


@pytest.fixture
def folder(stack: StackConnection, request: pytest.FixtureRequest) -> Location:
    """A prefix in the bucket for each test."""
    return Location.parse(f"s3://{BUCKET}/{request.node.name}", stack)


def export(
    stack: StackConnection,
    folder: Location,
    *,
    since: date | None = None,
    table_format: TableFormat = TableFormat.PARQUET,
    on_day: Any = lambda *_: None,
    reader: DailyReader | None = None,
) -> int:
    records = reader or DailyReader(stack.table)
    return export_records(records, folder, since, table_format, today=TODAY, on_day=on_day)


def objects(stack: StackConnection, folder: Location) -> dict[str, Any]:
    """Return the version of each file below the prefix, by the rest of its key, without the markers of folders."""
    bucket, _, prefix = folder.path.partition("/")
    found = stack.s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", [])
    versions = {each["Key"].removeprefix(f"{prefix}/"): (each["ETag"], each["LastModified"]) for each in found}
    return {name: version for name, version in versions.items() if name and not name.endswith("/")}


def select(folder: Location, query: str) -> list[Any]:
    return [tuple(row) for row in run_sql(query, folder).rows]


def test_an_export_to_s3_equals_one_to_a_folder(stack: StackConnection, folder: Location, tmp_path: Path) -> None:
    local = Location.parse(str(tmp_path), None)
    assert export(stack, folder) == export(stack, local) == 9
    for table in ("records", "predictions"):
        query = f"select * from {table} order by all"  # noqa: S608 -- a name of this test
        assert select(folder, query) == select(local, query)
    assert set(objects(stack, folder)) == {
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("table_format", [TableFormat.CSV, TableFormat.JSONL])
def test_text_formats(stack: StackConnection, folder: Location, table_format: TableFormat) -> None:
    export(stack, folder, table_format=table_format)
    names: list[str] = []
    for day in (22, 23, 24):
        text = (folder / "records" / f"day=2026-11-{day}" / f"part-0.{table_format}").read_text() or ""
        rows = (
            csv.DictReader(io.StringIO(text)) if table_format is TableFormat.CSV else map(json.loads, text.splitlines())
        )
        names += [row["key"] for row in rows]
    assert names == [f"scan-{number}.pdf" for number in range(9)]
    with pytest.raises(UsageError, match="no Parquet files"):
        select(folder, COUNTS)


def test_an_interrupted_export_continues_with_the_next_day(stack: StackConnection, folder: Location) -> None:
    def interrupt(day: date, _: int) -> None:
        if day.day == 23:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(stack, folder, on_day=interrupt)
    before = objects(stack, folder)
    assert "_export.json" in before
    assert export(stack, folder) == 9
    after = objects(stack, folder)
    assert "_export.json" not in after
    first = "records/day=2026-11-22/part-0.parquet"
    assert after[first] == before[first], "a complete day is not written again"
    assert select(folder, COUNTS) == [("2026-11-22", 3), ("2026-11-23", 3), ("2026-11-24", 3)]


class BrokenReader(DailyReader):
    """A reader that fails after the first batch of a day, which is written by then."""

    def days(self, since: date | None) -> Iterator[tuple[date, Iterator[Record]]]:
        for day, _ in super().days(since):
            yield day, self._failing(day)

    def _failing(self, day: date) -> Iterator[Record]:
        at = NOON.replace(day=day.day)
        for number in range(2_000):
            yield record(AGREED, of=upload(f"{number}.pdf", event_time=at))
        raise ConnectionError


def test_a_failure_within_a_day_leaves_no_part_of_it(stack: StackConnection, folder: Location) -> None:
    with pytest.raises(ConnectionError):
        export(stack, folder, reader=BrokenReader(stack.table))
    assert objects(stack, folder) == {}


def test_a_failed_export_keeps_the_files_of_an_earlier_one(stack: StackConnection, folder: Location) -> None:
    export(stack, folder)
    before = objects(stack, folder)
    with pytest.raises(ConnectionError):
        export(stack, folder, reader=BrokenReader(stack.table))
    assert objects(stack, folder) == before


def test_an_export_since_a_day_replaces_that_day_and_keeps_earlier_ones(
    stack: StackConnection, folder: Location
) -> None:
    export(stack, folder)
    before = objects(stack, folder)
    assert export(stack, folder, since=date(2026, 11, 24)) == 3
    after = objects(stack, folder)
    changed = {key for key in after if after[key] != before[key]}
    assert changed <= {"records/day=2026-11-24/part-0.parquet", "predictions/day=2026-11-24/part-0.parquet"}
    assert select(folder, COUNTS) == [("2026-11-22", 3), ("2026-11-23", 3), ("2026-11-24", 3)]
