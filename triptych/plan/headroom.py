"""How far each limit is: what the peak asks of it, and the rate at which it would be met."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from records.keys import SHARDS
from triptych.plan import measured, template
from triptych.plan.capacity import Capacity
from triptych.plan.costs import lcus, write_units
from triptych.plan.prices import Check
from triptych.plan.quotas import QUOTAS, Quota
from triptych.plan.units import MOST
from triptych.plan.workload import Ingest, Spot

Demand = Callable[[float], float]
"""What so many documents a second ask of a limit; never less for more."""

TIGHT = 0.7
"""The share of a quota from which on more of it is to be asked for: answers take days, and others use the account."""


@dataclass(frozen=True)
class Limit:
    """A limit as a workload meets it. `demand` is at the peak, `met_at` documents a second (None where any rate fits).

    `times` is how often the quota counts (a key in eight shards has eight partitions).
    """

    id: str
    quota: Quota
    demand: float
    met_at: float | None
    times: int = 1

    @property
    def value(self) -> float:
        """How much there is."""
        return self.quota.value * self.times

    @property
    def headroom(self) -> float:
        """How many times the demand would fit."""
        return self.value / self.demand

    @property
    def tight(self) -> bool:
        """Whether the peak takes more of it than is wise."""
        return self.demand > TIGHT * self.value


def limits(capacity: Capacity, ingest: Ingest, granted: Mapping[str, float] | None = None) -> list[Limit]:
    """Every limit, the one that is met first on top; those that no rate meets last.

    Args:
        capacity: the workload and its setup.
        ingest: how uploads come in.
        granted: what the account has of a quota, by its name, where that is not what a new one has.
    """
    quotas = {name: replace(quota, value=(granted or {}).get(name, quota.value)) for name, quota in QUOTAS.items()}
    found = [
        Limit(name, quota, demand(capacity.workload.peak), met_at(demand, quota.value * times), times)
        for name, quota, demand, times in _asked(capacity, ingest, quotas)
    ]
    return sorted(found, key=lambda limit: math.inf if limit.met_at is None else limit.met_at)


def met_at(demand: Demand, value: float) -> float | None:
    """The rate up to which `demand` stays within `value`: 0 where nothing does, None where everything does."""
    if demand(MOST) <= value:
        return None
    low, high = 0.0, MOST
    if demand(low) > value:
        return 0.0
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if demand(middle) <= value else (low, middle)
    return low


ADDRESSES = Quota(
    "Addresses of the stack's subnets", template.ZONES * template.SUBNET_ADDRESSES, "addresses",
    "larger tasks (ModelCpu); the subnets cannot grow", "template.yaml", measured.MEASURED_ON, Check.QUOTED,
)  # fmt: skip
MAX_TASKS = Quota(
    "MaxModelTasks", template.MOST_TASKS, "tasks", "larger tasks (ModelCpu)", "template.yaml",
    measured.MEASURED_ON, Check.QUOTED,
)  # fmt: skip


def _asked(capacity: Capacity, ingest: Ingest, quotas: Mapping[str, Quota]) -> Iterator[tuple[str, Quota, Demand, int]]:
    """Each limit's name, what it is, what a rate asks of it, and how often it counts."""
    work, setup = capacity.workload, capacity.setup

    def deployed(rate: float) -> int:
        """Tasks of all versions while all three are replaced."""
        return template.VERSIONS * capacity.tasks_for(rate) * template.DEPLOYMENT

    def on_spot(rate: float) -> int:
        kept = template.VERSIONS * setup.min_tasks * template.DEPLOYMENT
        return {Spot.NONE: 0, Spot.EXTRA: deployed(rate) - kept, Spot.ALL: deployed(rate)}[setup.spot]

    if setup.spot is not Spot.ALL:
        yield "fargate_vcpus", quotas["fargate_vcpus"], lambda rate: (deployed(rate) - on_spot(rate)) * setup.vcpus, 1
    if setup.spot is not Spot.NONE:
        yield "fargate_spot_vcpus", quotas["fargate_spot_vcpus"], lambda rate: on_spot(rate) * setup.vcpus, 1
    yield "max_tasks", MAX_TASKS, capacity.tasks_for, 1
    yield "alb_targets", quotas["alb_targets"], deployed, 1
    yield "addresses", ADDRESSES, lambda rate: deployed(rate) + template.OTHER_ADDRESSES, 1
    yield "alb_capacity", quotas["alb_capacity"], lambda rate: lcus(capacity, rate), 1

    yield "lambda_concurrency", quotas["lambda_concurrency"], capacity.handlers, 1
    if ingest is Ingest.QUEUE:
        yield "queue_concurrency", quotas["queue_concurrency"], capacity.handlers, 1
    else:
        usual = quotas["lambda_concurrency"]
        broken = replace(usual, name=f"{usual.name}, with a version mute for minutes")
        yield "lambda_concurrency_broken", broken, capacity.broken_handlers, 1

    def written(rate: float) -> float:
        return rate * write_units()

    yield "dynamodb_hot_key", quotas["dynamodb_hot_key"], written, SHARDS
    yield "dynamodb_new_table", quotas["dynamodb_new_table"], written, 1
    yield "dynamodb_table", quotas["dynamodb_table"], written, 1
    yield "s3_put", quotas["s3_put"], lambda rate: rate, 1
    yield "s3_get", quotas["s3_get"], lambda rate: rate, 1
    yield "event_bytes", quotas["event_bytes"], lambda _: measured.EVENT_BYTES, 1
    yield "item_bytes", quotas["item_bytes"], lambda _: measured.RECORD_BYTES, 1
    document = Quota(
        "Bytes of a document", measured.MAX_DOCUMENT_MB * 1e6, "bytes", "the environment variable MAX_DOCUMENT_BYTES",
        "orchestrator/settings.py", measured.MEASURED_ON, Check.QUOTED,
    )  # fmt: skip
    yield "document_bytes", document, lambda _: work.document_mb * 1e6, 1
