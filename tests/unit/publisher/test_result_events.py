"""Protects: the content of events, on which other systems rely, and their ids, by which receivers drop duplicates."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from publisher.result_events import ResultEvent, result_event
from records.record import Reason, Record, Status
from records.reviews import Queue, Review
from testkit.template import ROOT
from tests.support.uploads import NOON, model_failure, policy, prediction, record, upload

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}
LABEL = Review("receipt", "ada", NOON + timedelta(hours=1), Queue.REVIEW)
SCHEMA = json.loads((ROOT / "docs" / "result-event.schema.json").read_text())


def event_about(new: Record, old: Record | None = None) -> ResultEvent:
    event = result_event(new.to_item(), old.to_item() if old else None, stack="triptych")
    assert event
    Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(event.detail)))
    return event


RECORDS = {
    "Document Classified": record(AGREED),
    "Document Partial": record({**AGREED, "v2": model_failure()}),
    "Document Rejected": record({}, status=Status.REJECTED, reason=Reason("empty", "no bytes")),
    "Document Failed": record({version: model_failure() for version in AGREED}),
}


@pytest.mark.parametrize("detail_type", RECORDS)
def test_status_determines_the_type_of_the_event(detail_type: str) -> None:
    event = event_about(RECORDS[detail_type])
    assert (event.detail_type, event.time) == (detail_type, NOON)


def test_a_changed_label_is_a_review() -> None:
    before = record(AGREED)
    labelled = replace(before, review=LABEL, revision=2)
    event = event_about(labelled, before)
    assert (event.detail_type, event.time) == ("Document Reviewed", LABEL.at)
    assert event.detail["review"] == {"label": "receipt", "by": "ada", "at": "2026-11-22T13:00:00.000Z"}
    assert event_about(before, labelled).detail_type == "Document Reviewed", "the label was removed"
    assert event_about(replace(labelled, revision=3), labelled).detail_type == "Document Classified"


def test_event_has_the_same_id_when_it_is_sent_again_and_another_for_each_revision() -> None:
    first, second = record(AGREED), replace(record(AGREED), revision=2)
    assert event_about(first).detail["id"] == event_about(first).detail["id"]
    others = [second, record(AGREED, of=upload("b.pdf")), record(AGREED, of=upload(sequencer="0055AED6DCD90281E6"))]
    ids = {event_about(other).detail["id"] for other in (first, *others)}
    assert len(ids) == 4


def test_event_contains_each_outcome_without_all_probabilities() -> None:
    detail = event_about(record({**AGREED, "v2": model_failure("timeout")})).detail
    assert detail["predictions"]["v1"] == {"label": "invoice", "confidence": 0.9, "abstained": False}
    assert detail["predictions"]["v2"] == {"error": "timeout"}


def test_policies_are_not_results() -> None:
    assert result_event(policy(3).to_item(), None, stack="triptych") is None


@pytest.mark.parametrize("broken", [{"document": "a"}, {**record(AGREED).to_item(), "status": "DONE"}])
def test_items_that_are_not_records_raise(broken: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        result_event(broken, None, stack="triptych")
