"""Protects: `triptych expire` deletes old labelled records only, and none that is labelled meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from records.record import Record
from records.reviews import Queue, Review
from records.table import RecordTable
from tests.support.uploads import NOON, prediction, record, upload
from triptych.cli import app
from triptych.errors import UsageError
from triptych.repair.expiry import LabelExpiry
from triptych.storage import connection
from triptych.storage.connection import StackConnection

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}
LATER = NOON + timedelta(days=1)


def store(stack: StackConnection, key: str, labelled: datetime | None) -> Record:
    """Store a record of an upload at noon, with a label of a time."""
    review = Review("receipt", "ada", labelled, Queue.AUDIT) if labelled else None
    of = upload(key, bucket="inbox", event_time=NOON)
    stored = replace(record(AGREED, of=of), classified_at=NOON, review=review)
    RecordTable(stack.table).save(stored, replacing=None)
    return stored


def left(stack: StackConnection) -> set[str]:
    return {str(item["key"]) for item in stack.table.scan()["Items"]}


@pytest.fixture
def keys(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect", lambda _: stack)
    store(stack, "old.pdf", NOON)
    store(stack, "labelled-late.pdf", LATER)
    store(stack, "unlabelled.pdf", None)


@pytest.mark.usefixtures("keys")
def test_only_labelled_records_whose_last_write_is_old_are_deleted(stack: StackConnection) -> None:
    done = CliRunner().invoke(app, ["expire", "--labelled-before", "2026-11-22T18:00+00:00", "--yes"])
    assert done.stdout == "deleted 1 labelled records\n"
    assert left(stack) == {"labelled-late.pdf", "unlabelled.pdf"}


@pytest.mark.usefixtures("keys")
def test_command_asks_with_the_number(stack: StackConnection) -> None:
    declined = CliRunner().invoke(app, ["expire", "--labelled-before", "2026-11-24T00:00+00:00"], input="n\n")
    assert declined.exit_code == 1
    assert "Delete 2 labelled records" in declined.output
    assert len(left(stack)) == 3


def test_record_that_is_labelled_meanwhile_is_kept(stack: StackConnection) -> None:
    stored = store(stack, "old.pdf", NOON)
    expiry = LabelExpiry(stack.table, LATER)
    [found] = expiry.expired()
    again = stored.with_review(Review("invoice", "bob", datetime.now(UTC), Queue.OTHER)).next_revision(stored)
    RecordTable(stack.table).save(again, replacing=stored)
    assert not expiry.delete(found)
    assert left(stack) == {"old.pdf"}


def test_deleting_twice_is_not_an_error(stack: StackConnection) -> None:
    store(stack, "old.pdf", NOON)
    expiry = LabelExpiry(stack.table, LATER)
    [found] = expiry.expired()
    assert [expiry.delete(found), expiry.delete(found)] == [True, False]


def test_invalid_time_is_an_error(monkeypatch: pytest.MonkeyPatch, stack: StackConnection) -> None:
    monkeypatch.setattr(connection, "connect", lambda _: stack)
    assert isinstance(CliRunner().invoke(app, ["expire", "--labelled-before", "soon"]).exception, UsageError)
