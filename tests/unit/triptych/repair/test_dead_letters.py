"""Protects: every form of dead letter is understood, none is lost or destroyed unread, and none stays hidden."""

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
    """What Lambda sends to an on-failure destination."""
    return {
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorType": "IncompleteRecords", "errorMessage": "documents/x.pdf is PARTIAL"},
    } | more


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (message(NOTIFICATION), ""),
        (message(envelope(NOTIFICATION)), "IncompleteRecords"),
        (message(envelope(NOTIFICATION, responsePayload=None)), "RetriesExhausted"),
        (message(NOTIFICATION, MessageAttributes={"ErrorMessage": {"StringValue": "timed out"}}), "timed out"),
    ],
    ids=["a queue's message", "Lambda's envelope", "an envelope without an answer", "a function's dead-letter queue"],
)
def test_the_event_and_its_reason_are_found_in_every_form(sent: Any, why: str) -> None:
    letter = parse_message(sent)
    assert (letter.event, letter.why, letter.parse_error) == (NOTIFICATION, why, "")
    assert len(letter.uploads) == 1
    assert letter.sent.isoformat() == "2026-09-21T14:13:20+00:00"


def test_eventbridge_s_events_are_understood_too() -> None:
    event = json.loads((EVENTS / "eventbridge_object_created.json").read_text())
    assert len(parse_message(message(event)).uploads) == 1


@pytest.mark.parametrize(
    "body",
    ["not JSON", "[]", "7", {}, {"hello": "world"}, envelope({"hello": "world"}), envelope("text"), envelope(None)],
)
def test_what_announces_nothing_readable_is_a_letter_that_says_so(body: Any) -> None:
    letter = parse_message(message(body))
    assert letter.parse_error
    assert letter.uploads == ()


def send(stack: StackConnection, *bodies: Any) -> None:
    for body in bodies:
        stack.sqs.send_message(QueueUrl=stack.dead_letter_queue_url, MessageBody=json.dumps(body))


def visible(stack: StackConnection) -> int:
    return DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url).approximate_count()


def test_more_than_a_page_is_read_but_no_more_than_asked_for(stack: StackConnection) -> None:
    send(stack, *([NOTIFICATION] * 23))
    with DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url) as letters:
        assert len({letter.id for letter in letters.receive(12)}) == 12
        assert visible(stack) == 11
    with DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url) as letters:
        assert len(letters.receive(100)) == 23


def test_what_was_read_and_not_discarded_shows_again_however_the_work_ends(stack: StackConnection) -> None:
    send(stack, NOTIFICATION, NOTIFICATION, NOTIFICATION)

    def interrupted() -> None:
        with DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url) as letters:
            letters.delete(letters.receive(10)[0])
            assert visible(stack) == 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert visible(stack) == 2


def test_a_letter_that_another_reader_took_is_not_held(stack: StackConnection) -> None:
    send(stack, NOTIFICATION)
    with DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url) as letters:
        [letter] = letters.receive(10)
        assert letters.extend(letter)
        stack.sqs.purge_queue(QueueUrl=stack.dead_letter_queue_url)
        assert not letters.extend(letter)


def test_a_receipt_is_no_part_of_what_is_printed() -> None:
    letter: DeadLetter = parse_message(message(NOTIFICATION, ReceiptHandle="secret-handle"))
    assert "secret-handle" not in repr(letter)
