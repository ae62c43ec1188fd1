"""Protects: which limit comes first, and at what rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.plan.capacity import Capacity
from triptych.plan.headroom import Limit, limits, met_at
from triptych.plan.units import MOST
from triptych.plan.workload import Ingest, Setup, Spot, Workload


def found(
    rate: float, ingest: Ingest = Ingest.DIRECT, setup: Setup | None = None, **granted: float
) -> dict[str, Limit]:
    listed = limits(Capacity(Workload(rate, rate), setup or Setup(1024)), ingest, granted)
    assert len({limit.id for limit in listed}) == len(listed)
    return {limit.id: limit for limit in listed}


def test_a_new_accounts_six_vcpus_are_met_by_the_first_deployment() -> None:
    """Three versions of two tasks of one vCPU, twice while they are replaced: 12."""
    limit = found(0.33)["fargate_vcpus"]
    assert (limit.demand, limit.value, limit.met_at) == (12, 6, 0)
    assert limit.tight


def test_what_the_account_has_counts_instead() -> None:
    """8.05 documents a second a task, 4,000 vCPUs, six for a task: 666 tasks, 5,361/s."""
    limit = found(0.33, fargate_vcpus=4000)["fargate_vcpus"]
    assert limit.value == 4000
    assert limit.met_at == pytest.approx(666 * 8.05, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("dynamodb_hot_key", 8 * 1000 / 2),  # eight shards, two write units a record
        ("dynamodb_new_table", 4000 / 2),
        ("dynamodb_table", 40_000 / 2),
        ("s3_put", 3500),
        ("s3_get", 5500),
        ("alb_capacity", 15_000 / 10.8),  # 3 MB a document, 3,600 s
        ("lambda_concurrency_broken", 1000 / (3 * 2.721)),
        ("alb_targets", 166 * 8.05),  # 1,000 targets, six for a task
    ],
)
def test_each_is_met_where_the_sum_says(name: str, rate: float) -> None:
    assert found(1)[name].met_at == pytest.approx(rate, rel=1e-3)


def test_through_the_queue_a_mute_version_takes_no_more_than_the_queue_feeds() -> None:
    assert "lambda_concurrency_broken" not in found(1, Ingest.QUEUE)
    assert "queue_concurrency" not in found(1)
    assert found(1, Ingest.QUEUE)["queue_concurrency"].value == 1000


def test_spot_has_a_quota_of_its_own() -> None:
    """100/s: 13 tasks a version, of which two stay; three versions, twice."""
    extra = found(100, setup=Setup(1024, spot=Spot.EXTRA))
    assert (extra["fargate_vcpus"].demand, extra["fargate_spot_vcpus"].demand) == (12, 66)
    every = found(100, setup=Setup(1024, spot=Spot.ALL))
    assert "fargate_vcpus" not in every
    assert every["fargate_spot_vcpus"].demand == 78


def test_what_does_not_grow_with_the_rate_is_met_by_none() -> None:
    """A payload is as large at any rate."""
    listed = found(1)
    assert [name for name, limit in listed.items() if limit.met_at is None] == [
        "event_bytes",
        "item_bytes",
        "document_bytes",
    ]


@given(value=st.floats(0.1, 1e6), slope=st.floats(1e-3, 1e3))
def test_the_rate_is_found_where_demand_meets_the_limit(value: float, slope: float) -> None:
    rate = met_at(lambda rate: slope * rate, value)
    if rate is None:
        assert slope * MOST <= value
    else:
        assert rate == pytest.approx(value / slope, rel=1e-3)


@given(rate=st.floats(0.001, 20_000), ingest=st.sampled_from(Ingest), spot=st.sampled_from(Spot))
def test_they_come_in_the_order_in_which_they_are_met(rate: float, ingest: Ingest, spot: Spot) -> None:
    listed = limits(Capacity(Workload(rate, rate), Setup(1024, spot=spot)), ingest)
    known = [limit.met_at for limit in listed if limit.met_at is not None]
    assert known == sorted(known)
    assert all(limit.met_at is None for limit in listed[len(known) :])
    for limit in listed:
        if limit.met_at:
            assert (limit.demand > limit.value) == (rate > limit.met_at) or rate == pytest.approx(
                limit.met_at, rel=1e-3
            )
