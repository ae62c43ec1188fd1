"""Protects: a label that shows a broken promise widens doubt once, with its reason, and is stored in any case."""

import logging
from datetime import timedelta

import pytest

from records.errors import RecordsUnavailable
from records.policy import Policy
from records.table import PolicyTable, RecordTable
from tests.support.uploads import NOON, policy, prediction, record, upload
from triptych.review.promise import AUTOMATIC, PromiseGuard
from triptych.review.promotion import PolicyChange, Promotions
from triptych.review.reviews import Reviews
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

PROMISE = policy(1, weights={}, champion="", doubt_below=0.9, at_most_wrong=0.05)
SURE = {version: prediction("invoice", 0.95) for version in ("v1", "v2", "v3")}


@pytest.fixture
def reviews(stack: StackConnection) -> Reviews:
    """Return reviews of a stack whose policy promises that at most 5 % are wrong, with twelve audits."""
    PolicyTable(stack.table).add(PROMISE)
    for number in range(12):
        of = upload(f"{number}.png", bucket="inbox", event_time=NOON + timedelta(minutes=number))
        made = record(SURE, of=of, policy="p1", audit=True, classified_at=of.event_time)
        RecordTable(stack.table).save(made, replacing=None)
    return Reviews(stack.table)


def label_audits(reviews: Reviews, label: str, limit: int = 12) -> None:
    for each in reviews.deal(limit):
        upload = each.record.upload
        reviews.label(upload.document, upload.sort_key, label, "ann", draw=each.draw)


def policies(stack: StackConnection) -> list[Policy]:
    return PolicyTable(stack.table).history()


def test_wrong_audits_widen_doubt_with_the_reason(
    reviews: Reviews, stack: StackConnection, caplog: pytest.LogCaptureFixture
) -> None:
    label_audits(reviews, "receipt")
    wider, before = policies(stack)
    assert before.as_dict() == PROMISE.as_dict()
    assert (wider.id, wider.widened_from, wider.by, wider.at_most_wrong) == ("p2", "p1", AUTOMATIC, 0.05)
    assert wider.doubt_below > PROMISE.doubt_below
    assert (wider.weights, wider.audit_share) == (PROMISE.weights, PROMISE.audit_share)
    assert "labelled by ann" in wider.why
    assert "triptych promote p1" in wider.why
    assert [each.levelname for each in caplog.records if "Alarm, p2" in each.getMessage()] == ["WARNING"]


def test_right_audits_change_nothing_and_read_no_policy(
    reviews: Reviews, stack: StackConnection, operations: list[str]
) -> None:
    dealt = reviews.deal(12)
    operations.clear()
    for each in dealt:
        reviews.label(each.record.upload.document, each.record.upload.sort_key, "invoice", "ann", draw=each.draw)
    assert set(operations) == {"GetItem", "PutItem"}
    assert [each.id for each in policies(stack)] == ["p1"]


def test_promotion_ends_the_alarm_and_restores_the_threshold(reviews: Reviews, stack: StackConnection) -> None:
    label_audits(reviews, "receipt")
    promotions = Promotions(PolicyTable(stack.table), Results(stack.table))
    restored = promotions.promote(PolicyChange("p1"), by="bo", why="labels were wrong")
    assert (restored.id, restored.doubt_below, restored.widened_from) == ("p3", 0.9, "")
    kept = promotions.promote(PolicyChange("p2"), by="bo", why="wider after all")
    assert (kept.doubt_below > 0.9, kept.widened_from) == (True, "")


def test_widening_happens_once_if_two_reviewers_label_at_the_same_time(
    reviews: Reviews, stack: StackConnection
) -> None:
    label_audits(reviews, "receipt")
    [last] = reviews.labelled(limit=1)
    stale = PolicyTable(stack.table)
    stale.newest = lambda: PROMISE  # type: ignore[method-assign]
    assert PromiseGuard(Results(stack.table), stale).check(last, NOON) is None
    assert [each.id for each in policies(stack)] == ["p2", "p1"]


def test_label_is_stored_even_if_the_reviewer_may_not_write_policies(
    reviews: Reviews, stack: StackConnection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def deny(_: PolicyTable, __: Policy) -> None:
        raise RecordsUnavailable("AccessDenied")

    monkeypatch.setattr(PolicyTable, "add", deny)
    with caplog.at_level(logging.WARNING):
        label_audits(reviews, "receipt")
    assert len(reviews.labelled()) == 12
    assert [each.id for each in policies(stack)] == ["p1"]
    assert "doubt could not be widened: AccessDenied" in caplog.text
