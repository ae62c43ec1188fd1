"""What to do about it: how uploads come in, parameters to paste, quotas to ask for, and what would be cheaper."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triptych.plan import measured, template
from triptych.plan.capacity import Capacity
from triptych.plan.headroom import TIGHT, Limit
from triptych.plan.prices import PRICES, REGION
from triptych.plan.quotas import QUOTAS
from triptych.plan.workload import Arch, Ingest, Network, Spot

SPARE = 1.5
"""What the bounds (MaxModelTasks, InboxConcurrency) allow beyond the peak: a repaired version has to catch up."""
IN_FLIGHT = 16
"""Documents that a task takes at a time before it refuses (model_service.settings: max_in_flight)."""
USUAL_MAX_TASKS = 4
"""The default of MaxModelTasks: no plan goes below it."""


@dataclass(frozen=True)
class Advice:
    """`sentences` say what to do, in the order to do it; `warnings` what to know before believing any of it."""

    sentences: list[str]
    warnings: list[str]


@dataclass(frozen=True)
class Saving:
    """What the same workload would need with one thing changed, and what that costs other than money."""

    change: str
    capacity: Capacity
    but: str


def choose_ingest(capacity: Capacity) -> Ingest:
    """Through the queue where a burst outruns what usually runs, or a mute version would take the account's Lambdas.

    Directly otherwise, for it is the quicker way; and where one queue cannot feed as many handlers as the peak needs.
    """
    peak = capacity.workload.peak
    if capacity.handlers(peak) > template.MOST_CONCURRENCY / SPARE:
        return Ingest.DIRECT
    outruns = peak > capacity.tasks * capacity.most_per_task
    swamps = capacity.broken_handlers(peak) > TIGHT * QUOTAS["lambda_concurrency"].value
    return Ingest.QUEUE if outruns or swamps else Ingest.DIRECT


def inbox_concurrency(capacity: Capacity) -> int:
    """As many handlers as the peak keeps busy and some, yet no more than the usual tasks take without refusing."""
    wanted = math.ceil(SPARE * capacity.handlers(capacity.workload.peak))
    bearable = IN_FLIGHT * capacity.tasks
    return min(max(template.LEAST_CONCURRENCY, min(wanted, bearable)), template.MOST_CONCURRENCY)


def max_tasks(capacity: Capacity) -> int:
    """MaxModelTasks: the peak's tasks and half as many again."""
    wanted = max(USUAL_MAX_TASKS, capacity.setup.min_tasks, math.ceil(SPARE * capacity.peak_tasks))
    return min(wanted, template.MOST_TASKS)


def parameters(capacity: Capacity, ingest: Ingest) -> dict[str, str]:
    """Parameters of template.yaml, by name."""
    setup = capacity.setup
    requests = min(max(template.LEAST_REQUESTS, math.floor(60 * capacity.per_task)), template.MOST_REQUESTS)
    chosen = {
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
    if ingest is Ingest.QUEUE:
        chosen["InboxConcurrency"] = inbox_concurrency(capacity)
    return {name: str(value) for name, value in chosen.items()}


def advise(capacity: Capacity, ingest: Ingest, limits: Sequence[Limit]) -> Advice:
    """What to do and what to know. `limits`: the one that is met first on top."""
    return Advice(list(_sentences(capacity, ingest, limits)), list(_warnings(capacity, ingest)))


def _sentences(capacity: Capacity, ingest: Ingest, limits: Sequence[Limit]) -> Iterator[str]:
    yield _settings(capacity, ingest, limits)
    asked: set[str] = set()
    for limit in sorted(limits, key=lambda limit: limit.headroom if limit.demand else math.inf):
        quota = limit.quota
        if not limit.tight or quota.name in asked or quota.code in asked:
            continue
        asked.add(quota.code or quota.name)
        takes = f"{quota.name}: the peak takes {limit.demand:,.0f} of {limit.value:,.0f} {quota.unit}."
        if quota.adjustable:
            desired = math.ceil(limit.demand / TIGHT)
            yield (
                f"{takes} Ask for {desired:,}: aws service-quotas request-service-quota-increase "
                f"--service-code {quota.service} --quota-code {quota.code} --desired-value {desired} --region {REGION}"
            )
        else:
            yield f"{takes} What helps: {quota.way_out}."


def _settings(capacity: Capacity, ingest: Ingest, limits: Sequence[Limit]) -> str:
    chosen = parameters(capacity, ingest)
    names = ["MinModelTasks", "MaxModelTasks", "RequestsPerTask", "Ingest", "InboxConcurrency"]
    if capacity.setup.task_cpu != template.USUAL_CPU:
        names.insert(0, "ModelCpu")
    told = ", ".join(f"{name}={chosen[name]}" for name in names if name in chosen)
    first = limits[0]
    if first.tight and first.quota.adjustable:
        return f"Set {told}; before anything else ask for more of this quota: {first.quota.name}."
    if first.met_at is None:
        return f"Set {told}. No limit of AWS is met at any rate."
    return f"Set {told}. The first limit is met at {first.met_at:,.0f}/s: {first.quota.name}."


def _warnings(capacity: Capacity, ingest: Ingest) -> Iterator[str]:
    work, setup = capacity.workload, capacity.setup
    if not capacity.fits_budget:
        yield (
            f"99 of 100 documents need {capacity.answers_p99_s * 1000:,.0f} ms for three answers, and time before, "
            f"of {measured.MODEL_BUDGET_MS:,.0f} ms: take a larger --task-cpu or a lower --utilisation."
        )
    if capacity.peak_tasks > template.MOST_TASKS:
        yield f"The peak needs {capacity.peak_tasks:,} tasks a version; MaxModelTasks allows {template.MOST_TASKS:,}."
    if work.peak == work.rate:
        yield "No --peak was given: this holds for documents that come evenly, which they seldom do."
    if ingest is Ingest.QUEUE and IN_FLIGHT * capacity.tasks < SPARE * capacity.handlers(work.peak):
        least = math.ceil(SPARE * capacity.handlers(work.peak) / IN_FLIGHT)
        way = f" To take the peak as it comes: MinModelTasks={least}." if least <= template.MOST_MIN_TASKS else ""
        yield (
            f"InboxConcurrency is what the {capacity.tasks} usual tasks take without refusing: a burst waits in the "
            f"queue.{way}"
        )
    if setup.min_tasks == 1:
        yield "With one task a version, the loss of a zone costs minutes of PARTIAL or FAILED records."
    if setup.arch is Arch.ARM64:
        yield "ARM has not been measured: the tasks are those of x86_64."
    if setup.spot is not Spot.NONE:
        seen = PRICES[f"fargate_spot.{setup.arch}.vcpu"]
        yield f"Spot's price moves; this one is of {seen.as_of} ({seen.check})."
    if work.pages > measured.MAX_PAGES:
        yield f"Only the first {measured.MAX_PAGES} pages of a document are scored."


def savings(capacity: Capacity) -> Iterator[Saving]:
    """Changes worth a look, whether they save anything or not."""
    setup, work = capacity.setup, capacity.workload

    def changed(change: str, but: str, **fields: object) -> Saving:
        return Saving(change, Capacity(work, setup.but(**fields)), but)

    if setup.arch is not Arch.ARM64:
        yield changed("--arch arm64", "not measured; build with ARCH=arm64 sam build", arch=Arch.ARM64)
    if setup.spot is Spot.NONE and capacity.tasks > setup.min_tasks:
        yield changed("--spot extra", "tasks above the minimum may go with two minutes' notice", spot=Spot.EXTRA)
    if setup.spot is not Spot.ALL:
        yield changed("--spot all", "every task may; there may be none for a while", spot=Spot.ALL)
    if setup.network is Network.PRIVATE:
        yield changed("--network public", "tasks get public addresses that let nobody in", network=Network.PUBLIC)
    if setup.min_tasks > 1:
        yield changed("--min-tasks 1", "the loss of a zone costs minutes of PARTIAL records", min_tasks=1)
    for size in sorted(template.TASK_MEMORY_GB):
        smaller = Capacity(work, setup.but(task_cpu=size))
        if size < setup.task_cpu and smaller.fits_budget:
            slower = (
                f"99 of 100 documents answered in {smaller.answers_p99_s:.1f} s, not {capacity.answers_p99_s:.1f} s"
            )
            yield Saving(f"--task-cpu {size}", smaller, slower)
            return
