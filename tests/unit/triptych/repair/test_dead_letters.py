"""Protects: every form of dead letter is understood, none is lost or destroyed unread, and none stays hidden."""

import json
from pathlib import Path
from typing import Any

import pytest

from triptych.repair.dead_letters import Letter, Letters, open_letter
from triptych.storage.connection import Target

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
    letter = open_letter(sent)
    assert (letter.event, letter.why, letter.flaw) == (NOTIFICATION, why, "")
    assert len(letter.uploads) == 1
    assert letter.sent.isoformat() == "2026-09-21T14:13:20+00:00"


def test_eventbridge_s_events_are_understood_too() -> None:
    event = json.loads((EVENTS / "eventbridge_object_created.json").read_text())
    assert len(open_letter(message(event)).uploads) == 1


@pytest.mark.parametrize(
    "body",
    ["not JSON", "[]", "7", {}, {"hello": "world"}, envelope({"hello": "world"}), envelope("text"), envelope(None)],
)
def test_what_announces_nothing_readable_is_a_letter_that_says_so(body: Any) -> None:
    letter = open_letter(message(body))
    assert letter.flaw
    assert letter.uploads == ()


def send(stack: Target, *bodies: Any) -> None:
    for body in bodies:
        stack.sqs.send_message(QueueUrl=stack.failure_queue_url, MessageBody=json.dumps(body))


def visible(stack: Target) -> int:
    return Letters(stack.sqs, stack.failure_queue_url).waiting()


def test_more_than_a_page_is_read_but_no_more_than_asked_for(stack: Target) -> None:
    send(stack, *([NOTIFICATION] * 23))
    with Letters(stack.sqs, stack.failure_queue_url) as letters:
        assert len({letter.id for letter in letters.read(12)}) == 12
        assert visible(stack) == 11
    with Letters(stack.sqs, stack.failure_queue_url) as letters:
        assert len(letters.read(100)) == 23


def test_what_was_read_and_not_discarded_shows_again_however_the_work_ends(stack: Target) -> None:
    send(stack, NOTIFICATION, NOTIFICATION, NOTIFICATION)

    def interrupted() -> None:
        with Letters(stack.sqs, stack.failure_queue_url) as letters:
            letters.discard(letters.read(10)[0])
            assert visible(stack) == 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert visible(stack) == 2


def test_a_letter_that_another_reader_took_is_not_held(stack: Target) -> None:
    send(stack, NOTIFICATION)
    with Letters(stack.sqs, stack.failure_queue_url) as letters:
        [letter] = letters.read(10)
        assert letters.hold(letter)
        stack.sqs.purge_queue(QueueUrl=stack.failure_queue_url)
        assert not letters.hold(letter)


def test_a_receipt_is_no_part_of_what_is_printed() -> None:
    letter: Letter = open_letter(message(NOTIFICATION, ReceiptHandle="secret-handle"))
    assert "secret-handle" not in repr(letter)
