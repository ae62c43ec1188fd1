"""Protects: a record is complete from the start, and two attempts at one upload merge without loss."""

from dataclasses import replace

import pytest

from records.assembly import ReadError, build_record, merge
from records.errors import DocumentRejected, DocumentUnavailable
from records.outcomes import Outcome
from records.policy import DEFAULT_POLICY
from records.record import Reason, Status
from records.reviews import Queue, Review
from tests.support.uploads import NOON, model_failure, policy, prediction, record, upload

LABEL = Review("invoice", "ann", NOON, Queue.REVIEW)
ONE_MISSING: dict[str, Outcome] = {"v1": prediction(), "v2": model_failure(), "v3": prediction()}


def test_record_has_status_verdict_and_policy_of_its_outcomes() -> None:
    built = build_record(
        upload(), ONE_MISSING, policy(7), replaced=None, classified_at=NOON, latency_ms=40.0, trace_id="Root=1"
    )
    assert (built.status, built.policy, built.revision) == (Status.PARTIAL, "p7", 1)
    assert built.verdict is not None
    assert built.reason is not None
    assert built.reason.kind == "versions-missing"


def test_record_continues_the_one_that_it_replaces() -> None:
    replaced = replace(record(ONE_MISSING), revision=4, review=LABEL, earlier_reviews=(LABEL,))
    built = build_record(upload(), ONE_MISSING, DEFAULT_POLICY, replaced=replaced, classified_at=NOON, latency_ms=40.0)
    assert (built.revision, built.review, built.earlier_reviews) == (5, LABEL, (LABEL,))


@pytest.mark.parametrize(
    ("error", "outcomes", "status"),
    [
        (DocumentRejected("empty", "no bytes"), {}, Status.REJECTED),
        (DocumentUnavailable("storage-slow", "too slow"), {}, Status.FAILED),
        (DocumentRejected("deleted", "gone"), ONE_MISSING, Status.PARTIAL),
        (DocumentUnavailable("storage-slow", "too slow"), ONE_MISSING, Status.PARTIAL),
    ],
)
def test_reason_of_an_unreadable_object_is_the_read_error(
    error: ReadError, outcomes: dict[str, Outcome], status: Status
) -> None:
    built = build_record(
        upload(),
        outcomes,
        DEFAULT_POLICY,
        replaced=None,
        classified_at=NOON,
        latency_ms=40.0,
        read_error=error,
    )
    assert (built.status, built.reason) == (status, error.reason)


@pytest.mark.parametrize(("share", "audited"), [(0.0, False), (1.0, True)])
def test_record_is_audited_as_often_as_the_policy_requires(share: float, audited: bool) -> None:
    outcomes: dict[str, Outcome] = {version: prediction() for version in ("v1", "v2", "v3")}
    auditing = policy(1, weights={}, champion="", audit_share=share)
    built = build_record(upload(), outcomes, auditing, replaced=None, classified_at=NOON, latency_ms=40.0)
    assert built.audit is audited


def test_merge_counts_on_from_the_stored_record() -> None:
    theirs = replace(record(ONE_MISSING), revision=3)
    assert merge(record(ONE_MISSING), theirs, DEFAULT_POLICY).revision == 4


def test_merge_with_a_rejection_makes_a_partial_record_final_but_keeps_its_predictions() -> None:
    ours = record({}, status=Status.REJECTED, reason=Reason("deleted", "gone"))
    theirs = record({"v1": prediction(), "v2": model_failure(), "v3": model_failure()})
    merged = merge(ours, theirs, DEFAULT_POLICY)
    assert (merged.status, merged.reason, merged.final) == (Status.PARTIAL, ours.reason, True)
    more = replace(theirs, predictions={"v2": prediction(), "v1": model_failure(), "v3": model_failure()})
    reversed_roles = merge(more, merged, DEFAULT_POLICY)
    assert (set(reversed_roles.answered()), reversed_roles.final) == ({"v1", "v2"}, True)
