"""Protects: policies change only on purpose, with author and reason, and can be restored."""

import pytest

from records.policy import DEFAULT_POLICY
from records.table import PolicyTable, RecordTable
from tests.support.uploads import prediction, record, upload
from triptych.errors import TriptychError, UsageError
from triptych.review.promotion import PolicyChange, Promotions, parse_share, parse_weights
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results


@pytest.fixture
def promotions(stack: StackConnection) -> Promotions:
    """Promotions of a stack with three deployed versions."""
    predictions = {version: prediction() for version in ("v1", "v2", "v3")}
    RecordTable(stack.table).save(record(predictions, of=upload(bucket="inbox")), replacing=None)
    return Promotions(PolicyTable(stack.table), Results(stack.table))


def test_a_promoted_version_decides_alone(promotions: Promotions) -> None:
    policy = promotions.promote(PolicyChange("v3"), by="ann", why="best of three")
    assert (policy.id, dict(policy.weights), policy.champion) == ("p1", {"v3": 1.0}, "v3")
    assert (policy.by, policy.why, policy.audit_share) == ("ann", "best of three", DEFAULT_POLICY.audit_share)
    assert policy.at is not None
    assert promotions.current().as_dict() == policy.as_dict()


@pytest.mark.parametrize(
    ("change", "champion"),
    [
        (PolicyChange(weights={"v1": 1, "v2": 1, "v3": 2}), "v3"),
        (PolicyChange("v1", weights={"v1": 1, "v3": 2}), "v1"),
        (PolicyChange(weights={"v1": 1, "v2": 1}), "v2"),  # the former champion, among the largest weights
        (PolicyChange(weights={"v1": 1, "v3": 1}), ""),
    ],
)
def test_the_version_with_the_largest_weight_is_the_champion_unless_one_is_named(
    promotions: Promotions, change: PolicyChange, champion: str
) -> None:
    promotions.promote(PolicyChange("v2"), by="ann", why="to begin with")
    policy = promotions.promote(change, by="ann", why="weights")
    assert policy.champion == champion
    assert dict(policy.weights) == change.weights


def test_the_audit_share_can_be_changed_alone_and_is_kept(promotions: Promotions) -> None:
    promotions.promote(PolicyChange("v3"), by="ann", why="best")
    promotions.promote(PolicyChange(audit_share=0.25), by="bo", why="look closer")
    policy = promotions.promote(PolicyChange("v2"), by="bo", why="no, v2")
    assert (policy.audit_share, policy.champion) == (0.25, "v2")
    assert promotions.history()[1].champion == "v3"


def test_a_promise_ends_with_the_weights_that_it_was_certified_for(promotions: Promotions) -> None:
    promise = PolicyChange(doubt_below=0.95, at_most_wrong=0.01)
    made = promotions.promote(promise, by="ann", why="certified")
    assert (made.doubt_below, made.at_most_wrong) == (0.95, 0.01)
    kept = promotions.promote(PolicyChange(audit_share=0.2), by="ann", why="look closer")
    assert (kept.doubt_below, kept.at_most_wrong) == (0.95, 0.01)
    changed = promotions.promote(PolicyChange("v3"), by="ann", why="better")
    assert (changed.doubt_below, changed.at_most_wrong) == (0.95, None)
    assert promotions.current().as_dict() == changed.as_dict()


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.5 %", 0.005), ("0.02", 0.02)])
def test_shares_are_parsed(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "0", "1", "100%", "-1%", "1%x", "few", "nan"])
def test_invalid_shares_are_rejected(text: str) -> None:
    with pytest.raises(UsageError, match="Invalid share"):
        parse_share(text)


def test_an_earlier_policy_is_restored_under_a_new_id_and_reason(promotions: Promotions) -> None:
    first = promotions.promote(PolicyChange("v2", audit_share=0.3), by="ann", why="first")
    promotions.promote(PolicyChange("v3"), by="ann", why="second")
    back = promotions.promote(PolicyChange("p1"), by="bo", why="v3 fails on slides")
    assert (back.id, back.weights, back.champion, back.audit_share) == ("p3", first.weights, "v2", 0.3)
    assert (back.by, back.why) == ("bo", "v3 fails on slides")
    equal = promotions.promote(PolicyChange("p0"), by="bo", why="start over")
    assert (equal.id, dict(equal.weights), equal.champion) == ("p4", {}, "")
    assert [policy.id for policy in promotions.history()] == ["p4", "p3", "p2", "p1", "p0"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (PolicyChange(), "Nothing to change"),
        (PolicyChange("v9"), "Not deployed: v9. .* v1, v2, v3 only"),
        (PolicyChange(weights={"v3": 1, "v4": 1}), "Not deployed: v4"),
        (PolicyChange("v3", weights={"v1": 1}), "champion v3"),
        (PolicyChange("v3", weights={"v1": 1, "v3": 0}), "champion v3"),
        (PolicyChange(weights={"v1": 0, "v2": 0}), "at least one version"),
        (PolicyChange(weights={"v1": -1, "v2": 1}), "weight of v1"),
        (PolicyChange("v3", audit_share=2), "share of audits"),
        (PolicyChange("p7"), "No policy p7"),
        (PolicyChange("p0", weights={"v1": 1}), "its own weights"),
    ],
)
def test_an_invalid_change_is_rejected(promotions: Promotions, change: PolicyChange, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        promotions.promote(change, by="ann", why="because")
    assert promotions.current() == DEFAULT_POLICY


@pytest.mark.parametrize(("by", "why"), [("ann", " "), ("", "because")])
def test_a_promotion_needs_an_author_and_a_reason(promotions: Promotions, by: str, why: str) -> None:
    with pytest.raises(UsageError, match="needs an author and a reason"):
        promotions.promote(PolicyChange("v3"), by=by, why=why)


def test_a_policy_without_deployed_versions_cannot_be_restored(stack: StackConnection, promotions: Promotions) -> None:
    promotions.promote(PolicyChange("v1"), by="ann", why="first")
    of = upload(bucket="inbox")
    stack.table.delete_item(Key={"document": of.document, "sequencer": of.sort_key})
    RecordTable(stack.table).save(record({"v4": prediction()}, of=upload(bucket="inbox")), replacing=None)
    with pytest.raises(UsageError, match="gives no vote to any deployed version"):
        promotions.promote(PolicyChange("p1"), by="ann", why="again")


def test_the_second_of_two_concurrent_promotions_fails(stack: StackConnection, promotions: Promotions) -> None:
    class Stale(PolicyTable):
        def newest(self) -> object:  # type: ignore[override]
            return DEFAULT_POLICY

    promotions.promote(PolicyChange("v2"), by="ann", why="first")
    with pytest.raises(TriptychError, match="Someone else wrote p1"):
        Promotions(Stale(stack.table), Results(stack.table)).promote(PolicyChange("v3"), by="bo", why="at once")


def test_without_documents_no_version_can_be_promoted(stack: StackConnection) -> None:
    with pytest.raises(UsageError, match="No documents have been processed yet"):
        Promotions(PolicyTable(stack.table), Results(stack.table)).promote(PolicyChange("v3"), by="ann", why="now")


def test_weights_are_parsed() -> None:
    assert parse_weights("v1=1, v2=0.5,v3=2") == {"v1": 1.0, "v2": 0.5, "v3": 2.0}
    for text in ("v1", "v1=", "=1", "v1=much", "v1=1,v1=2", "v1=1,"):
        with pytest.raises(UsageError, match="Invalid weights"):
            parse_weights(text)
