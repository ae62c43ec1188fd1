"""Recommendations: ingest mode, template parameters, quota increases, and cheaper setups."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triptych.plan import measurements, rollout
from triptych.plan.capacity import Capacity
from triptych.plan.limits import RECOMMENDED_SHARE, Limit
from triptych.plan.reference import PRICES, QUOTAS, REGION
from triptych.plan.workload import Arch, Hosting, Ingest, NetworkMode, Spot, Transfer

RESERVE = 1.5
"""Factor by which MaxModelTasks and InboxConcurrency exceed the peak, so that a recovered version can catch up."""
IN_FLIGHT = 16
"""Requests in flight that a task accepts (model_service.settings: max_in_flight)."""
DEFAULT_MAX_TASKS = 4
"""Default of MaxModelTasks, and the minimum that is recommended."""


@dataclass(frozen=True)
class DeploymentAdvice:
    """Recommended steps in order (`sentences`), and the caveats of the estimate (`warnings`)."""

    sentences: list[str]
    warnings: list[str]


@dataclass(frozen=True)
class Saving:
    """The same workload with one option changed, and the drawback."""

    change: str
    capacity: Capacity
    drawback: str


def choose_ingest(capacity: Capacity) -> Ingest:
    """Return the recommended ingest mode.

    A queue if a burst exceeds the capacity of the running tasks, or if an outage of a version would use up the
    account's Lambda concurrency. Otherwise direct, which has the lower latency, and also direct if the peak needs more
    concurrent executions than one queue supports.
    """
    peak = capacity.workload.peak
    if capacity.concurrent_executions(peak) > rollout.MAX_CONCURRENCY / RESERVE:
        return Ingest.DIRECT
    exceeds_tasks = capacity.setup.services > 0 and peak > capacity.tasks * capacity.max_per_task
    exceeds_account = capacity.outage_executions(peak) > RECOMMENDED_SHARE * QUOTAS["lambda_concurrency"].value
    return Ingest.QUEUE if exceeds_tasks or exceeds_account else Ingest.DIRECT


def _documents_per_task(capacity: Capacity) -> int:
    """Return the documents in flight that a task accepts, which gets a request for each of its versions."""
    return IN_FLIGHT // capacity.setup.calls


def _accepted(capacity: Capacity) -> float:
    """Return the documents in flight that the running tasks accept; functions have no such bound."""
    return _documents_per_task(capacity) * capacity.tasks if capacity.setup.services else math.inf


def inbox_concurrency(capacity: Capacity) -> int:
    """Return InboxConcurrency: the peak's concurrent executions plus a reserve, bounded by what the tasks accept."""
    wanted = math.ceil(RESERVE * capacity.concurrent_executions(capacity.workload.peak))
    return int(min(max(rollout.MIN_CONCURRENCY, min(wanted, _accepted(capacity))), rollout.MAX_CONCURRENCY))


def max_tasks(capacity: Capacity) -> int:
    """Return MaxModelTasks: the peak's tasks plus a reserve."""
    wanted = max(DEFAULT_MAX_TASKS, capacity.setup.min_tasks, math.ceil(RESERVE * capacity.peak_tasks))
    return min(wanted, rollout.MAX_TASKS)


def parameters(capacity: Capacity, ingest: Ingest) -> dict[str, str]:
    """Return parameters of template.yaml, by name."""
    setup = capacity.setup
    calls = math.floor(60 * capacity.per_task * setup.calls)
    requests = min(max(rollout.MIN_REQUESTS, calls), rollout.MAX_REQUESTS)
    chosen = {
        "ModelHosting": setup.hosting,
        "ModelCpu": setup.task_cpu,
        "ModelArchitecture": setup.arch.upper(),
        "OrchestratorArchitecture": setup.arch,
        "MinModelTasks": setup.min_tasks,
        "MaxModelTasks": max_tasks(capacity),
        "RequestsPerTask": requests,
        "ModelSpot": setup.spot,
        "Network": setup.network,
        "Ingest": ingest,
    }
    if setup.by_address:
        chosen |= {"DocumentTransfer": setup.transfer}
    if setup.events:
        chosen |= {"Results": "events"}
    if setup.analytics:
        chosen |= {"Analytics": "events"}
    if setup.snap_start:
        chosen |= {"SnapStart": "orchestrator"}
    if setup.converter_tasks:
        chosen |= {"OfficeFormats": "convert", "ConverterTasks": setup.converter_tasks}
    if ingest is Ingest.QUEUE:
        chosen["InboxConcurrency"] = inbox_concurrency(capacity)
    return {name: str(value) for name, value in chosen.items()}


def advise(capacity: Capacity, ingest: Ingest, limits: Sequence[Limit]) -> DeploymentAdvice:
    """Return recommendations and caveats; `limits` are in the order in which they are reached."""
    return DeploymentAdvice(list(_sentences(capacity, ingest, limits)), list(_warnings(capacity, ingest)))


def _sentences(capacity: Capacity, ingest: Ingest, limits: Sequence[Limit]) -> Iterator[str]:
    yield _settings(capacity, ingest, limits)
    named: set[str] = set()
    for limit in sorted(limits, key=lambda limit: limit.headroom if limit.demand else math.inf):
        quota = limit.quota
        if not limit.tight or quota.name in named or quota.code in named:
            continue
        named.add(quota.code or quota.name)
        demand = f"{quota.name}: the peak needs {limit.demand:,.0f} of {limit.value:,.0f} {quota.unit}."
        if quota.adjustable:
            desired = math.ceil(limit.demand / RECOMMENDED_SHARE)
            yield (
                f"{demand} Request {desired:,}: aws service-quotas request-service-quota-increase "
                f"--service-code {quota.service} --quota-code {quota.code} --desired-value {desired} --region {REGION}"
            )
        else:
            yield f"{demand} Remedy: {quota.remedy}."


def _settings(capacity: Capacity, ingest: Ingest, limits: Sequence[Limit]) -> str:
    chosen = parameters(capacity, ingest)
    names = ["MinModelTasks", "MaxModelTasks", "RequestsPerTask"] if capacity.setup.services else []
    names += ["DocumentTransfer", "Ingest", "InboxConcurrency"]
    if capacity.setup.hosting is not Hosting.FARGATE:
        names.insert(0, "ModelHosting")
    if capacity.setup.task_cpu != rollout.DEFAULT_CPU:
        names.insert(0, "ModelCpu")
    settings = ", ".join(f"{name}={chosen[name]}" for name in names if name in chosen)
    first = limits[0]
    if first.tight and first.quota.adjustable:
        return f"Set {settings}; first request an increase of this quota: {first.quota.name}."
    if first.reached_at is None:
        return f"Set {settings}. No rate reaches a quota of AWS."
    return f"Set {settings}. The first quota is reached at {first.reached_at:,.0f}/s: {first.quota.name}."


def _warnings(capacity: Capacity, ingest: Ingest) -> Iterator[str]:
    work, setup = capacity.workload, capacity.setup
    if not capacity.fits_budget:
        read = "" if setup.by_address else " plus the read"
        yield (
            f"Three answers take {capacity.answers_p99_s * 1000:,.0f} ms at p99{read}, more than the budget of "
            f"{measurements.MODEL_BUDGET_MS:,.0f} ms: use a larger --task-cpu or a lower --utilisation."
        )
    if capacity.peak_tasks > rollout.MAX_TASKS:
        yield f"The peak needs {capacity.peak_tasks:,} tasks per version; MaxModelTasks allows {rollout.MAX_TASKS:,}."
    if work.peak == work.rate:
        yield "Without --peak the estimate assumes a constant rate, which is rare in practice."
    if ingest is Ingest.QUEUE and _accepted(capacity) < RESERVE * capacity.concurrent_executions(work.peak):
        least = math.ceil(RESERVE * capacity.concurrent_executions(work.peak) / _documents_per_task(capacity))
        advice = f" To process the peak without delay: MinModelTasks={least}." if least <= rollout.MAX_MIN_TASKS else ""
        yield (
            f"InboxConcurrency is what the {capacity.tasks} running tasks accept: a burst waits in the queue.{advice}"
        )
    if setup.hosting is Hosting.LAMBDA:
        yield (
            "A document that finds its functions busy waits for another instance to start, which takes longer than the "
            "budget: its record is PARTIAL until the retry."
        )
    if setup.min_tasks == 1 and setup.services:
        yield "With one task per version, the failure of a zone causes PARTIAL or FAILED records for minutes."
    if setup.arch is Arch.ARM64:
        yield "ARM was not measured: the number of tasks is that of x86_64."
    if setup.spot is not Spot.NONE:
        price = PRICES[f"fargate_spot.{setup.arch}.vcpu"]
        yield f"Spot prices vary; this one is from {price.as_of} ({price.check})."
    if work.pages > measurements.MAX_PAGES:
        yield f"Only the first {measurements.MAX_PAGES} pages of a document are classified."


def savings(capacity: Capacity) -> Iterator[Saving]:
    """Yield alternative setups, whether or not they save anything."""
    setup, work = capacity.setup, capacity.workload

    def changed(change: str, drawback: str, **fields: object) -> Saving:
        return Saving(change, Capacity(work, setup.changed(**fields)), drawback)

    if setup.arch is not Arch.ARM64:
        yield changed("--arch arm64", "not measured; build with ARCH=arm64 sam build", arch=Arch.ARM64)
    if not setup.services:
        return
    if setup.transfer is Transfer.CONTENT:
        yield changed("--transfer address", "every task may read the inbox", transfer=Transfer.ADDRESS)
    if setup.spot is Spot.NONE and capacity.tasks > setup.min_tasks:
        yield changed(
            "--spot extra", "tasks above the minimum may be stopped with two minutes' notice", spot=Spot.EXTRA
        )
    if setup.spot is not Spot.ALL:
        yield changed("--spot all", "all tasks may be stopped at the same time", spot=Spot.ALL)
    if setup.network is NetworkMode.PRIVATE:
        yield changed(
            "--network public",
            "tasks get public addresses; security groups block inbound traffic",
            network=NetworkMode.PUBLIC,
        )
    if setup.min_tasks > 1:
        yield changed("--min-tasks 1", "the failure of a zone causes PARTIAL records for minutes", min_tasks=1)
    yield from _smaller_tasks(capacity)


def _smaller_tasks(capacity: Capacity) -> Iterator[Saving]:
    """Yield the smallest task with which answers are within the budget, if it is smaller than the chosen one."""
    for size in sorted(rollout.TASK_MEMORY_GB):
        smaller = Capacity(capacity.workload, capacity.setup.changed(task_cpu=size))
        if size < capacity.setup.task_cpu and smaller.fits_budget:
            slower = f"three answers in {smaller.answers_p99_s:.1f} s instead of {capacity.answers_p99_s:.1f} s (p99)"
            yield Saving(f"--task-cpu {size}", smaller, slower)
            return
