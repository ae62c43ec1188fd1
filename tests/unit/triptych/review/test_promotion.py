"""Protects: who decides is changed on purpose, with a name and a reason, and can be changed back."""

import pytest

from records.policy import DEFAULT_POLICY
from records.table import PolicyTable, RecordTable
from tests.support.uploads import prediction, record, upload
from triptych.errors import TriptychError, UsageError
from triptych.review.promotion import PolicyChange, Promotions, parse_weights
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results


@pytest.fixture
def promotions(stack: StackConnection) -> Promotions:
    """Of a stack whose documents are put to three versions."""
    said = {version: prediction() for version in ("v1", "v2", "v3")}
    RecordTable(stack.table).save(record(said, of=upload(bucket="inbox")), replacing=None)
    return Promotions(PolicyTable(stack.table), Results(stack.table))


def test_a_promoted_version_decides_alone(promotions: Promotions) -> None:
    made = promotions.promote(PolicyChange("v3"), by="ann", why="best of three")
    assert (made.id, dict(made.weights), made.champion) == ("p1", {"v3": 1.0}, "v3")
    assert (made.by, made.why, made.audit_share) == ("ann", "best of three", DEFAULT_POLICY.audit_share)
    assert made.at is not None
    assert promotions.current().as_dict() == made.as_dict()


@pytest.mark.parametrize(
    ("wish", "champion"),
    [
        (PolicyChange(weights={"v1": 1, "v2": 1, "v3": 2}), "v3"),
        (PolicyChange("v1", weights={"v1": 1, "v3": 2}), "v1"),
        (PolicyChange(weights={"v1": 1, "v2": 1}), "v2"),  # it was, and is among the heaviest
        (PolicyChange(weights={"v1": 1, "v3": 1}), ""),
    ],
)
def test_the_heaviest_is_the_champion_unless_one_is_named(
    promotions: Promotions, wish: PolicyChange, champion: str
) -> None:
    promotions.promote(PolicyChange("v2"), by="ann", why="to begin with")
    made = promotions.promote(wish, by="ann", why="weights")
    assert made.champion == champion
    assert dict(made.weights) == wish.weights


def test_the_share_of_audits_is_changed_alone_and_stays(promotions: Promotions) -> None:
    promotions.promote(PolicyChange("v3"), by="ann", why="best")
    promotions.promote(PolicyChange(audit_share=0.25), by="bo", why="look closer")
    made = promotions.promote(PolicyChange("v2"), by="bo", why="no, v2")
    assert (made.audit_share, made.champion) == (0.25, "v2")
    assert promotions.history()[1].champion == "v3"


def test_an_earlier_policy_holds_again_under_a_new_id_and_reason(promotions: Promotions) -> None:
    first = promotions.promote(PolicyChange("v2", audit_share=0.3), by="ann", why="first")
    promotions.promote(PolicyChange("v3"), by="ann", why="second")
    back = promotions.promote(PolicyChange("p1"), by="bo", why="v3 fails on slides")
    assert (back.id, back.weights, back.champion, back.audit_share) == ("p3", first.weights, "v2", 0.3)
    assert (back.by, back.why) == ("bo", "v3 fails on slides")
    equal = promotions.promote(PolicyChange("p0"), by="bo", why="start over")
    assert (equal.id, dict(equal.weights), equal.champion) == ("p4", {}, "")
    assert [made.id for made in promotions.history()] == ["p4", "p3", "p2", "p1", "p0"]


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        (PolicyChange(), "What is to change"),
        (PolicyChange("v9"), "put to v9, only to v1, v2, v3"),
        (PolicyChange(weights={"v3": 1, "v4": 1}), "put to v4"),
        (PolicyChange("v3", weights={"v1": 1}), "champion v3"),
        (PolicyChange("v3", weights={"v1": 1, "v3": 0}), "champion v3"),
        (PolicyChange(weights={"v1": 0, "v2": 0}), "at least one version"),
        (PolicyChange(weights={"v1": -1, "v2": 1}), "weight of v1"),
        (PolicyChange("v3", audit_share=2), "share of audits"),
        (PolicyChange("p7"), "no policy p7"),
        (PolicyChange("p0", weights={"v1": 1}), "weights of its own"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    promotions: Promotions, wish: PolicyChange, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        promotions.promote(wish, by="ann", why="because")
    assert promotions.current() == DEFAULT_POLICY


@pytest.mark.parametrize(("by", "why"), [("ann", " "), ("", "because")])
def test_nobody_promotes_without_a_name_and_a_reason(promotions: Promotions, by: str, why: str) -> None:
    with pytest.raises(UsageError, match="who promotes and why"):
        promotions.promote(PolicyChange("v3"), by=by, why=why)


def test_a_policy_whose_versions_are_gone_cannot_be_gone_back_to(
    stack: StackConnection, promotions: Promotions
) -> None:
    promotions.promote(PolicyChange("v1"), by="ann", why="first")
    of = upload(bucket="inbox")
    stack.table.delete_item(Key={"document": of.document, "sequencer": of.sort_key})
    RecordTable(stack.table).save(record({"v4": prediction()}, of=upload(bucket="inbox")), replacing=None)
    with pytest.raises(UsageError, match="trusts none"):
        promotions.promote(PolicyChange("p1"), by="ann", why="again")


def test_of_two_that_promote_at_once_the_second_is_told(stack: StackConnection, promotions: Promotions) -> None:
    class Stale(PolicyTable):
        def newest(self) -> object:  # type: ignore[override]
            return DEFAULT_POLICY

    promotions.promote(PolicyChange("v2"), by="ann", why="first")
    with pytest.raises(TriptychError, match="Somebody else made p1"):
        Promotions(Stale(stack.table), Results(stack.table)).promote(PolicyChange("v3"), by="bo", why="at once")


def test_an_empty_table_does_not_know_any_version(stack: StackConnection) -> None:
    with pytest.raises(UsageError, match="no document yet"):
        Promotions(PolicyTable(stack.table), Results(stack.table)).promote(PolicyChange("v3"), by="ann", why="now")


def test_weights_are_read_as_they_are_typed() -> None:
    assert parse_weights("v1=1, v2=0.5,v3=2") == {"v1": 1.0, "v2": 0.5, "v3": 2.0}
    for text in ("v1", "v1=", "=1", "v1=much", "v1=1,v1=2", "v1=1,"):
        with pytest.raises(UsageError, match="no weights"):
            parse_weights(text)
