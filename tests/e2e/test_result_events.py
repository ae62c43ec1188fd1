"""With Results=events, each revision of a record becomes an event, also while the publisher fails."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from records.record import Record
from records.reviews import Queue, Review
from records.table import RecordTable
from testkit.local_stack import publisher_denied
from testkit.result_events import ReceivedEvent, ResultQueue, event_ids, missing_events
from tests.e2e.conftest import RETRY_SECONDS
from tests.support.uploads import NOON, prediction, record, upload
from triptych.stack import Home, Stack, start_stack
from triptych.storage.connection import StackConnection

pytestmark = pytest.mark.slow

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}


@pytest.fixture(scope="module")
def events(stack: Stack, home: Home, connection: StackConnection) -> Iterator[ResultQueue]:
    start_stack(home=home, results="events", retry_seconds=RETRY_SECONDS)
    yield ResultQueue(connection)
    start_stack(home=home, results="none", retry_seconds=RETRY_SECONDS)


def store(connection: StackConnection, name: str) -> Record:
    stored = record(AGREED, of=upload(f"events/{name}", bucket=connection.bucket))
    RecordTable(connection.table).save(stored, replacing=None)
    return stored


def label(connection: StackConnection, stored: Record) -> Record:
    labelled = replace(stored, review=Review("receipt", "ada", NOON, Queue.OTHER)).next_revision(stored)
    RecordTable(connection.table).save(labelled, replacing=stored)
    return labelled


def about(received: list[ReceivedEvent], stored: Record) -> dict[str, str]:
    """Return the types of the events about a record, by id."""
    return {event.detail["id"]: event.detail_type for event in received if event.detail["id"] in event_ids(stored)}


def test_classification_and_label_become_events(connection: StackConnection, events: ResultQueue) -> None:
    labelled = label(connection, store(connection, "a.pdf"))
    received = events.receive_about([labelled], seconds=30)
    assert list(about(received, labelled).values()) == ["Document Classified", "Document Reviewed"]


def test_no_event_is_lost_while_the_publisher_may_not_send(connection: StackConnection, events: ResultQueue) -> None:
    with publisher_denied(connection):
        labelled = label(connection, store(connection, "b.pdf"))
        assert not about(events.receive_about([labelled], seconds=3), labelled)
    received = events.receive_about([labelled], seconds=30)
    assert not missing_events([labelled], received)
