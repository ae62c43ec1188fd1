"""Protects: which limit comes first, and at what rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.plan.capacity import Capacity
from triptych.plan.limits import Limit, limits, reached_at
from triptych.plan.rates import MAX_RATE
from triptych.plan.workload import Ingest, Setup, Spot, Transfer, Workload


def found(
    rate: float, ingest: Ingest = Ingest.DIRECT, setup: Setup | None = None, **granted: float
) -> dict[str, Limit]:
    listed = limits(Capacity(Workload(rate, rate), setup or Setup(1024)), ingest, granted)
    assert len({limit.id for limit in listed}) == len(listed)
    return {limit.id: limit for limit in listed}


def test_the_first_deployment_exceeds_the_vcpu_quota_of_a_new_account() -> None:
    """Three versions of two tasks of one vCPU, twice during a deployment: 12."""
    limit = found(0.33)["fargate_vcpus"]
    assert (limit.demand, limit.value, limit.reached_at) == (12, 6, 0)
    assert limit.tight


def test_the_accounts_own_quota_is_used() -> None:
    """9.30 documents per second and task, 4,000 vCPUs, six per task: 666 tasks, 6,194/s."""
    limit = found(0.33, fargate_vcpus=4000)["fargate_vcpus"]
    assert limit.value == 4000
    assert limit.reached_at == pytest.approx(666 * 9.300, rel=1e-3)


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
        ("alb_targets", 166 * 9.300),  # 1,000 targets, six per task
    ],
)
def test_each_limit_is_reached_at_the_calculated_rate(name: str, rate: float) -> None:
    assert found(1)[name].reached_at == pytest.approx(rate, rel=1e-3)


def test_with_a_queue_an_outage_is_bounded_by_the_queues_concurrency() -> None:
    assert "lambda_concurrency_broken" not in found(1, Ingest.QUEUE)
    assert "queue_concurrency" not in found(1)
    assert found(1, Ingest.QUEUE)["queue_concurrency"].value == 1000


def test_spot_has_a_separate_quota() -> None:
    """100/s: 11 tasks per version, two of them on demand; three versions, doubled during a deployment."""
    extra = found(100, setup=Setup(1024, spot=Spot.EXTRA))
    assert (extra["fargate_vcpus"].demand, extra["fargate_spot_vcpus"].demand) == (12, 54)
    every = found(100, setup=Setup(1024, spot=Spot.ALL))
    assert "fargate_vcpus" not in every
    assert every["fargate_spot_vcpus"].demand == 66


def test_limits_on_sizes_are_never_reached() -> None:
    """The size of a payload does not depend on the rate."""
    listed = found(1)
    assert [name for name, limit in listed.items() if limit.reached_at is None] == [
        "event_bytes",
        "item_bytes",
        "document_bytes",
    ]


@given(value=st.floats(0.1, 1e6), slope=st.floats(1e-3, 1e3))
def test_the_rate_is_where_demand_reaches_the_limit(value: float, slope: float) -> None:
    rate = reached_at(lambda rate: slope * rate, value)
    if rate is None:
        assert slope * MAX_RATE <= value
    else:
        assert rate == pytest.approx(value / slope, rel=1e-3)


@given(rate=st.floats(0.001, 20_000), ingest=st.sampled_from(Ingest), spot=st.sampled_from(Spot))
def test_limits_are_sorted_by_the_rate_that_reaches_them(rate: float, ingest: Ingest, spot: Spot) -> None:
    listed = limits(Capacity(Workload(rate, rate), Setup(1024, spot=spot)), ingest)
    known = [limit.reached_at for limit in listed if limit.reached_at is not None]
    assert known == sorted(known)
    assert all(limit.reached_at is None for limit in listed[len(known) :])
    for limit in listed:
        if limit.reached_at:
            assert (limit.demand > limit.value) == (rate > limit.reached_at) or rate == pytest.approx(
                limit.reached_at, rel=1e-3
            )


def test_by_address_the_reads_of_a_prefix_are_the_limit_instead_of_the_load_balancer() -> None:
    """Three reads of each document: 5,500 / 3; and 15,000 LCU suffice for 15,000 GB an hour of 6 KB each."""
    setup = Setup(8192, transfer=Transfer.ADDRESS)
    found = {limit.id: limit.reached_at for limit in limits(Capacity(Workload(1, 1), setup), Ingest.DIRECT)}
    assert found["s3_get"] == pytest.approx(5500 / 3, rel=1e-3)
    reached = found["alb_capacity"]
    assert reached is None or reached > 100_000
