"""Protects: a policy makes sense or is refused, survives the table, and reaches documents without holding one up."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.policy_cache import SOON, PolicyCache
from records.errors import RecordConflict, RecordsUnavailable
from records.policy import DEFAULT_POLICY, POLICY_KEY, Policy
from records.table import PolicyTable
from tests.support.uploads import NOON, policy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

LONG = 5.0
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"weights": {"v1": -1.0, "v3": 1.0}}, "weight of v1"),
        ({"weights": {"v3": float("nan")}}, "weight of v3"),
        ({"weights": {"v3": float("inf")}}, "weight of v3"),
        ({"weights": {"v1": 0.0, "v3": 0.0}, "champion": ""}, "at least one"),
        ({"champion": "v9"}, "champion v9"),
        ({"audit_share": 1.5}, "share of audits"),
        ({"audit_share": float("nan")}, "share of audits"),
        ({"id": "latest"}, "no id"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        policy(**changes)


weights = st.floats(0, 1000, allow_nan=False, allow_subnormal=False).filter(
    lambda weight: weight == 0 or weight > 1e-100
)


@given(st.dictionaries(st.text(min_size=1), weights), st.floats(0, 1).filter(lambda n: n == 0 or n > 1e-100), st.text())
def test_a_policy_survives_dynamodb_s_own_encoding(given: dict[str, float], share: float, why: str) -> None:
    before = policy(weights=given if any(given.values()) else {}, champion="", audit_share=share, why=why)
    wire = TypeSerializer().serialize(before.to_item())
    assert Policy.from_item(TypeDeserializer().deserialize(wire)) == before


def test_a_version_that_is_not_named_has_no_vote_unless_none_is_named() -> None:
    assert [policy(weights={"v1": 2.0}, champion="").weight(version) for version in ("v1", "v4")] == [2.0, 0.0]
    assert DEFAULT_POLICY.weight("v4") == 1.0


class TestPolicies:
    def test_the_newest_holds_and_none_is_lost(self, table: "Table") -> None:
        policies = PolicyTable(table)
        assert policies.newest() == DEFAULT_POLICY
        made = [policy(number, why=f"number {number}") for number in range(1, 13)]  # p10 is newer than p9
        for one in made:
            policies.add(one)
        assert policies.newest() == made[-1]
        assert policies.history() == made[::-1]
        assert policies.find("p9") == made[8]
        assert (policies.find("p0"), policies.find("p99"), policies.find("v3")) == (DEFAULT_POLICY, None, None)

    def test_two_that_promote_at_once_do_not_overwrite_each_other(self, table: "Table") -> None:
        policies = PolicyTable(table)
        policies.add(policy(1, why="first"))
        with pytest.raises(RecordConflict):
            policies.add(policy(1, why="second"))
        assert policies.newest().why == "first"

    @pytest.mark.parametrize(
        "nonsense",
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
    def test_nonsense_leaves_the_last_good_policy_in_force(self, table: "Table", nonsense: dict[str, Any]) -> None:
        policies = PolicyTable(table)
        policies.add(policy(1))
        table.put_item(Item={**policy(2).to_item(), **nonsense})
        table.put_item(Item={"document": POLICY_KEY, "sequencer": "zzz"})
        assert policies.newest() == policy(1)

    def test_policies_stand_in_no_index(self, table: "Table") -> None:
        item = policy().to_item()
        assert not [name for name in item if name.endswith("_shard") or name == "event_time"]


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class TestCurrentPolicy:
    @staticmethod
    def of(read: Callable[[], Policy], clock: Clock) -> PolicyCache:
        return PolicyCache(read, now=clock, fresh=MINUTE)

    def test_one_reading_serves_every_document_of_a_minute(self) -> None:
        clock, reads = Clock(), []

        def read() -> Policy:
            reads.append(clock.now)
            return policy(len(reads))

        current = self.of(read, clock)
        seen = []
        for seconds in (0, 30, 59, 60, 90):
            clock.now = NOON + timedelta(seconds=seconds)
            current.begin()
            seen.append(current.get(LONG).id)
        assert seen == ["p1", "p1", "p1", "p2", "p2"]

    def test_a_slow_table_holds_no_document_up_and_its_answer_counts_for_the_next(self) -> None:
        answer = threading.Event()

        def read() -> Policy:
            answer.wait(LONG)
            return policy(1)

        current = self.of(read, Clock())
        current.begin()
        assert current.get(0.0) == DEFAULT_POLICY
        answer.set()
        assert current.get(LONG) == policy(1)

    def test_a_document_that_asks_without_patience_left_gets_what_is_known(self) -> None:
        current = self.of(lambda: policy(1), Clock())
        assert current.get(-1.0) == DEFAULT_POLICY

    @pytest.mark.parametrize("failure", [RecordsUnavailable("throttled"), RuntimeError("whatever")])
    def test_what_cannot_be_read_changes_nothing_and_is_asked_for_again_soon(self, failure: Exception) -> None:
        clock = Clock()
        answers: list[Policy | Exception] = [policy(1), failure, policy(2)]

        def read() -> Policy:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        current = self.of(read, clock)
        seen = []
        for passed in (timedelta(0), MINUTE, MINUTE, MINUTE + SOON):
            clock.now = NOON + passed
            current.begin()
            seen.append(current.get(LONG).id)
        assert seen == ["p1", "p1", "p1", "p2"]
