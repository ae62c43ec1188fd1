"""Protects: audits break a promise only under the policy that made it, and a drift makes earlier audits void."""

from dataclasses import replace
from datetime import timedelta

from evidence.promises import threshold_after_alarm, thresholds_by_policy
from records.policy import Policy
from records.record import Record
from records.reviews import Draw, Queue, Review
from tests.support.uploads import NOON, policy, prediction, record, upload

PROMISE = policy(3, weights={}, champion="", doubt_below=0.9, at_most_wrong=0.01)


def audit(number: int, *, wrong: bool, made_by: Policy = PROMISE, confidence: float = 0.94) -> Record:
    """Return a labelled audit of a unanimous verdict."""
    outcomes = {version: prediction("invoice", confidence) for version in ("v1", "v2", "v3")}
    of = upload(f"scan-{number}.png", event_time=NOON + timedelta(minutes=number))
    label = "receipt" if wrong else "invoice"
    review = Review(label, "ann", NOON + timedelta(days=1, minutes=number), Queue.AUDIT, draw=Draw(Queue.AUDIT, 1.0))
    made = record(outcomes, of=of, policy=made_by.id, audit=True, review=review)
    return replace(made, classified_at=of.event_time)


AUDITS = [audit(number, wrong=number % 6 == 0) for number in range(60)]


def test_broken_promise_widens_doubt() -> None:
    found = threshold_after_alarm(AUDITS, PROMISE)
    assert found is not None
    assert found > PROMISE.doubt_below


def test_promise_that_holds_or_was_never_made_changes_nothing() -> None:
    assert threshold_after_alarm([audit(number, wrong=False) for number in range(60)], PROMISE) is None
    assert threshold_after_alarm(AUDITS, replace(PROMISE, at_most_wrong=None)) is None
    assert threshold_after_alarm([], PROMISE) is None


def test_audits_under_another_policy_do_not_count_for_the_promise() -> None:
    earlier = policy(2, weights={}, champion="")
    audits = [audit(number, wrong=number % 6 == 0, made_by=earlier) for number in range(60)]
    assert threshold_after_alarm(audits, PROMISE) is None


def test_only_audits_since_the_last_broken_promise_and_under_the_same_weights_count() -> None:
    other = policy(1, weights={"v2": 1.0}, champion="v2")
    wider = replace(PROMISE, id="p4", doubt_below=0.97, widened_from="p3")
    newest = replace(wider, id="p5", widened_from="", audit_share=0.5)
    assert thresholds_by_policy([PROMISE, other]) == {"p3": 0.9}
    assert thresholds_by_policy([newest, wider, PROMISE, other]) == {"p5": 0.97, "p4": 0.97}
    assert thresholds_by_policy([wider, PROMISE]) == {"p4": 0.97}
