"""Protects: every form of dead letter is parsed; none is lost, deleted unread, or left hidden."""

import json
from pathlib import Path
from typing import Any

import pytest

from triptych.repair.dead_letters import DeadLetter, DeadLetterQueue, parse_message
from triptych.storage.connection import StackConnection

EVENTS = Path(__file__).parents[3] / "events"
NOTIFICATION = json.loads((EVENTS / "s3_put.json").read_text())


def message(body: Any, **more: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": text,
        "Attributes": {"SentTimestamp": "1790000000000"},
    } | more


def envelope(payload: Any, **more: Any) -> dict[str, Any]:
    """Return what Lambda sends to an on-failure destination."""
    return {
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorType": "IncompleteRecords", "errorMessage": "documents/x.pdf is PARTIAL"},
    } | more


@pytest.mark.parametrize(
    ("sent", "error_name"),
    [
        (message(NOTIFICATION), ""),
        (message(envelope(NOTIFICATION)), "IncompleteRecords"),
        (message(envelope(NOTIFICATION, responsePayload=None)), "RetriesExhausted"),
        (message(NOTIFICATION, MessageAttributes={"ErrorMessage": {"StringValue": "timed out"}}), "timed out"),
    ],
    ids=["message of a queue", "Lambda's envelope", "envelope without response", "dead-letter queue of a function"],
)
def test_event_and_error_name_are_parsed_in_every_form(sent: Any, error_name: str) -> None:
    dead_letter = parse_message(sent)
    assert (dead_letter.event, dead_letter.error_name, dead_letter.parse_error) == (NOTIFICATION, error_name, "")
    assert len(dead_letter.uploads) == 1
    assert dead_letter.sent.isoformat() == "2026-09-21T14:13:20+00:00"


def test_eventbridge_events_are_parsed() -> None:
    event = json.loads((EVENTS / "eventbridge_object_created.json").read_text())
    assert len(parse_message(message(event)).uploads) == 1


@pytest.mark.parametrize(
    "body",
    ["not JSON", "[]", "7", {}, {"hello": "world"}, envelope({"hello": "world"}), envelope("text"), envelope(None)],
)
def test_an_unreadable_message_is_returned_with_its_parse_error(body: Any) -> None:
    dead_letter = parse_message(message(body))
    assert dead_letter.parse_error
    assert dead_letter.uploads == ()


def send(stack: StackConnection, *bodies: Any) -> None:
    for body in bodies:
        stack.sqs.send_message(QueueUrl=stack.dead_letter_queue_url, MessageBody=json.dumps(body))


def visible(stack: StackConnection) -> int:
    return DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url).approximate_count()


def test_receive_reads_several_batches_up_to_the_limit(stack: StackConnection) -> None:
    send(stack, *([NOTIFICATION] * 23))
    with DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url) as queue:
        assert len({dead_letter.id for dead_letter in queue.receive(12)}) == 12
        assert visible(stack) == 11
    with DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url) as queue:
        assert len(queue.receive(100)) == 23


def test_messages_that_were_not_deleted_become_visible_again_even_after_an_error(stack: StackConnection) -> None:
    send(stack, NOTIFICATION, NOTIFICATION, NOTIFICATION)

    def interrupted() -> None:
        with DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url) as queue:
            queue.delete(queue.receive(10)[0])
            assert visible(stack) == 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert visible(stack) == 2


def test_a_message_that_is_gone_cannot_be_extended(stack: StackConnection) -> None:
    send(stack, NOTIFICATION)
    with DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url) as queue:
        [dead_letter] = queue.receive(10)
        assert queue.extend(dead_letter)
        stack.sqs.purge_queue(QueueUrl=stack.dead_letter_queue_url)
        assert not queue.extend(dead_letter)


def test_the_receipt_is_not_part_of_the_repr() -> None:
    dead_letter: DeadLetter = parse_message(message(NOTIFICATION, ReceiptHandle="secret-handle"))
    assert "secret-handle" not in repr(dead_letter)
