"""Protects: after a crash, the saved table and the journal give the last state of every item."""

import itertools
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from testkit.template import table_definition
from triptych.stack.journal import Change, Journal, restore, write_stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE = "records"


@pytest.fixture
def session() -> Iterator[boto3.Session]:
    with mock_aws():
        yield boto3.Session("testing", "testing", region_name="us-east-1")


@pytest.fixture
def client(session: boto3.Session) -> "DynamoDBClient":
    client = session.client("dynamodb")
    client.create_table(**table_definition(TABLE))
    return client


def item(document: str, revision: int | None) -> dict[str, Any]:
    fields: dict[str, Any] = {"document": document, "sequencer": "0", "content": f"{document} {revision}"}
    if revision is not None:
        fields["revision"] = revision
    return {name: TypeSerializer().serialize(value) for name, value in fields.items()}


def written(document: str, revision: int | None) -> Change:
    new = item(document, revision)
    return Change(key_of(new), new, None if revision is None else str(revision))


def deleted(document: str, revision: int) -> Change:
    return Change(key_of(item(document, revision)), None, str(revision))


def key_of(content: dict[str, Any]) -> dict[str, Any]:
    return {name: content[name] for name in ("document", "sequencer")}


def contents(client: "DynamoDBClient") -> set[str]:
    return {found["content"]["S"] for found in client.scan(TableName=TABLE)["Items"]}


def test_journal_replaces_earlier_revisions_and_adds_missing_items(client: "DynamoDBClient", tmp_path: Path) -> None:
    client.put_item(TableName=TABLE, Item=item("a", 1))
    journal = Journal(tmp_path / "journal")
    journal.append([written("a", 2), written("a", 3), written("b", 1), written("~policy", None)])
    assert restore(journal, client, TABLE) == 3
    assert contents(client) == {"a 3", "b 1", "~policy None"}


def test_journal_never_replaces_a_later_revision(client: "DynamoDBClient", tmp_path: Path) -> None:
    client.put_item(TableName=TABLE, Item=item("a", 5))
    journal = Journal(tmp_path / "journal")
    journal.append([written("a", 4), deleted("a", 4)])
    restore(journal, client, TABLE)
    assert contents(client) == {"a 5"}


def test_document_that_was_deleted_and_uploaded_again_has_its_new_record(
    client: "DynamoDBClient", tmp_path: Path
) -> None:
    client.put_item(TableName=TABLE, Item=item("a", 3))
    journal = Journal(tmp_path / "journal")
    journal.append([written("a", 3), deleted("a", 3), written("a", 1)])
    restore(journal, client, TABLE)
    assert contents(client) == {"a 1"}


@contextmanager
def space_for(number: int) -> Iterator[None]:
    """Let no file of this process grow beyond a number of bytes: as on a full disk, the rest of a write fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_delays_changes_and_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append([written("a", 1)])
    with space_for(path.stat().st_size + 30):
        write_stream(journal, lambda: iter([[written("b", 1)]]))
    assert not path.read_text().endswith("\n"), "the disk is full in the middle of a line"

    write_stream(journal, lambda: iter([[written("a", 1), written("b", 1)], [written("c", 1)]]))
    assert [change.item for change in journal.changes()] == [item(name, 1) for name in ("a", "a", "b", "c")]


def test_disk_without_any_space_keeps_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([written("a", 1)])
    with space_for(0):
        write_stream(journal, lambda: iter([[written("b", 1)]]))
    assert [change.item for change in journal.changes()] == [item("a", 1)]


def test_incomplete_last_line_is_ignored_and_removed(client: "DynamoDBClient", tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([written("a", 1)])
    with (tmp_path / "journal").open("a") as file:
        file.write('{"key":{"document":{"S":"b')
    journal.compact()
    journal.append([written("c", 1)])
    restore(journal, client, TABLE)
    assert contents(client) == {"a 1", "c 1"}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30),
    st.integers(0, 30),
)
def test_compacted_journal_restores_the_same_table(steps: list[tuple[str, bool]], saved_after: int) -> None:
    """The table was saved after some changes. The journal contains all of them, as after a crash."""
    table: dict[str, int] = {}
    saved: dict[str, int] = {}
    changes = []
    for number, (document, deletes) in enumerate(steps):
        if number == saved_after:
            saved = dict(table)
        if deletes and document in table:
            changes.append(deleted(document, table.pop(document)))
        else:
            table[document] = table.get(document, 0) + 1
            changes.append(written(document, table[document]))
    if saved_after >= len(steps):
        saved = dict(table)

    restored = dict(saved)
    for change in itertools.chain.from_iterable(_compacted(changes)):
        document, revision = change.key["document"]["S"], int(change.revision or 0)
        if change.item is None:
            if restored.get(document, revision + 1) <= revision:
                del restored[document]
        elif restored.get(document, 0) < revision:
            restored[document] = revision
    assert restored.keys() == table.keys()


def _compacted(changes: list[Change]) -> list[list[Change]]:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal")
        journal.append(changes)
        return journal.compact()


def test_changes_are_read_from_the_records_of_a_stream() -> None:
    old, new = item("a", 1), item("a", 2)
    assert Change.from_stream({"Keys": key_of(new), "NewImage": new, "OldImage": old}) == written("a", 2)
    assert Change.from_stream({"Keys": key_of(old), "OldImage": old}) == deleted("a", 1)
    policy = item("~policy", None)
    assert Change.from_stream({"Keys": key_of(policy), "NewImage": policy}) == written("~policy", None)
