"""Protects: a lost result event is noticed, and one that was sent twice is not counted as another."""

from dataclasses import replace

from publisher.result_events import result_event
from records.record import Record
from testkit.result_events import ReceivedEvent, missing_events
from tests.support.uploads import NOON, prediction, record

FIRST = record({version: prediction() for version in ("v1", "v2", "v3")})
THIRD = replace(FIRST, revision=3)


def received(*revisions: Record) -> list[ReceivedEvent]:
    events = [result_event(revision.to_item(), None, stack="triptych") for revision in revisions]
    return [ReceivedEvent(event.detail_type, dict(event.detail), NOON) for event in events if event]


def test_every_revision_of_a_record_has_an_event() -> None:
    second = replace(FIRST, revision=2)
    assert missing_events([THIRD], received(FIRST, THIRD, THIRD)) == {second_id(second)}
    assert missing_events([THIRD], received(THIRD, second, FIRST, FIRST)) == set()


def second_id(second: Record) -> str:
    [event] = received(second)
    return str(event.detail["id"])
