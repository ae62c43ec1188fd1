"""Protects: an export contains each record, prediction and label once, typed, and survives an interruption."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from records.record import Reason, Record, Status
from records.reviews import Draw, Queue, Review
from records.table import RecordTable
from tests.support.uploads import NOON, model_failure, prediction, record, upload
from triptych.errors import TriptychError, UsageError
from triptych.storage.connection import StackConnection
from triptych.tables.export import DailyReader, export_records
from triptych.tables.files import Location
from triptych.tables.formats import TableFormat
from triptych.tables.sql import run_sql

TODAY = date(2026, 11, 24)
AGREED = {version: prediction() for version in ("v1", "v2", "v3")}
DRAW = Draw(Queue.REVIEW, 0.25)


@pytest.fixture
def stored(stack: StackConnection) -> list[Record]:
    """Records of three days; on the second day a label that replaced another, on the third a failed version."""
    records = []
    for number in range(12):
        at = NOON + timedelta(days=number // 4, minutes=number)
        of = upload(f"scan-{number}.pdf", bucket="inbox", event_time=at, sequencer=f"{number:016X}")
        records.append(record(AGREED, of=of))
    labelled = replace(
        records[5],
        review=Review("receipt", "ada", NOON, Queue.REVIEW, 3.5, DRAW),
        earlier_reviews=(Review("invoice", "bob", NOON, Queue.REVIEW, None, DRAW),),
    )
    records[5] = labelled
    records[9] = record({**AGREED, "v2": model_failure()}, of=records[9].upload)
    records[10] = record({}, of=records[10].upload, status=Status.REJECTED, reason=Reason("empty", "no bytes"))
    for each in records:
        RecordTable(stack.table).save(each, replacing=None)
    return records


def export(
    stack: StackConnection,
    folder: Path,
    *,
    since: date | None = None,
    table_format: TableFormat = TableFormat.PARQUET,
    on_day: Any = lambda *_: None,
) -> int:
    location = Location.parse(str(folder), None)
    return export_records(DailyReader(stack.table), location, since, table_format, today=TODAY, on_day=on_day)


def days(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*/day=*")}


def select(folder: Path, query: str) -> list[Any]:
    return [tuple(row) for row in run_sql(query, Location.parse(str(folder), None)).rows]


def test_every_record_is_exported_once(stack: StackConnection, stored: list[Record], tmp_path: Path) -> None:
    assert export(stack, tmp_path) == 12
    found = Counter(document for (document,) in select(tmp_path, "select document from records"))
    assert found == Counter(each.upload.document for each in stored)
    assert days(tmp_path) == {"day=2026-11-22", "day=2026-11-23", "day=2026-11-24"}


def test_export_covers_every_prediction_and_label(stack: StackConnection, stored: list[Record], tmp_path: Path) -> None:
    export(stack, tmp_path)
    assert select(tmp_path, "select count(*), count(label), count(error) from predictions") == [(33, 32, 1)]
    query = 'select label, "by", current, queue, seconds, draw_probability from labels order by current'
    assert select(tmp_path, query) == [
        ("invoice", "bob", False, "review", None, 0.25),
        ("receipt", "ada", True, "review", 3.5, 0.25),
    ]
    query = "select reviewed_label from records where reviewed_at is not null"
    assert select(tmp_path, query) == [("receipt",)]


def test_columns_are_typed(stack: StackConnection, stored: list[Record], tmp_path: Path) -> None:
    export(stack, tmp_path)
    query = "select day, event_time, size, confidence, audit, reason_kind from records order by sequencer"
    first = select(tmp_path, query)[0]
    assert first[0] == date(2026, 11, 22)
    assert first[1].astimezone(UTC) == datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert first[2:] == (5, pytest.approx(stored[0].verdict.confidence if stored[0].verdict else 0), False, None)


def test_other_programs_read_the_files(stack: StackConnection, stored: list[Record], tmp_path: Path) -> None:
    export(stack, tmp_path)
    frame = pd.read_parquet(tmp_path / "records")
    assert frame["status"].value_counts().to_dict() == {"COMPLETE": 10, "PARTIAL": 1, "REJECTED": 1}
    rows = duckdb.read_parquet(f"{tmp_path}/records/*/*.parquet", hive_partitioning=True)
    assert rows.aggregate("count(*)").fetchall() == [(12,)]


@pytest.mark.parametrize("table_format", [TableFormat.CSV, TableFormat.JSONL])
def test_text_formats_contain_the_same_rows(
    stack: StackConnection, stored: list[Record], tmp_path: Path, table_format: TableFormat
) -> None:
    export(stack, tmp_path, table_format=table_format)
    rows: list[dict[str, Any]] = []
    for path in sorted((tmp_path / "predictions").glob(f"*/*.{table_format}")):
        with path.open(newline="") as file:
            rows += csv.DictReader(file) if table_format is TableFormat.CSV else map(json.loads, file)
    assert len(rows) == 33
    assert {row["version"]: float(row["confidence"]) for row in rows if row.get("confidence")} == dict.fromkeys(
        AGREED, 0.9
    )
    with pytest.raises(UsageError, match="no Parquet files"):
        select(tmp_path, "select 1")


def test_interrupted_export_continues_with_the_next_day(
    stack: StackConnection, stored: list[Record], tmp_path: Path, operations: list[str]
) -> None:
    def interrupt(day: date, _: int) -> None:
        if day == date(2026, 11, 23):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(stack, tmp_path, on_day=interrupt)
    first = tmp_path / "records" / "day=2026-11-22" / "part-0.parquet"
    written = first.stat().st_mtime_ns
    assert export(stack, tmp_path) == 12
    assert first.stat().st_mtime_ns == written
    assert select(tmp_path, "select count(*) from records") == [(12,)]
    assert not list(tmp_path.glob("_*"))

    export(stack, tmp_path)
    assert first.stat().st_mtime_ns > written, "a complete export starts again"


def test_failure_within_a_day_leaves_no_file_of_it(
    stack: StackConnection, stored: list[Record], tmp_path: Path
) -> None:
    class BrokenReader(DailyReader):
        def days(self, since: date | None) -> Iterator[tuple[date, Iterator[Record]]]:
            for day, records in super().days(since):
                yield day, broken(records)

    def broken(records: Iterator[Record]) -> Iterator[Record]:
        yield from records
        raise ConnectionError

    location = Location.parse(str(tmp_path), None)
    with pytest.raises(ConnectionError):
        export_records(
            BrokenReader(stack.table), location, None, TableFormat.PARQUET, today=TODAY, on_day=lambda *_: None
        )
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_export_since_a_day_replaces_that_day_and_keeps_earlier_ones(
    stack: StackConnection, stored: list[Record], tmp_path: Path
) -> None:
    export(stack, tmp_path)
    late = upload("late.pdf", bucket="inbox", event_time=NOON + timedelta(days=1))
    RecordTable(stack.table).save(record(AGREED, of=late), replacing=None)
    assert export(stack, tmp_path, since=date(2026, 11, 23)) == 9
    query = "select day::varchar, count(*) from records group by day order by day"
    assert select(tmp_path, query) == [("2026-11-22", 4), ("2026-11-23", 5), ("2026-11-24", 4)]


def test_empty_table_exports_nothing(stack: StackConnection, tmp_path: Path) -> None:
    assert export(stack, tmp_path / "out") == 0
    with pytest.raises(UsageError, match="triptych export"):
        select(tmp_path / "out", "select 1 from records")


def test_invalid_sql_is_an_error_with_the_reason(stack: StackConnection, stored: list[Record], tmp_path: Path) -> None:
    export(stack, tmp_path)
    with pytest.raises(TriptychError, match="nothing"):
        select(tmp_path, "select nothing from records")


@pytest.mark.parametrize("location", ["gs://bucket/prefix", "s3://"])
def test_other_urls_are_rejected(location: str) -> None:
    with pytest.raises(UsageError, match="s3://BUCKET/PREFIX"):
        Location.parse(location, None)
