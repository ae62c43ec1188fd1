"""Protects: each caller's event is recognised, and what it contains is decoded."""

import json
from typing import Any

import pytest

from orchestrator.events import BatchInvocation, BatchTask, Notification, QueueBatch, QueueMessage, parse_event
from records.errors import MalformedEvent
from records.notifications import parse_notification
from tests.support.events import example_event, sns_event, sns_message


@pytest.mark.parametrize("name", ["s3_put", "s3_test_event", "s3_put_without_size", "eventbridge_object_created"])
@pytest.mark.parametrize("wrap", [lambda event: event, sns_event, sns_message])
def test_notification_is_parsed_in_every_form(name: str, wrap: Any) -> None:
    event = example_event(name)
    assert parse_event(wrap(event)) == Notification(parse_notification(event))


def test_event_of_a_redrive_has_a_budget() -> None:
    event = example_event("s3_put")
    assert parse_event({**event, "budget_seconds": 27}) == Notification(parse_notification(event), 27.0)


@pytest.mark.parametrize("budget", [0, -1, 901, "soon", None, float("nan")])
def test_invalid_budget_is_rejected(budget: Any) -> None:
    with pytest.raises(MalformedEvent):
        parse_event({**example_event("s3_put"), "budget_seconds": budget})


def test_invocation_without_records_announces_no_upload() -> None:
    assert parse_event({"Records": []}) == Notification([])


def queue_event(*bodies: str) -> dict[str, Any]:
    records = [{"messageId": f"m{n}", "eventSource": "aws:sqs", "body": body} for n, body in enumerate(bodies)]
    return {"Records": records}


def test_queue_batch_keeps_its_messages_undecoded() -> None:
    assert parse_event(queue_event("not JSON", "{}")) == QueueBatch(
        [QueueMessage("m0", "not JSON"), QueueMessage("m1", "{}")]
    )


@pytest.mark.parametrize("wrap", [lambda event: event, sns_message])
def test_message_announces_the_uploads_of_its_body(wrap: Any) -> None:
    event = example_event("s3_put")
    assert QueueMessage("m0", json.dumps(wrap(event))).uploads() == parse_notification(event)


@pytest.mark.parametrize("body", ["not JSON", "[1]", '{"hello": "world"}'])
def test_message_that_is_not_a_notification_is_malformed(body: str) -> None:
    with pytest.raises(MalformedEvent):
        QueueMessage("m0", body).uploads()


def test_batch_invocation_names_decoded_keys() -> None:
    task = BatchTask("dGFza2lkZ29lc2hlcmUK", "documents", "from Zürich/50% off+tax.pdf", None)
    invocation = parse_event(example_event("s3_batch_operations"))
    assert isinstance(invocation, BatchInvocation)
    assert (invocation.schema_version, invocation.tasks) == ("2.0", [task])


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"hello": "world"},
        {"invocationSchemaVersion": "2.0"},
        {"invocationSchemaVersion": "2.0", "tasks": [{"taskId": "t"}]},
        {"Records": [{"eventSource": "aws:sqs"}]},
        {"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": "{}"}, None]},
        ["not", "an", "object"],
        "text",
        None,
    ],
)
def test_event_of_unknown_form_is_malformed(event: Any) -> None:
    with pytest.raises(MalformedEvent):
        parse_event(event)
