"""The monthly bill, item by item."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triptych.plan import measurements, rollout
from triptych.plan.capacity import Capacity
from triptych.plan.rates import SECONDS_PER_MONTH
from triptych.plan.reference import HOURS_PER_MONTH, PRICES
from triptych.plan.workload import Hosting, Ingest, NetworkMode, Spot

KB, GB = 1024, 1e9
ITEM_OVERHEAD = 100
"""Bytes that DynamoDB adds to each item and index entry when it bills storage."""
POLLS_PER_SECOND = 5 / 20
"""Lambda runs five pollers per queue, each with a long poll of 20 s (ReceiveMessageWaitTimeSeconds)."""


@dataclass(frozen=True)
class BillItem:
    """One line of the bill: a quantity of what `price`, a key of the price table, is charged for."""

    service: str
    what: str
    price: str
    quantity: float

    @property
    def unit(self) -> str:
        """Unit of the quantity."""
        return PRICES[self.price].unit

    @property
    def stored(self) -> bool:
        """Whether it grows with each month of retention."""
        return self.price in ("s3.storage", "dynamodb.storage", "dynamodb.pitr")

    @property
    def usd(self) -> float:
        """Dollars per month."""
        return PRICES[self.price].cost_of(self.quantity)


def bill(capacity: Capacity, ingest: Ingest) -> list[BillItem]:
    """Return every item of a month at the average rate, without items whose quantity is 0."""
    places = (_fargate, _functions, _converter, _balancer, _handler)
    parts = (*places, _storage, _records, _events, _analytics, _network, _monitoring)
    items = [item for part in parts for item in part(capacity)]
    if ingest is Ingest.QUEUE:
        documents = capacity.workload.documents_per_month
        polls = 3 * documents + POLLS_PER_SECOND * SECONDS_PER_MONTH  # send, receive and delete, plus empty polls
        items.append(BillItem("SQS", "requests", "sqs.request", polls))
    items.append(BillItem("ECR", "images", "ecr.storage", measurements.IMAGE_GB))
    return [item for item in items if item.quantity]


def total(items: Sequence[BillItem]) -> float:
    """Return the sum in dollars per month."""
    return sum(item.usd for item in items)


def by_service(items: Sequence[BillItem]) -> dict[str, float]:
    """Return the dollars per month of each service, in the order of the bill."""
    sums: dict[str, float] = {}
    for item in items:
        sums[item.service] = sums.get(item.service, 0.0) + item.usd
    return sums


def _fargate(capacity: Capacity) -> Iterator[BillItem]:
    setup = capacity.setup
    spot = {Spot.NONE: 0, Spot.EXTRA: capacity.tasks - setup.min_tasks, Spot.ALL: capacity.tasks}[setup.spot]
    for kind, tasks, name in (("fargate", capacity.tasks - spot, ""), ("fargate_spot", spot, " on Spot")):
        hours = setup.services * tasks * HOURS_PER_MONTH
        yield BillItem("Fargate", f"vCPUs{name}", f"{kind}.{setup.arch}.vcpu", hours * setup.vcpus)
        yield BillItem("Fargate", f"memory{name}", f"{kind}.{setup.arch}.gb", hours * setup.memory_gb)


def _tasks(capacity: Capacity) -> float:
    """Return the number of tasks of all services."""
    return capacity.setup.services * capacity.tasks + capacity.setup.converter_tasks


def _functions(capacity: Capacity) -> Iterator[BillItem]:
    """Items of ModelHosting=lambda. A scheduled call takes a few milliseconds; starts of further instances are few."""
    setup = capacity.setup
    if setup.hosting is not Hosting.LAMBDA:
        return
    calls = rollout.VERSIONS * capacity.workload.documents_per_month
    warm = rollout.VERSIONS * rollout.WARM_CALLS_PER_HOUR * HOURS_PER_MONTH
    seconds = calls * capacity.service_s + warm * measurements.WARM_CALL_S
    yield BillItem("Model functions", "requests", "lambda.request", calls + warm)
    yield BillItem("Model functions", "duration", f"lambda.{setup.arch}.gb_s", seconds * setup.function_gb)


def _converter(capacity: Capacity) -> Iterator[BillItem]:
    setup = capacity.setup
    hours = setup.converter_tasks * HOURS_PER_MONTH
    yield BillItem("Converter", "vCPUs", f"fargate.{setup.arch}.vcpu", hours * rollout.CONVERTER_VCPUS)
    yield BillItem("Converter", "memory", f"fargate.{setup.arch}.gb", hours * rollout.CONVERTER_MEMORY_GB)


def lcus(capacity: Capacity, rate: float) -> float:
    """Return the load balancer capacity units at `rate`: the larger of processed bytes and active connections.

    Handlers reuse connections, so new connections do not count, and three rules are below the ten free ones.
    """
    by_address = capacity.setup.by_address
    call = measurements.ADDRESS_CALL_BYTES if by_address else capacity.workload.document_mb * 1e6
    gigabytes_per_hour = rollout.VERSIONS * rate * call * 3600 / GB
    return max(gigabytes_per_hour, rollout.VERSIONS * capacity.concurrent_executions(rate) / 3000)


def _balancer(capacity: Capacity) -> Iterator[BillItem]:
    if not capacity.setup.has_tasks:
        return
    yield BillItem("Load balancer", "hours", "alb.hour", HOURS_PER_MONTH)
    yield BillItem(
        "Load balancer", "processed bytes", "alb.lcu", lcus(capacity, capacity.workload.rate) * HOURS_PER_MONTH
    )


def _handler(capacity: Capacity) -> Iterator[BillItem]:
    documents, arch = capacity.workload.documents_per_month, capacity.setup.arch
    gb_seconds = documents * capacity.handler_s * rollout.HANDLER_MEMORY_GB
    yield BillItem("Lambda", "requests", "lambda.request", documents)
    yield BillItem("Lambda", "duration", f"lambda.{arch}.gb_s", gb_seconds)
    if capacity.setup.snap_start:
        processes = math.ceil(capacity.concurrent_executions(capacity.workload.rate))
        starts = min(documents, processes * rollout.STARTS_PER_HOUR * HOURS_PER_MONTH)
        cached = SECONDS_PER_MONTH * rollout.HANDLER_MEMORY_GB
        yield BillItem("Lambda", "snapshot of the version in use", "lambda.snapshot.gb_s", cached)
        yield BillItem("Lambda", "restored snapshots", "lambda.restore.gb", starts * rollout.HANDLER_MEMORY_GB)


def _storage(capacity: Capacity) -> Iterator[BillItem]:
    work = capacity.workload
    yield BillItem("S3", "uploads", "s3.put", work.documents_per_month)
    yield BillItem("S3", "reads", "s3.get", work.documents_per_month * capacity.setup.reads)
    stored = work.documents_per_month * work.keep_months * work.document_mb * 1e6 / GB
    yield BillItem("S3", "storage", "s3.storage", stored)


def write_units() -> int:
    """Return the write units of one record in the table or in one index: whole kilobytes."""
    return -(-measurements.RECORD_BYTES // KB)


def _records(capacity: Capacity) -> Iterator[BillItem]:
    documents = capacity.workload.documents_per_month
    places = rollout.FULL_INDEXES + measurements.REVIEWED_SHARE
    stored = documents * capacity.workload.keep_months * (measurements.RECORD_BYTES + ITEM_OVERHEAD) / GB
    yield BillItem("DynamoDB", "record writes", "dynamodb.write", documents * write_units())
    yield BillItem("DynamoDB", "index writes", "dynamodb.write", documents * write_units() * places)
    yield BillItem("DynamoDB", "look-ups", "dynamodb.read", documents)
    yield BillItem("DynamoDB", "record storage", "dynamodb.storage", stored)
    yield BillItem("DynamoDB", "index storage", "dynamodb.storage", stored * places)
    yield BillItem("DynamoDB", "point-in-time recovery", "dynamodb.pitr", stored)


def _events(capacity: Capacity) -> Iterator[BillItem]:
    """Items of Results=events. The publisher's reads of the stream are free. Retries and labels are not counted."""
    if not capacity.setup.events:
        return
    documents = capacity.workload.documents_per_month
    gb_seconds = documents * measurements.PUBLISHER_S * rollout.PUBLISHER_MEMORY_GB
    yield BillItem("Events", "events", "events.put", documents)
    yield BillItem("Events", "publisher's requests", "lambda.request", documents)
    yield BillItem("Events", "publisher's duration", f"lambda.{capacity.setup.arch}.gb_s", gb_seconds)
    yield BillItem("Events", "alarms", "alarm", rollout.EVENT_ALARMS)


def _analytics(capacity: Capacity) -> Iterator[BillItem]:
    """Items of Analytics=events. Queries, retries and labels are not counted."""
    if not capacity.setup.analytics:
        return
    documents = capacity.workload.documents_per_month
    billed = documents * measurements.FIREHOSE_BYTES / GB
    gb_seconds = documents * measurements.PUBLISHER_S * rollout.ROW_SENDER_MEMORY_GB
    stored = documents * capacity.workload.keep_months * measurements.ROW_BYTES / GB
    yield BillItem("Analytics", "row sender's requests", "lambda.request", documents)
    yield BillItem("Analytics", "row sender's duration", f"lambda.{capacity.setup.arch}.gb_s", gb_seconds)
    yield BillItem("Analytics", "rows", "firehose.ingest", billed)
    yield BillItem("Analytics", "conversion", "firehose.convert", billed)
    yield BillItem("Analytics", "files", "s3.put", rollout.FILES_PER_HOUR * HOURS_PER_MONTH if documents else 0)
    yield BillItem("Analytics", "storage", "s3.storage", stored)
    yield BillItem("Analytics", "alarms", "alarm", rollout.ANALYTICS_ALARMS)


def _network(capacity: Capacity) -> Iterator[BillItem]:
    if not capacity.setup.has_tasks:
        return
    endpoints = rollout.INTERFACE_ENDPOINTS
    if capacity.setup.hosting is Hosting.LAMBDA:  # next to a converter, the orchestrator reaches functions through one
        endpoints += 1
    if capacity.setup.network is NetworkMode.PUBLIC:
        yield BillItem("Public addresses", "one per task", "ipv4.hour", _tasks(capacity) * HOURS_PER_MONTH)
        return
    logs = capacity.workload.documents_per_month * rollout.VERSIONS * measurements.SERVICE_LOG_BYTES / GB
    yield BillItem("VPC endpoints", "hours", "endpoint.hour", endpoints * rollout.ZONES * HOURS_PER_MONTH)
    yield BillItem("VPC endpoints", "log transfer", "endpoint.gb", logs)


def _monitoring(capacity: Capacity) -> Iterator[BillItem]:
    work = capacity.workload
    each = measurements.HANDLER_LOG_BYTES + rollout.VERSIONS * measurements.SERVICE_LOG_BYTES
    written = work.documents_per_month * each / GB
    yield BillItem("CloudWatch", "log ingestion", "logs.in", written)
    yield BillItem("CloudWatch", "log storage", "logs.storage", written)
    # Metrics are billed for the hours in which they are sent: with random arrivals, those with at least one document.
    busy = 1 - math.exp(-work.rate * 3600)
    yield BillItem("CloudWatch", "metrics", "metric", measurements.METRICS * busy)
    hosting = capacity.setup.hosting
    yield BillItem("CloudWatch", "alarms", "alarm", rollout.ALARMS[hosting] + rollout.SCALING_ALARMS[hosting])
    yield BillItem("CloudWatch", "dashboard", "dashboard", rollout.DASHBOARDS)
