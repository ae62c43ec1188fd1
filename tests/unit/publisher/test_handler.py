"""Protects: every change of a record is published, or kept with the reason, whatever EventBridge answers."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from publisher.handler import EventsNotSent, Publisher
from records.record import Record
from tests.support.uploads import policy, prediction, record, upload
from tests.unit.publisher.conftest import BUS, FakeEvents, change, kept, serialized

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}


def stored(number: int) -> Record:
    return record(AGREED, of=upload(f"{number}.pdf"))


def keys(entries: list[dict[str, Any]]) -> list[str]:
    return [json.loads(entry["Detail"])["key"] for entry in entries]


def refusing(key: str, code: str) -> Any:
    def refuse(entry: Mapping[str, Any]) -> str | None:
        return code if json.loads(entry["Detail"])["key"] == key else None

    return refuse


def test_each_change_is_sent_in_the_order_of_the_stream(publisher: Publisher, events: FakeEvents) -> None:
    assert publisher.publish([change(stored(number)) for number in range(25)]) == 25
    assert keys(events.accepted) == [f"{number}.pdf" for number in range(25)]
    assert {(entry["Source"], entry["EventBusName"]) for entry in events.accepted} == {("triptych", BUS)}


def test_deletions_and_policies_are_not_sent(publisher: Publisher, events: FakeEvents, queue: Any) -> None:
    policies = {"dynamodb": {"NewImage": serialized(policy(1))}}  # type: ignore[arg-type]
    assert publisher.publish([change(None, stored(1)), policies]) == 0
    assert (events.accepted, kept(queue)) == ([], [])


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalFailure"])
def test_batch_is_delivered_again_after_a_temporary_error(
    publisher: Publisher, events: FakeEvents, queue: Any, code: str
) -> None:
    events.refuse = refusing("1.pdf", code)
    with pytest.raises(EventsNotSent, match=r"1\.pdf"):
        publisher.publish([change(stored(number)) for number in range(3)])
    assert keys(events.accepted) == ["0.pdf", "2.pdf"]
    assert kept(queue) == []


def test_event_that_is_refused_for_good_is_kept_and_the_others_are_sent(
    publisher: Publisher, events: FakeEvents, queue: Any
) -> None:
    events.refuse = refusing("1.pdf", "MalformedDetail")
    assert publisher.publish([change(stored(number)) for number in range(3)]) == 2
    [message] = kept(queue)
    assert message["reason"] == "MalformedDetail: refused"
    assert keys([message["content"]]) == ["1.pdf"]


def test_item_that_cannot_be_read_is_kept_and_the_others_are_sent(
    publisher: Publisher, events: FakeEvents, queue: Any
) -> None:
    broken = change(stored(1))
    broken["dynamodb"]["NewImage"].pop("predictions")
    assert publisher.publish([broken, change(stored(2))]) == 1
    [message] = kept(queue)
    assert "predictions" in message["reason"]
    assert message["content"]["NewImage"]["key"] == {"S": "1.pdf"}


def test_a_batch_that_is_delivered_again_has_the_same_ids(publisher: Publisher, events: FakeEvents) -> None:
    changes = [change(replace(stored(1), revision=2), stored(1))]
    publisher.publish(changes)
    publisher.publish(changes)
    first, second = (json.loads(entry["Detail"])["id"] for entry in events.accepted)
    assert first == second
