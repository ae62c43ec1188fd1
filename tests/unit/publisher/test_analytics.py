"""Protects: every change of a record becomes a row, or is kept with the reason, whatever Firehose answers."""

from dataclasses import replace
from typing import Any

import pytest

from publisher.analytics import RowSender, RowsNotSent
from records.record import Reason, Record, Status
from records.reviews import Queue, Review
from tests.support.uploads import NOON, model_failure, policy, prediction, record, upload
from tests.unit.publisher.conftest import FakeFirehose, change, kept, serialized

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}


def stored(number: int) -> Record:
    return record(AGREED, of=upload(f"{number}.pdf"))


def test_each_change_is_one_row(sender: RowSender, firehose: FakeFirehose) -> None:
    labelled = replace(stored(1), review=Review("receipt", "ada", NOON, Queue.AUDIT), revision=2)
    assert sender.send([change(stored(1)), change(labelled, stored(1))]) == 2
    first, second = firehose.rows
    assert (first["key"], first["revision"], first["reviewed_label"], first["labels"]) == ("1.pdf", 1, None, [])
    assert (second["revision"], second["reviewed_label"]) == (2, "receipt")
    assert [(label["by"], label["at"], label["current"]) for label in second["labels"]] == [
        ("ada", "2026-11-22T12:00:00.000Z", True)
    ]


def test_row_contains_each_prediction_and_failure(sender: RowSender, firehose: FakeFirehose) -> None:
    sender.send([change(record({**AGREED, "v2": model_failure()}))])
    [row] = firehose.rows
    assert {each["version"]: each["error"] for each in row["predictions"]} == {
        "v1": None, "v2": str(model_failure().kind), "v3": None,
    }  # fmt: skip
    assert not {"document", "sequencer", "event_time"} & set(row["predictions"][0])


def test_rejected_document_is_a_row_without_predictions(sender: RowSender, firehose: FakeFirehose) -> None:
    sender.send([change(record({}, status=Status.REJECTED, reason=Reason("empty", "no bytes")))])
    [row] = firehose.rows
    assert (row["status"], row["reason_kind"], row["predictions"]) == ("REJECTED", "empty", [])


def test_requests_keep_the_limit_of_rows(sender: RowSender, firehose: FakeFirehose) -> None:
    assert sender.send([change(stored(number)) for number in range(501)]) == 501
    assert [len(request) for request in firehose.requests] == [500, 1]


def test_requests_keep_the_limit_of_bytes(sender: RowSender, firehose: FakeFirehose) -> None:
    long = replace(stored(1), reason=Reason("empty", "x" * 300_000))
    assert sender.send([change(long)] * 30) == 30
    assert [len(request) for request in firehose.requests] == [13, 13, 4]


def test_deletions_and_policies_are_not_sent(sender: RowSender, firehose: FakeFirehose, queue: Any) -> None:
    policies = {"dynamodb": {"NewImage": serialized(policy(1))}}  # type: ignore[arg-type]
    assert sender.send([change(None, stored(1)), policies]) == 0
    assert (firehose.requests, kept(queue)) == ([], [])


def test_batch_is_delivered_again_if_firehose_refuses_a_row(sender: RowSender, firehose: FakeFirehose) -> None:
    firehose.refuse = lambda row: row["key"] == "1.pdf"
    with pytest.raises(RowsNotSent, match="ServiceUnavailableException"):
        sender.send([change(stored(number)) for number in range(3)])
    assert [row["key"] for row in firehose.rows] == ["0.pdf", "2.pdf"]


def test_item_that_cannot_be_read_is_kept_and_the_others_are_sent(
    sender: RowSender, firehose: FakeFirehose, queue: Any
) -> None:
    broken = change(stored(1))
    broken["dynamodb"]["NewImage"].pop("predictions")
    assert sender.send([broken, change(stored(2))]) == 1
    [message] = kept(queue)
    assert "predictions" in message["reason"]
    assert message["content"]["NewImage"]["key"] == {"S": "1.pdf"}
