"""Demand and headroom of each quota, and the rate at which it is reached."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from records.keys import SHARDS
from triptych.plan import measurements, rollout
from triptych.plan.capacity import Capacity
from triptych.plan.costs import lcus, write_units
from triptych.plan.rates import MAX_RATE
from triptych.plan.reference import QUOTAS, Quota, Verification
from triptych.plan.workload import Ingest, Spot

Demand = Callable[[float], float]
"""Demand for a quota by rate in documents per second; non-decreasing."""

RECOMMENDED_SHARE = 0.7
"""Share of a quota above which an increase is recommended: requests take days, and other workloads share it."""


@dataclass(frozen=True)
class Limit:
    """A quota and the demand of a workload.

    Attributes:
        demand: Demand at the peak.
        reached_at: Rate in documents per second at which it is reached; None if no rate reaches it.
        multiplier: How often the quota applies: a key in eight shards has eight partitions.
    """

    id: str
    quota: Quota
    demand: float
    reached_at: float | None
    multiplier: int = 1

    @property
    def value(self) -> float:
        """Total available."""
        return self.quota.value * self.multiplier

    @property
    def headroom(self) -> float:
        """Available divided by demand."""
        return self.value / self.demand

    @property
    def tight(self) -> bool:
        """Whether the demand exceeds the recommended share."""
        return self.demand > RECOMMENDED_SHARE * self.value


def limits(capacity: Capacity, ingest: Ingest, granted: Mapping[str, float] | None = None) -> list[Limit]:
    """Return every limit, in the order in which a growing rate reaches them.

    Args:
        capacity: The workload and its setup.
        ingest: How uploads reach the orchestrator.
        granted: The account's quotas by name, where they differ from those of a new account.
    """
    quotas = {name: replace(quota, value=(granted or {}).get(name, quota.value)) for name, quota in QUOTAS.items()}
    found = [
        Limit(name, quota, demand(capacity.workload.peak), reached_at(demand, quota.value * multiplier), multiplier)
        for name, quota, demand, multiplier in _demands(capacity, ingest, quotas)
    ]
    return sorted(found, key=lambda limit: math.inf if limit.reached_at is None else limit.reached_at)


def reached_at(demand: Demand, value: float) -> float | None:
    """Return the rate at which `demand` exceeds `value`: 0 if it always does, None if it never does."""
    if demand(MAX_RATE) <= value:
        return None
    low, high = 0.0, MAX_RATE
    if demand(low) > value:
        return 0.0
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if demand(middle) <= value else (low, middle)
    return low


ADDRESSES = Quota(
    "Addresses in the stack's subnets", rollout.ZONES * rollout.SUBNET_ADDRESSES, "addresses",
    "larger tasks (ModelCpu); subnets cannot be enlarged", "template.yaml",
    measurements.MEASURED_ON, Verification.QUOTED,
)  # fmt: skip
MAX_TASKS = Quota(
    "MaxModelTasks", rollout.MAX_TASKS, "tasks", "larger tasks (ModelCpu)", "template.yaml",
    measurements.MEASURED_ON, Verification.QUOTED,
)  # fmt: skip


def _demands(
    capacity: Capacity, ingest: Ingest, quotas: Mapping[str, Quota]
) -> Iterator[tuple[str, Quota, Demand, int]]:
    """Yield each limit's name, quota, demand by rate, and multiplier."""
    work, setup = capacity.workload, capacity.setup

    def deployed(rate: float) -> int:
        """Return the tasks of all versions while a deployment replaces all of them."""
        return setup.services * capacity.tasks_for(rate) * rollout.DEPLOYMENT_FACTOR

    def on_spot(rate: float) -> int:
        kept = setup.services * setup.min_tasks * rollout.DEPLOYMENT_FACTOR
        return {Spot.NONE: 0, Spot.EXTRA: deployed(rate) - kept, Spot.ALL: deployed(rate)}[setup.spot]

    if setup.services:
        if setup.spot is not Spot.ALL:
            yield (
                "fargate_vcpus",
                quotas["fargate_vcpus"],
                lambda rate: (deployed(rate) - on_spot(rate)) * setup.vcpus,
                1,
            )
        if setup.spot is not Spot.NONE:
            yield "fargate_spot_vcpus", quotas["fargate_spot_vcpus"], lambda rate: on_spot(rate) * setup.vcpus, 1
        yield "max_tasks", MAX_TASKS, capacity.tasks_for, 1
        yield "alb_targets", quotas["alb_targets"], deployed, 1
        yield "addresses", ADDRESSES, lambda rate: deployed(rate) + rollout.OTHER_ADDRESSES, 1
        yield "alb_capacity", quotas["alb_capacity"], lambda rate: lcus(capacity, rate), 1

    def executions(rate: float) -> float:
        return capacity.concurrent_executions(rate) + capacity.function_executions(rate)

    yield "lambda_concurrency", quotas["lambda_concurrency"], executions, 1
    if ingest is Ingest.QUEUE:
        yield "queue_concurrency", quotas["queue_concurrency"], capacity.concurrent_executions, 1
    else:
        usual = quotas["lambda_concurrency"]
        broken = replace(usual, name=f"{usual.name}, while a version is down")
        yield "lambda_concurrency_broken", broken, capacity.outage_executions, 1

    def written(rate: float) -> float:
        return rate * write_units()

    yield "dynamodb_hot_key", quotas["dynamodb_hot_key"], written, SHARDS
    yield "dynamodb_new_table", quotas["dynamodb_new_table"], written, 1
    yield "dynamodb_table", quotas["dynamodb_table"], written, 1
    yield "s3_put", quotas["s3_put"], lambda rate: rate, 1
    yield "s3_get", quotas["s3_get"], lambda rate: rate * setup.reads, 1
    yield "event_bytes", quotas["event_bytes"], lambda _: measurements.EVENT_BYTES, 1
    yield "item_bytes", quotas["item_bytes"], lambda _: measurements.RECORD_BYTES, 1
    document = Quota(
        "Size of a document", measurements.MAX_DOCUMENT_MB * 1e6, "bytes", "the setting MAX_DOCUMENT_BYTES",
        "orchestrator/settings.py", measurements.MEASURED_ON, Verification.QUOTED,
    )  # fmt: skip
    yield "document_bytes", document, lambda _: work.document_mb * 1e6, 1
