"""The bill of a month, item by item."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triptych.plan import measured, template
from triptych.plan.capacity import Capacity
from triptych.plan.prices import HOURS, PRICES
from triptych.plan.units import SECONDS_A_MONTH
from triptych.plan.workload import Ingest, Network, Spot

KB, GB = 1024, 1e9
ITEM_OVERHEAD = 100
"""Bytes that DynamoDB adds to each item, and to each of its places in an index, when it bills storage."""
POLLS_A_SECOND = 5 / 20
"""Lambda keeps five pollers on a queue, each asking for 20 s at a time (ReceiveMessageWaitTimeSeconds)."""


@dataclass(frozen=True)
class Item:
    """One line of the bill: `quantity` of the `unit` that `price`, a key of the price table, is for."""

    service: str
    what: str
    price: str
    quantity: float

    @property
    def unit(self) -> str:
        """What the quantity counts."""
        return PRICES[self.price].unit

    @property
    def stored(self) -> bool:
        """Whether it grows with each month that documents and records are kept."""
        return self.price in ("s3.storage", "dynamodb.storage", "dynamodb.pitr")

    @property
    def usd(self) -> float:
        """Dollars a month."""
        return PRICES[self.price].of(self.quantity)


def bill(capacity: Capacity, ingest: Ingest) -> list[Item]:
    """Every item of a month at the average rate; items that cost nothing are left out."""
    parts = (_fargate, _balancer, _handler, _storage, _records, _network, _watching)
    items = [item for part in parts for item in part(capacity)]
    if ingest is Ingest.QUEUE:
        documents = capacity.workload.documents_a_month
        polls = 3 * documents + POLLS_A_SECOND * SECONDS_A_MONTH  # sent, received and deleted; and asked for in vain
        items.append(Item("SQS", "requests", "sqs.request", polls))
    items.append(Item("ECR", "images", "ecr.storage", measured.IMAGE_GB))
    return [item for item in items if item.quantity]


def total(items: Sequence[Item]) -> float:
    """Dollars of them all."""
    return sum(item.usd for item in items)


def by_service(items: Sequence[Item]) -> dict[str, float]:
    """Dollars of each service, in the order of the bill."""
    sums: dict[str, float] = {}
    for item in items:
        sums[item.service] = sums.get(item.service, 0.0) + item.usd
    return sums


def _fargate(capacity: Capacity) -> Iterator[Item]:
    setup = capacity.setup
    spot = {Spot.NONE: 0, Spot.EXTRA: capacity.tasks - setup.min_tasks, Spot.ALL: capacity.tasks}[setup.spot]
    for kind, tasks, name in (("fargate", capacity.tasks - spot, ""), ("fargate_spot", spot, " on Spot")):
        hours = template.VERSIONS * tasks * HOURS
        yield Item("Fargate", f"vCPUs{name}", f"{kind}.{setup.arch}.vcpu", hours * setup.vcpus)
        yield Item("Fargate", f"memory{name}", f"{kind}.{setup.arch}.gb", hours * setup.memory_gb)


def lcus(capacity: Capacity, rate: float) -> float:
    """Load balancer capacity units at `rate`: the bytes passed on, or the connections held, whichever is more.

    New connections are few, for handlers keep theirs, and three rules are below the ten that are free.
    """
    gigabytes_an_hour = template.VERSIONS * rate * capacity.workload.document_mb * 1e6 * 3600 / GB
    return max(gigabytes_an_hour, template.VERSIONS * capacity.handlers(rate) / 3000)


def _balancer(capacity: Capacity) -> Iterator[Item]:
    yield Item("Load balancer", "hours", "alb.hour", HOURS)
    yield Item("Load balancer", "documents passed on", "alb.lcu", lcus(capacity, capacity.workload.rate) * HOURS)


def _handler(capacity: Capacity) -> Iterator[Item]:
    documents, arch = capacity.workload.documents_a_month, capacity.setup.arch
    gb_seconds = documents * capacity.handler_s * template.HANDLER_MEMORY_GB
    yield Item("Lambda", "requests", "lambda.request", documents)
    yield Item("Lambda", "time", f"lambda.{arch}.gb_s", gb_seconds)


def _storage(capacity: Capacity) -> Iterator[Item]:
    work = capacity.workload
    yield Item("S3", "uploads", "s3.put", work.documents_a_month)
    yield Item("S3", "reads", "s3.get", work.documents_a_month)
    stored = work.documents_a_month * work.keep_months * work.document_mb * 1e6 / GB
    yield Item("S3", "documents kept", "s3.storage", stored)


def write_units() -> int:
    """DynamoDB's write units of one record in the table, or in one index: whole kilobytes."""
    return -(-measured.RECORD_BYTES // KB)


def _records(capacity: Capacity) -> Iterator[Item]:
    documents = capacity.workload.documents_a_month
    places = template.INDEXES + measured.REVIEWED_SHARE
    kept = documents * capacity.workload.keep_months * (measured.RECORD_BYTES + ITEM_OVERHEAD) / GB
    yield Item("DynamoDB", "records written", "dynamodb.write", documents * write_units())
    yield Item("DynamoDB", "indexes written", "dynamodb.write", documents * write_units() * places)
    yield Item("DynamoDB", "look-ups", "dynamodb.read", documents)
    yield Item("DynamoDB", "records kept", "dynamodb.storage", kept)
    yield Item("DynamoDB", "indexes kept", "dynamodb.storage", kept * places)
    yield Item("DynamoDB", "restore to any second", "dynamodb.pitr", kept)


def _network(capacity: Capacity) -> Iterator[Item]:
    if capacity.setup.network is Network.PUBLIC:
        yield Item("Public addresses", "one a task", "ipv4.hour", template.VERSIONS * capacity.tasks * HOURS)
        return
    logs = capacity.workload.documents_a_month * template.VERSIONS * measured.SERVICE_LOG_BYTES / GB
    yield Item("VPC endpoints", "hours", "endpoint.hour", template.INTERFACE_ENDPOINTS * template.ZONES * HOURS)
    yield Item("VPC endpoints", "logs passed on", "endpoint.gb", logs)


def _watching(capacity: Capacity) -> Iterator[Item]:
    work = capacity.workload
    each = measured.HANDLER_LOG_BYTES + template.VERSIONS * measured.SERVICE_LOG_BYTES
    written = work.documents_a_month * each / GB
    yield Item("CloudWatch", "logs written", "logs.in", written)
    yield Item("CloudWatch", "logs kept a month", "logs.storage", written)
    yield Item("CloudWatch", "metrics", "metric", measured.METRICS if work.rate else 0)
    yield Item("CloudWatch", "alarms", "alarm", template.ALARMS + template.SCALING_ALARMS)
    yield Item("CloudWatch", "dashboard", "dashboard", template.DASHBOARDS)
