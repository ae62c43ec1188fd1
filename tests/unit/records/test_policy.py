"""Protects: invalid policies are refused, and valid ones are stored, numbered and never overwritten."""

from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from records.errors import RecordConflict
from records.policy import DEFAULT_POLICY, POLICY_KEY, Policy
from records.table import PolicyTable
from tests.support.uploads import policy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": {"v1": -1.0, "v3": 1.0}}, "weight of v1"),
        ({"weights": {"v3": float("nan")}}, "weight of v3"),
        ({"weights": {"v3": float("inf")}}, "weight of v3"),
        ({"weights": {"v1": 0.0, "v3": 0.0}, "champion": ""}, "at least one"),
        ({"champion": "v9"}, "champion v9"),
        ({"audit_share": 1.5}, "share of audits"),
        ({"audit_share": float("nan")}, "share of audits"),
        ({"id": "latest"}, "invalid policy ID 'latest'"),
    ],
)
def test_invalid_policy_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        policy(**changes)


weights = st.floats(0, 1000, allow_nan=False, allow_subnormal=False).filter(
    lambda weight: weight == 0 or weight > 1e-100
)


@given(st.dictionaries(st.text(min_size=1), weights), st.floats(0, 1).filter(lambda n: n == 0 or n > 1e-100), st.text())
def test_policy_is_unchanged_by_dynamodb_encoding(given: dict[str, float], share: float, why: str) -> None:
    before = policy(weights=given if any(given.values()) else {}, champion="", audit_share=share, why=why)
    wire = TypeSerializer().serialize(before.to_item())
    assert Policy.from_item(TypeDeserializer().deserialize(wire)) == before


def test_version_without_a_weight_has_no_vote_unless_no_version_has_one() -> None:
    assert [policy(weights={"v1": 2.0}, champion="").weight(version) for version in ("v1", "v4")] == [2.0, 0.0]
    assert DEFAULT_POLICY.weight("v4") == 1.0


class TestPolicyTable:
    def test_newest_policy_is_in_force_and_all_are_kept(self, table: "Table") -> None:
        policies = PolicyTable(table)
        assert policies.newest() == DEFAULT_POLICY
        made = [policy(number, why=f"number {number}") for number in range(1, 13)]  # p10 is newer than p9
        for one in made:
            policies.add(one)
        assert policies.newest() == made[-1]
        assert policies.history() == made[::-1]
        assert policies.find("p9") == made[8]
        assert (policies.find("p0"), policies.find("p99"), policies.find("v3")) == (DEFAULT_POLICY, None, None)

    def test_concurrent_promotions_do_not_overwrite_each_other(self, table: "Table") -> None:
        policies = PolicyTable(table)
        policies.add(policy(1, why="first"))
        with pytest.raises(RecordConflict):
            policies.add(policy(1, why="second"))
        assert policies.newest().why == "first"

    @pytest.mark.parametrize(
        "changes",
        [
            {"weights": {"v1": -1}},
            {"weights": "all of them"},
            {"weights": {"v1": {"much": 1}}},
            {"audit_share": "often"},
            {"at": "yesterday"},
            {"id": None},
            {"id": 7},
            {"champion": "v9"},
        ],
    )
    def test_invalid_policy_leaves_the_previous_one_in_force(self, table: "Table", changes: dict[str, Any]) -> None:
        policies = PolicyTable(table)
        policies.add(policy(1))
        table.put_item(Item={**policy(2).to_item(), **changes})
        table.put_item(Item={"document": POLICY_KEY, "sequencer": "zzz"})
        assert policies.newest() == policy(1)

    def test_policies_are_in_no_index(self) -> None:
        item = policy().to_item()
        assert not [name for name in item if name.endswith("_shard") or name == "event_time"]
