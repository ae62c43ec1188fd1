"""Protects: the number of tasks and the queueing formulas. Expected figures are calculated by hand."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.plan import rollout
from triptych.plan.capacity import Capacity, waiting_share
from triptych.plan.workload import Hosting, Setup, Transfer, Workload

sizes = st.sampled_from(sorted(rollout.TASK_MEMORY_GB))


def capacity(rate: float = 1.0, *, page_ms: float = 100.0, cpu: int = 1024, **setup: float | int) -> Capacity:
    return Capacity(Workload(rate, rate, page_ms=page_ms), Setup(cpu, **setup))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("workers", "utilisation", "share"),
    [(1, 0.5, 0.5), (1, 0.9, 0.9), (2, 0.5, 1 / 3), (8, 0.5, 0.0590), (4, 0.8, 0.5964)],
)
def test_erlang_c_matches_published_tables(workers: int, utilisation: float, share: float) -> None:
    assert waiting_share(workers, utilisation) == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("cpu", [1024, 4096])
def test_mean_wait_matches_a_simulated_queue(cpu: int) -> None:
    """A first-come, first-served event simulation that uses none of the formulas."""
    size = capacity(cpu=cpu, page_ms=100)
    chance = random.Random(7)
    waits = simulated(size, 200_000, chance, lambda: chance.expovariate(1 / size.service_s))
    assert sum(waits) / len(waits) == pytest.approx(size.mean_wait_s, rel=0.1)


@pytest.mark.parametrize("cpu", [1024, 2048])
@pytest.mark.parametrize("utilisation", [0.5, 0.8])
def test_the_estimated_p99_is_an_upper_bound_for_constant_service_times(cpu: int, utilisation: float) -> None:
    """Constant service times wait less than exponential ones, so the estimate is conservative."""
    one = capacity(cpu=cpu, page_ms=100, utilisation=utilisation)
    size = capacity(2 * one.per_task, cpu=cpu, page_ms=100, utilisation=utilisation)
    assert size.peak_utilisation == pytest.approx(utilisation)
    chance = random.Random(7)
    versions = [simulated(size, 50_000, chance, lambda: size.service_s) for _ in range(rollout.VERSIONS)]
    slowest = sorted(size.service_s + max(waits) for waits in zip(*versions, strict=True))
    assert size.service_s < slowest[len(slowest) * 99 // 100] < size.answers_p99_s


def simulated(size: Capacity, documents: int, chance: random.Random, service: Callable[[], float]) -> list[float]:
    """Return the seconds that each document waits for a worker of one task at the planned rate."""
    free = [0.0] * size.workers
    now, waits = 0.0, []
    for _ in range(documents):
        now += chance.expovariate(size.per_task)
        soonest = min(range(size.workers), key=free.__getitem__)
        begins = max(now, free[soonest])
        waits.append(begins - now)
        free[soonest] = begins + service()
    return waits


def test_an_example_calculated_by_hand() -> None:
    """100 ms of a vCPU a document: a vCPU carries 10/s, 5/s at utilisation 0.5; 23/s need five tasks.

    The mean wait equals the service time (M/M/1 at 0.5), so an invocation lasts 150 + 21 ms, 4 MB at 75 MB/s and
    200 ms: 424 ms, which is 9.76 concurrent executions at 23/s. With a version down: 2,700 + 21 ms, three times.
    """
    size = capacity(23)
    assert size.max_per_task == pytest.approx(10)
    assert size.per_task == pytest.approx(5)
    assert size.tasks == 5
    assert size.mean_wait_s == pytest.approx(0.1)
    assert size.handler_s == pytest.approx(0.4243, abs=1e-4)
    assert size.concurrent_executions(23) == pytest.approx(9.76, abs=0.01)
    assert size.outage_executions(23) == pytest.approx(23 * 2.721 * 3)


def test_p99_is_over_the_slowest_of_three_versions() -> None:
    """Each version may be late for a third of 1 %: 0.1 s + ln(0.5 / 0.00333) / (10/s - 5/s) = 1.102 s.

    At 1/s the minimum of two tasks is at utilisation 0.05; at 0.001/s no document waits.
    """
    assert capacity(10).answers_p99_s == pytest.approx(0.1 + math.log(150) / 5)
    assert capacity(1).answers_p99_s == pytest.approx(0.1 + math.log(15) / 9.5)
    assert capacity(0.001).answers_p99_s == pytest.approx(0.1)


def test_fractions_of_a_vcpu_are_slower_and_larger_tasks_run_in_parallel() -> None:
    assert capacity(cpu=256).service_s == pytest.approx(0.4)
    assert capacity(cpu=512).service_s == pytest.approx(0.2)
    assert capacity(cpu=8192).service_s == pytest.approx(0.1)
    assert capacity(cpu=8192).per_task == pytest.approx(40)
    assert capacity(cpu=8192).mean_wait_s < capacity(cpu=1024).mean_wait_s / 50


def test_pages_that_are_not_classified_cost_no_vcpu_time() -> None:
    def seconds(pages: int) -> float:
        return Workload(1, 1, 0.1, pages, page_ms=50).document_vcpu_s

    assert seconds(40) == seconds(50) == pytest.approx(2.0)


def test_setups_that_exceed_the_budget_are_detected() -> None:
    assert capacity(16, page_ms=62).fits_budget
    assert capacity(0.33, page_ms=62, cpu=256).fits_budget
    assert not capacity(4, page_ms=62, cpu=256).fits_budget
    assert not capacity(29, page_ms=62, utilisation=0.9).fits_budget


@given(rate=st.floats(1e-4, 50_000), page_ms=st.floats(1, 2000), cpu=sizes, least=st.integers(1, 50))
def test_the_number_of_tasks_is_minimal(rate: float, page_ms: float, cpu: int, least: int) -> None:
    size = capacity(rate, page_ms=page_ms, cpu=cpu, min_tasks=least)
    work = rate * page_ms / 1000 / size.setup.vcpus  # busy tasks
    assert work <= size.tasks * size.setup.utilisation * (1 + 1e-6)
    if size.tasks > least:
        assert work > (size.tasks - 1) * size.setup.utilisation * (1 - 1e-6)


@given(one=st.floats(1e-4, 50_000), other=st.floats(1e-4, 50_000), cpu=sizes)
def test_more_documents_never_need_fewer_tasks(one: float, other: float, cpu: int) -> None:
    less, more = sorted((one, other))
    assert capacity(less, cpu=cpu).tasks <= capacity(more, cpu=cpu).tasks


@pytest.mark.parametrize("converter_tasks", [0, 2])
@pytest.mark.parametrize("hosting", [Hosting.FARGATE, Hosting.SINGLE])
def test_services_that_read_documents_need_longer_and_the_handler_no_read(
    hosting: Hosting, converter_tasks: int
) -> None:
    """By hand, for 1 MB: 4 ms of CPU time for each service. Either the services or the orchestrator wait 163 ms for
    S3, and by address 40 ms of sending are saved. Next to a converter, the orchestrator reads at the same time."""
    by_content, by_address = (
        Capacity(
            Workload(1, 1, page_ms=100),
            Setup(1024, hosting=hosting, transfer=each, converter_tasks=converter_tasks),
        )
        for each in Transfer
    )
    assert by_address.task_vcpu_s - by_content.task_vcpu_s == pytest.approx(0.004)
    assert by_address.service_read_s == pytest.approx(0.150 + 1 / 75)
    assert by_content.service_read_s == 0
    longer = (by_address.service_s + by_address.mean_wait_s) - (by_content.service_s + by_content.mean_wait_s)
    assert by_address.handler_s - by_content.handler_s == pytest.approx(longer - 3 / 75)
    assert by_address.answers_p99_s - by_content.answers_p99_s > by_address.service_read_s
