"""Protects: an erasure deletes everything of one document and nothing of others, even if it is interrupted."""

from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from records.conversions import ConversionSummary
from records.derived import pages_key
from records.record import Record
from records.reviews import Queue, Review
from records.table import RecordTable
from tests.support.uploads import NOON, prediction, record, upload
from triptych.cli import app
from triptych.errors import TriptychError
from triptych.repair.erasure import Erasure
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.tables.export import DailyReader, export_records
from triptych.tables.files import Location
from triptych.tables.formats import TableFormat
from triptych.tables.sql import run_sql

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}
MEMBER = "_triptych/members/00/001-scan.pdf"


def store(stack: StackConnection, key: str, number: int = 1, **changes: object) -> Record:
    """Store an object and its labelled record."""
    version = stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"content")["VersionId"]
    of = upload(key, bucket=stack.bucket, sequencer=f"{number:016X}", version_id=version)
    stored = replace(record(AGREED, of=of), review=Review("invoice", "ada", NOON, Queue.REVIEW), **changes)  # type: ignore[arg-type]
    RecordTable(stack.table).save(stored, replacing=None)
    return stored


def erase(stack: StackConnection, key: str) -> None:
    erasure = Erasure(stack.s3, stack.table, stack.bucket)
    erasure.run(erasure.plan(key))


def left(stack: StackConnection) -> tuple[set[str], set[str]]:
    """Return the keys of all object versions and delete markers, and of all records."""
    listed = stack.s3.list_object_versions(Bucket=stack.bucket)
    objects = {found["Key"] for found in (*listed.get("Versions", []), *listed.get("DeleteMarkers", []))}
    return objects, {str(item["key"]) for item in stack.table.scan()["Items"]}


def test_erasure_deletes_all_versions_and_records_of_one_document(stack: StackConnection) -> None:
    for number in range(3):
        store(stack, "scan.pdf", number)
    stack.s3.delete_object(Bucket=stack.bucket, Key="scan.pdf")
    store(stack, "scan.pdf.old")
    store(stack, "scan")
    erase(stack, "scan.pdf")
    assert left(stack) == ({"scan.pdf.old", "scan"}, {"scan.pdf.old", "scan"})


def test_erasure_covers_members_and_converted_pages(stack: StackConnection) -> None:
    store(stack, MEMBER)
    parent = store(stack, "mail.eml", conversion=ConversionSummary("eml", 1.0, members=(MEMBER,)))
    stack.s3.put_object(Bucket=stack.bucket, Key=pages_key(parent.upload), Body=b"pages")
    store(stack, "other.pdf")
    erase(stack, "mail.eml")
    assert left(stack) == ({"other.pdf"}, {"other.pdf"})


def test_interrupted_erasure_is_completed_by_another(stack: StackConnection) -> None:
    store(stack, MEMBER)
    store(stack, "mail.eml", conversion=ConversionSummary("eml", 1.0, members=(MEMBER,)))

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "Throttled", "Message": "later"}}, "DeleteItem")

    events = stack.table.meta.client.meta.events
    events.register("before-call.dynamodb.DeleteItem", refuse)
    try:
        with pytest.raises(ClientError):
            erase(stack, "mail.eml")
    finally:
        events.unregister("before-call.dynamodb.DeleteItem", refuse)
    assert left(stack)[0] == set()
    erase(stack, "mail.eml")
    assert left(stack) == (set(), set())


def test_command_erases_the_document_from_an_export(
    stack: StackConnection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(connection, "connect", lambda _: stack)
    store(stack, "scan.pdf")
    store(stack, "other.pdf")
    folder = Location.parse(str(tmp_path), None)
    export_records(
        DailyReader(stack.table), folder, None, TableFormat.PARQUET, today=NOON.date(), on_day=lambda *_: None
    )
    done = CliRunner().invoke(app, ["forget", "scan.pdf", "--yes", "--tables", str(tmp_path)])
    assert done.stdout == "erased 1 object versions and 1 records of scan.pdf, and rows in 3 files\n"
    for table in ("records", "predictions", "labels"):
        query = f"select distinct document from {table}"  # noqa: S608 -- a name of this test
        assert list(run_sql(query, folder).rows) == [("inbox/other.pdf",)]
    again = CliRunner().invoke(app, ["forget", "scan.pdf", "--yes", "--tables", str(tmp_path)])
    assert isinstance(again.exception, TriptychError)


def test_command_asks_before_it_erases(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect", lambda _: stack)
    store(stack, "scan.pdf")
    declined = CliRunner().invoke(app, ["forget", "scan.pdf"], input="n\n")
    assert declined.exit_code == 1
    assert left(stack) == ({"scan.pdf"}, {"scan.pdf"})
    done = CliRunner().invoke(app, ["forget", "inbox/scan.pdf", "--yes"])
    assert done.stdout == "erased 1 object versions and 1 records of scan.pdf\n"
    again = CliRunner().invoke(app, ["forget", "scan.pdf", "--yes"])
    assert isinstance(again.exception, TriptychError)
