"""Protects: the recommendations and parameters of a plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.plan import rollout
from triptych.plan.advice import IN_FLIGHT, choose_ingest, inbox_concurrency, max_tasks
from triptych.plan.capacity import Capacity
from triptych.plan.estimate import make_plan
from triptych.plan.workload import Arch, Hosting, Ingest, Setup, Spot, Transfer, Workload


def capacity(rate: float, peak: float | None = None, setup: Setup | None = None) -> Capacity:
    return Capacity(Workload(rate, peak or rate), setup or Setup(1024))


@pytest.mark.parametrize(
    ("rate", "peak", "ingest"),
    [
        (0.33, 0.33, Ingest.DIRECT),
        (0.33, 37, Ingest.DIRECT),  # two tasks carry 37.2/s
        (0.33, 42, Ingest.QUEUE),  # and no more
        (80, 80, Ingest.DIRECT),  # an outage of a version would need 653 executions
        (100, 100, Ingest.QUEUE),  # 816, of the account's 1,000
        (1000, 1000, Ingest.QUEUE),
        (5000, 5000, Ingest.DIRECT),  # 1,612 executions: one queue supports 1,000
    ],
)
def test_ingest_is_a_queue_for_bursts_until_one_queue_is_too_small(rate: float, peak: float, ingest: Ingest) -> None:
    assert choose_ingest(capacity(rate, peak)) is ingest


def test_inbox_concurrency_is_the_peak_plus_a_reserve() -> None:
    """100/s for 0.3275 s are 32.8 concurrent executions; with the reserve 50, which 11 tasks accept."""
    assert inbox_concurrency(capacity(100)) == 50


@pytest.mark.parametrize(
    ("hosting", "documents", "needed"),
    [(Hosting.FARGATE, IN_FLIGHT, 4), (Hosting.SINGLE, IN_FLIGHT // 3, 12)],
)
def test_inbox_concurrency_is_bounded_by_what_the_tasks_accept(hosting: Hosting, documents: int, needed: int) -> None:
    """A service with all versions gets three requests for each document."""
    burst = make_plan(Workload(1, 100), Setup(1024, hosting=hosting))
    assert burst.parameters["InboxConcurrency"] == str(2 * documents)
    assert any(f"MinModelTasks={needed}" in warning for warning in burst.advice.warnings)
    assert not any("MinModelTasks" in warning for warning in make_plan(Workload(100, 100)).advice.warnings)


@given(rate=st.floats(1e-3, 20_000), burst=st.floats(1, 100), least=st.integers(1, 20))
def test_bounds_include_the_peak(rate: float, burst: float, least: int) -> None:
    size = capacity(rate, rate * burst, Setup(1024, min_tasks=least))
    assert max_tasks(size) >= min(size.peak_tasks, rollout.MAX_TASKS)
    assert max_tasks(size) >= least
    assert rollout.MIN_CONCURRENCY <= inbox_concurrency(size) <= rollout.MAX_CONCURRENCY


def test_the_first_sentences_name_the_settings_and_the_quota_increase() -> None:
    sentences = make_plan(Workload(0.33, 0.33)).advice.sentences
    assert sentences[0] == (
        "Set MinModelTasks=2, MaxModelTasks=4, RequestsPerTask=558, Ingest=direct; first request an increase of this "
        "quota: Fargate vCPUs running (On-Demand)."
    )
    assert sentences[1].endswith(
        "Request 18: aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 "
        "--desired-value 18 --region us-east-1"
    )
    assert len(sentences) == 2


def test_with_a_sufficient_quota_the_next_limit_is_named() -> None:
    sentences = make_plan(Workload(0.33, 0.33), granted={"fargate_vcpus": 50}).advice.sentences
    assert len(sentences) == 1
    assert sentences[0].endswith("The first quota is reached at 74/s: Fargate vCPUs running (On-Demand).")


def test_each_exceeded_limit_is_named_once() -> None:
    sentences = make_plan(Workload(5000, 5000)).advice.sentences
    assert sentences[0].startswith("Set ModelCpu=4096, ")
    for named in ("Uploads per bucket prefix", "Writes per index key", "Reservable capacity"):
        assert sum(named in sentence for sentence in sentences) == 1, named
    assert sum("L-B99A9384" in sentence for sentence in sentences) == 1


def test_requests_per_task_match_the_planned_utilisation() -> None:
    """9.30/s are 558 per minute; four vCPUs carry four times that."""
    assert make_plan(Workload(1, 1), Setup(1024)).parameters["RequestsPerTask"] == "558"
    assert make_plan(Workload(1, 1), Setup(4096)).parameters["RequestsPerTask"] == "2232"


def test_caveats_are_listed() -> None:
    def warnings_of(setup: Setup, **work: float) -> str:
        return " ".join(make_plan(Workload(1, 2, **work), setup).advice.warnings)  # type: ignore[arg-type]

    assert warnings_of(Setup(1024)) == ""
    assert "ARM was not measured" in warnings_of(Setup(1024, Arch.ARM64))
    assert "Spot prices vary; this one is from 2024-01-31" in warnings_of(Setup(1024, spot=Spot.ALL))
    assert "failure of a zone" in warnings_of(Setup(1024, min_tasks=1))
    assert "larger --task-cpu" in warnings_of(Setup(256), page_ms=200)
    assert "first 40 pages" in warnings_of(Setup(1024), pages=41, page_mb=0.1)
    assert "constant rate" in " ".join(make_plan(Workload(1, 1)).advice.warnings)
    assert "MaxModelTasks allows 1,000" in warnings_of(Setup(1024), page_ms=1e6)


def test_addresses_are_recommended_as_chosen_and_offered_otherwise() -> None:
    work = Workload(10, 10)
    usual, by_address = make_plan(work), make_plan(work, Setup(1024, transfer=Transfer.ADDRESS))
    [(saved, drawback)] = [(usd, why) for change, usd, why in usual.savings if change == "--transfer address"]
    assert saved == pytest.approx(usual.usd - by_address.usd)
    assert saved > 500
    assert "may read the inbox" in drawback
    assert by_address.parameters["DocumentTransfer"] == "address"
    assert "DocumentTransfer=address" in by_address.advice.sentences[0]
    assert "DocumentTransfer" not in usual.parameters
    assert not [change for change, _, _ in by_address.savings if change == "--transfer address"]
    functions = make_plan(work, Setup(1024, hosting=Hosting.LAMBDA, transfer=Transfer.ADDRESS))
    assert "DocumentTransfer" not in functions.parameters
