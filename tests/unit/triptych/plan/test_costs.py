"""Protects: the bill. The expected month is calculated by hand from AWS's prices, independent of the code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.plan import costs, rollout
from triptych.plan.capacity import Capacity
from triptych.plan.reference import PRICES
from triptych.plan.workload import Arch, Hosting, Ingest, NetworkMode, Setup, Spot, Transfer, Workload

setups = st.builds(
    Setup,
    task_cpu=st.sampled_from(sorted(rollout.TASK_MEMORY_GB)),
    arch=st.sampled_from(Arch),
    network=st.sampled_from(NetworkMode),
    spot=st.sampled_from(Spot),
    min_tasks=st.integers(1, 10),
    snap_start=st.booleans(),
    transfer=st.sampled_from(Transfer),
)


def bill(rate: float, setup: Setup | None = None, ingest: Ingest = Ingest.DIRECT, **work: float) -> dict[str, float]:
    """Dollars by item."""
    given = Workload(rate, rate, **work)  # type: ignore[arg-type]
    items = costs.bill(Capacity(given, setup or Setup(1024)), ingest)
    assert len({(item.service, item.what) for item in items}) == len(items)
    return {f"{item.service}: {item.what}": item.usd for item in items}


def test_converter_is_billed_by_its_tasks() -> None:
    """A task of 2 vCPU and 4 GB costs 72 dollars a month, and 3.65 for a public address."""
    with_converter = bill(0.33, Setup(1024, network=NetworkMode.PUBLIC, converter_tasks=2))
    without = bill(0.33, Setup(1024, network=NetworkMode.PUBLIC))

    assert with_converter["Converter: vCPUs"] == pytest.approx(2 * 730 * 2 * 0.04048)
    assert with_converter["Converter: memory"] == pytest.approx(2 * 730 * 4 * 0.004445)
    assert sum(with_converter.values()) - sum(without.values()) == pytest.approx(2 * (72.08 + 3.65), abs=0.1)


def test_a_month_calculated_by_hand() -> None:
    """0.33/s of 1 MB: 867,240 documents. Six tasks of 1 vCPU and 2 GB are 4,380 task-hours of 730 each."""
    assert bill(0.33) == {
        "Fargate: vCPUs": pytest.approx(4380 * 0.04048),
        "Fargate: memory": pytest.approx(8760 * 0.004445),
        "Load balancer: hours": pytest.approx(16.425),
        # Three times 0.33 MB a second are 3.564 GB an hour, an LCU each.
        "Load balancer: processed bytes": pytest.approx(3.564 * 0.008 * 730),
        "Lambda: requests": pytest.approx(0.173448),
        # 150 + 21 ms, 4 MB at 75 MB/s, 53.8 ms of service and 53.8 of waiting: 0.3319 s of a GB.
        "Lambda: duration": pytest.approx(867_240 * 0.33185 * 0.0000166667, rel=1e-3),
        "S3: uploads": pytest.approx(4.3362),
        "S3: reads": pytest.approx(0.346896),
        "S3: storage": pytest.approx(867.24 * 0.023),
        # 1,700 bytes are two write units; the record is in three indexes, and a fifth of the records in a fourth.
        "DynamoDB: record writes": pytest.approx(867_240 * 2 * 0.625e-6),
        "DynamoDB: index writes": pytest.approx(867_240 * 2 * 3.2 * 0.625e-6),
        "DynamoDB: look-ups": pytest.approx(0.108405),
        "DynamoDB: record storage": pytest.approx(867_240 * 1800 / 1e9 * 0.25),
        "DynamoDB: index storage": pytest.approx(867_240 * 1800 / 1e9 * 3.2 * 0.25),
        "DynamoDB: point-in-time recovery": pytest.approx(867_240 * 1800 / 1e9 * 0.20),
        "VPC endpoints: hours": pytest.approx(43.80),
        "VPC endpoints: log transfer": pytest.approx(0.01300860),
        "CloudWatch: log ingestion": pytest.approx(867_240 * 3450 / 1e9 * 0.50),
        "CloudWatch: log storage": pytest.approx(867_240 * 3450 / 1e9 * 0.03),
        "CloudWatch: metrics": pytest.approx(6.00),
        "CloudWatch: alarms": pytest.approx(3.50),
        "CloudWatch: dashboard": pytest.approx(3.00),
        "ECR: images": pytest.approx(0.10),
    }


def test_a_queue_adds_three_requests_per_document_and_empty_polls() -> None:
    """1/s is 2,628,000 documents; five pollers with long polls of 20 s add 657,000 requests per month."""
    direct, queue = bill(1), bill(1, ingest=Ingest.QUEUE)
    assert queue.pop("SQS: requests") == pytest.approx((3 * 2_628_000 + 657_000) * 0.40e-6)
    assert queue == direct


def test_public_subnets_cost_an_address_per_task_instead_of_endpoints() -> None:
    """Six tasks at half a cent per hour are $21.90, half of the endpoints' price; twelve tasks cost the same."""
    public = bill(0.33, Setup(1024, network=NetworkMode.PUBLIC))
    assert public["Public addresses: one per task"] == pytest.approx(21.90)
    assert not [name for name in public if name.startswith("VPC")]
    dozen = bill(0.33, Setup(1024, network=NetworkMode.PUBLIC, min_tasks=4))
    assert dozen["Public addresses: one per task"] == pytest.approx(bill(0.33)["VPC endpoints: hours"])


def test_spot_applies_to_the_tasks_above_the_minimum_or_to_all() -> None:
    """100/s need 11 tasks per version, of which two are on demand."""
    extra, every = bill(100, Setup(1024, spot=Spot.EXTRA)), bill(100, Setup(1024, spot=Spot.ALL))
    assert extra["Fargate: vCPUs"] == pytest.approx(3 * 2 * 730 * 0.04048)
    assert extra["Fargate: vCPUs on Spot"] == pytest.approx(3 * 9 * 730 * PRICES["fargate_spot.x86_64.vcpu"].usd)
    assert "Fargate: vCPUs" not in every
    assert sum(every.values()) < sum(extra.values()) < sum(bill(100).values())


def test_small_documents_are_billed_by_connections_rather_than_bytes() -> None:
    size = Capacity(Workload(100, 100, 0.00001), Setup(1024))
    assert costs.lcus(size, 100) == pytest.approx(3 * size.concurrent_executions(100) / 3000)
    assert costs.lcus(size, 100) > 3 * 100 * 0.00001 * 3600 / 1000


def test_idle_cost_contains_fixed_charges_only() -> None:
    idle = bill(0.0, keep_months=0)
    assert set(idle) == {
        "Fargate: vCPUs",
        "Fargate: memory",
        "Load balancer: hours",
        "VPC endpoints: hours",
        "CloudWatch: alarms",
        "CloudWatch: dashboard",
        "ECR: images",
    }


@given(setup=setups, one=st.floats(1e-4, 20_000), other=st.floats(1e-4, 20_000), ingest=st.sampled_from(Ingest))
def test_more_documents_never_cost_less(setup: Setup, one: float, other: float, ingest: Ingest) -> None:
    less, more = sorted((one, other))
    assert sum(bill(less, setup, ingest).values()) <= sum(bill(more, setup, ingest).values()) * (1 + 1e-9)


@given(setup=setups, rate=st.floats(0.001, 1000), one=st.floats(0.01, 20), other=st.floats(0.01, 20))
def test_larger_documents_never_cost_less(setup: Setup, rate: float, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert sum(bill(rate, setup, page_mb=small).values()) <= sum(bill(rate, setup, page_mb=large).values()) * (1 + 1e-9)


def test_analytics_adds_its_own_items_only() -> None:
    """0.33/s are 867,240 documents a month, each billed as 5 KiB by Firehose."""
    without, with_rows = bill(0.33), bill(0.33, Setup(1024, analytics=True))
    assert {name: usd for name, usd in with_rows.items() if not name.startswith("Analytics")} == without
    assert with_rows["Analytics: rows"] == pytest.approx(867_240 * 5120 / 1e9 * 0.029)
    assert with_rows["Analytics: conversion"] == pytest.approx(867_240 * 5120 / 1e9 * 0.018)
    assert with_rows["Analytics: files"] == pytest.approx(6 * 730 * 5e-6)
    assert with_rows["Analytics: alarms"] == pytest.approx(0.4)


def test_snapshots_add_their_own_items_only() -> None:
    """One snapshot of 1 GB, 3.95 USD a month, and four starts an hour of the one process that 0.33/s need."""
    without, with_snapshots = bill(0.33), bill(0.33, Setup(1024, snap_start=True))
    added = {name: usd for name, usd in with_snapshots.items() if name not in without}
    assert {name: usd for name, usd in with_snapshots.items() if name in without} == without
    assert added == {
        "Lambda: snapshot of the version in use": pytest.approx(365 * 24 * 3600 / 12 * 1.5046e-6),
        "Lambda: restored snapshots": pytest.approx(4 * 730 * 1.397998e-4),
    }


def test_no_snapshot_is_restored_more_often_than_documents_arrive() -> None:
    documents = 0.0001 * 365 * 24 * 3600 / 12
    restored = bill(0.0001, Setup(1024, snap_start=True))["Lambda: restored snapshots"]
    assert restored == pytest.approx(documents * 1.397998e-4)


def test_events_add_their_own_items_only() -> None:
    """One event for each of 867,240 documents at 1 USD per million, a request of Lambda each, two alarms."""
    without, with_events = bill(0.33), bill(0.33, Setup(1024, events=True))
    assert {name: usd for name, usd in with_events.items() if not name.startswith("Events")} == without
    assert with_events["Events: events"] == pytest.approx(0.86724)
    assert with_events["Events: publisher's requests"] == pytest.approx(0.173, abs=0.001)
    assert with_events["Events: alarms"] == pytest.approx(0.2)


def test_by_address_the_load_balancer_bills_kilobytes_and_each_version_a_read() -> None:
    """By hand: 10/s are 26.28 million documents, each read three times; three calls of 2 KB are 0.22 GB an hour."""
    by_content, by_address = (bill(10, Setup(1024, transfer=each)) for each in Transfer)
    assert by_content["Load balancer: processed bytes"] == pytest.approx(3 * 10 * 1e6 * 3600 / 1e9 * 730 * 0.008)
    assert by_address["Load balancer: processed bytes"] == pytest.approx(3 * 10 * 2000 * 3600 / 1e9 * 730 * 0.008)
    assert by_content["S3: reads"] == pytest.approx(26.28e6 * 0.4e-6)
    assert by_address["S3: reads"] == pytest.approx(3 * 26.28e6 * 0.4e-6)
    assert by_address["Lambda: duration"] < by_content["Lambda: duration"], "the handler sends no documents"


@pytest.mark.parametrize(("hosting", "services"), [(Hosting.FARGATE, 3), (Hosting.SINGLE, 1)])
def test_by_address_the_orchestrator_reads_only_what_may_be_converted(hosting: Hosting, services: int) -> None:
    alone, with_converter = (
        Setup(1024, hosting=hosting, transfer=Transfer.ADDRESS, converter_tasks=tasks) for tasks in (0, 2)
    )
    assert bill(10, alone)["S3: reads"] == pytest.approx(services * 26.28e6 * 0.4e-6)
    assert bill(10, with_converter)["S3: reads"] == pytest.approx((services + 1) * 26.28e6 * 0.4e-6)


def test_functions_get_documents_in_any_case() -> None:
    functions = (Setup(1024, hosting=Hosting.LAMBDA, transfer=each) for each in Transfer)
    assert len({str(bill(10, setup)) for setup in functions}) == 1
