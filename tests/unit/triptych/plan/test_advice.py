"""Protects: what an engineer is told to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.plan import template
from triptych.plan.advice import IN_FLIGHT, choose_ingest, inbox_concurrency, max_tasks
from triptych.plan.capacity import Capacity
from triptych.plan.planning import plan
from triptych.plan.workload import Arch, Ingest, Setup, Spot, Workload


def capacity(rate: float, peak: float | None = None, setup: Setup | None = None) -> Capacity:
    return Capacity(Workload(rate, peak or rate), setup or Setup(1024))


@pytest.mark.parametrize(
    ("rate", "peak", "ingest"),
    [
        (0.33, 0.33, Ingest.DIRECT),
        (0.33, 30, Ingest.DIRECT),  # two tasks carry 32/s
        (0.33, 40, Ingest.QUEUE),  # and no more
        (80, 80, Ingest.DIRECT),  # a mute version would keep 653 handlers busy
        (100, 100, Ingest.QUEUE),  # 816, of the account's 1,000
        (1000, 1000, Ingest.QUEUE),
        (5000, 5000, Ingest.DIRECT),  # 1,743 handlers: one queue feeds 1,000
    ],
)
def test_a_queue_for_bursts_and_for_bounds_until_one_is_too_few(rate: float, peak: float, ingest: Ingest) -> None:
    assert choose_ingest(capacity(rate, peak)) is ingest


def test_the_queue_feeds_what_the_peak_needs_and_half_again() -> None:
    """100/s for 0.3486 s are 34.9 handlers; half as many again are 53, which 13 tasks take with ease."""
    assert inbox_concurrency(capacity(100)) == 53


def test_it_feeds_no_more_than_the_usual_tasks_take_and_says_so() -> None:
    burst = plan(Workload(1, 100), Setup(1024))
    assert burst.parameters["InboxConcurrency"] == str(2 * IN_FLIGHT)
    assert any("MinModelTasks=4" in warning for warning in burst.advice.warnings)
    assert not any("MinModelTasks" in warning for warning in plan(Workload(100, 100)).advice.warnings)


@given(rate=st.floats(1e-3, 20_000), burst=st.floats(1, 100), least=st.integers(1, 20))
def test_bounds_leave_room_for_the_peak(rate: float, burst: float, least: int) -> None:
    size = capacity(rate, rate * burst, Setup(1024, min_tasks=least))
    assert max_tasks(size) >= min(size.peak_tasks, template.MOST_TASKS)
    assert max_tasks(size) >= least
    assert template.LEAST_CONCURRENCY <= inbox_concurrency(size) <= template.MOST_CONCURRENCY


def test_the_first_sentence_says_what_to_set_and_what_to_ask_for() -> None:
    sentences = plan(Workload(0.33, 0.33)).advice.sentences
    assert sentences[0] == (
        "Set MinModelTasks=2, MaxModelTasks=4, RequestsPerTask=483, Ingest=direct; before anything else ask for more "
        "of this quota: Fargate vCPUs running (On-Demand)."
    )
    assert sentences[1].endswith(
        "Ask for 18: aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 "
        "--desired-value 18 --region us-east-1"
    )
    assert len(sentences) == 2


def test_with_quota_enough_it_names_the_next_limit() -> None:
    sentences = plan(Workload(0.33, 0.33), granted={"fargate_vcpus": 50}).advice.sentences
    assert len(sentences) == 1
    assert sentences[0].endswith("The first limit is met at 64/s: Fargate vCPUs running (On-Demand).")


def test_thousands_a_second_are_told_everything_that_is_in_the_way_once() -> None:
    sentences = plan(Workload(5000, 5000)).advice.sentences
    assert sentences[0].startswith("Set ModelCpu=4096, ")
    for named in ("Uploads below one prefix", "Writes to one index key", "Capacity that can be reserved"):
        assert sum(named in sentence for sentence in sentences) == 1, named
    assert sum("L-B99A9384" in sentence for sentence in sentences) == 1


def test_requests_a_task_are_those_it_is_planned_with() -> None:
    """8.05/s are 483 a minute; four vCPUs carry four times that."""
    assert plan(Workload(1, 1), Setup(1024)).parameters["RequestsPerTask"] == "483"
    assert plan(Workload(1, 1), Setup(4096)).parameters["RequestsPerTask"] == "1932"


def test_what_is_not_known_is_said() -> None:
    def warned(setup: Setup, **work: float) -> str:
        return " ".join(plan(Workload(1, 2, **work), setup).advice.warnings)  # type: ignore[arg-type]

    assert warned(Setup(1024)) == ""
    assert "ARM has not been measured" in warned(Setup(1024, Arch.ARM64))
    assert "Spot's price moves; this one is of 2024-01-31" in warned(Setup(1024, spot=Spot.ALL))
    assert "loss of a zone" in warned(Setup(1024, min_tasks=1))
    assert "larger --task-cpu" in warned(Setup(256), page_ms=200)
    assert "first 8 pages" in warned(Setup(1024), pages=9, page_mb=0.1)
    assert "come evenly" in " ".join(plan(Workload(1, 1)).advice.warnings)
    assert "MaxModelTasks allows 1,000" in warned(Setup(1024), page_ms=1e6)
