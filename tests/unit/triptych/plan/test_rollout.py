"""Protects: the constants of the estimate match template.yaml, and every recommended parameter is valid."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkit.template import rollout as resolve_rollout
from testkit.template import template as load_template
from triptych.plan import rollout
from triptych.plan.estimate import make_plan
from triptych.plan.workload import Arch, Hosting, Ingest, NetworkMode, Setup, Spot, Workload

TEMPLATE = load_template()
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]


def of_type(kind: str) -> list[dict[str, Any]]:
    """Return the properties of the resources of a type that exist with the defaults."""
    return list(resolve_rollout().of_type(kind).values())


@given(
    rate=st.floats(1e-4, 20_000),
    burst=st.floats(1, 1000),
    page_mb=st.floats(0.01, 20),
    setup=st.builds(
        Setup,
        task_cpu=st.sampled_from(sorted(rollout.TASK_MEMORY_GB)),
        arch=st.sampled_from(Arch),
        network=st.sampled_from(NetworkMode),
        spot=st.sampled_from(Spot),
        min_tasks=st.integers(1, 100),
        converter_tasks=st.integers(0, 50),
        hosting=st.sampled_from(Hosting),
        snap_start=st.booleans(),
    ),
    ingest=st.sampled_from([*Ingest, None]),
)
def test_every_recommended_parameter_is_valid(
    rate: float, burst: float, page_mb: float, setup: Setup, ingest: Ingest | None
) -> None:
    chosen = make_plan(Workload(rate, rate * burst, page_mb), setup, ingest).parameters
    for name, value in chosen.items():
        parameter = PARAMETERS[name]
        if "AllowedValues" in parameter:
            assert value in map(str, parameter["AllowedValues"]), name
        else:
            assert parameter["MinValue"] <= int(value) <= parameter["MaxValue"], name
    assert int(chosen["MinModelTasks"]) <= int(chosen["MaxModelTasks"])


def test_task_sizes_and_workers_match() -> None:
    sizes = {int(cpu): size for cpu, size in TEMPLATE["Mappings"]["TaskSize"].items()}
    assert {cpu: size["Memory"] / 1024 for cpu, size in sizes.items()} == rollout.TASK_MEMORY_GB
    assert {cpu: int(size["Workers"]) for cpu, size in sizes.items()} == rollout.TASK_WORKERS
    assert set(sizes) == set(PARAMETERS["ModelCpu"]["AllowedValues"])
    assert PARAMETERS["ModelCpu"]["Default"] == rollout.DEFAULT_CPU


def test_parameter_bounds_match() -> None:
    assert PARAMETERS["MaxModelTasks"]["MaxValue"] == rollout.MAX_TASKS
    least = PARAMETERS["MinModelTasks"]
    assert (least["MinValue"], least["MaxValue"]) == (1, rollout.MAX_MIN_TASKS)
    concurrency, requests = PARAMETERS["InboxConcurrency"], PARAMETERS["RequestsPerTask"]
    assert (concurrency["MinValue"], concurrency["MaxValue"]) == (rollout.MIN_CONCURRENCY, rollout.MAX_CONCURRENCY)
    assert (requests["MinValue"], requests["MaxValue"]) == (rollout.MIN_REQUESTS, rollout.MAX_REQUESTS)


def test_handler_memory_matches() -> None:
    assert PARAMETERS["OrchestratorMemory"]["Default"] / 1024 == rollout.HANDLER_MEMORY_GB


def test_services_and_deployment_factor_match() -> None:
    services = of_type("AWS::ECS::Service")
    assert len(services) == rollout.VERSIONS
    for service in services:
        assert service["DeploymentConfiguration"]["MaximumPercent"] == 100 * rollout.DEPLOYMENT_FACTOR


def test_network_resources_match() -> None:
    endpoints = of_type("AWS::EC2::VPCEndpoint")
    assert sum(endpoint["VpcEndpointType"] == "Interface" for endpoint in endpoints) == rollout.INTERFACE_ENDPOINTS
    subnets = of_type("AWS::EC2::Subnet")
    assert len(subnets) == rollout.ZONES
    for subnet in subnets:
        _, (_, _, bits) = subnet["CidrBlock"]["Select"][1], subnet["CidrBlock"]["Select"][1]["Cidr"]
        assert 2 ** int(bits) - 5 == rollout.SUBNET_ADDRESSES


def test_indexes_match() -> None:
    [table] = of_type("AWS::DynamoDB::Table")
    indexes = {index["IndexName"]: index["Projection"]["ProjectionType"] for index in table["GlobalSecondaryIndexes"]}
    assert set(indexes.values()) == {"ALL"}
    assert len(set(indexes) - {"by_review"}) == rollout.FULL_INDEXES
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("hosting", Hosting)
def test_alarms_dashboards_and_services_match(hosting: Hosting) -> None:
    stack = resolve_rollout(ModelHosting=hosting)
    alarms = [
        alarm.get("Metrics") or [{"MetricStat": alarm["MetricName"]}]
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
    ]
    assert sum("MetricStat" in metric for metrics in alarms for metric in metrics) == rollout.ALARMS[hosting]
    policies = stack.of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
    assert 2 * len(policies) == rollout.SCALING_ALARMS[hosting]
    assert len(stack.of_type("AWS::CloudWatch::Dashboard")) == rollout.DASHBOARDS
    assert len(stack.of_type("AWS::ECS::Service")) == rollout.SERVICES[hosting]


def test_functions_match() -> None:
    sizes = {int(cpu): size["FunctionMemory"] for cpu, size in TEMPLATE["Mappings"]["TaskSize"].items()}
    assert sizes == rollout.FUNCTION_MEMORY_MIB
    stack = resolve_rollout(ModelHosting="lambda")
    assert stack["WarmUp"]["ScheduleExpression"] == f"rate({60 // rollout.WARM_CALLS_PER_HOUR} minutes)"
    assert len(stack["WarmUp"]["Targets"]) == rollout.VERSIONS


@pytest.mark.parametrize("ingest", Ingest)
def test_allowed_values_match(ingest: Ingest) -> None:
    assert ingest in PARAMETERS["Ingest"]["AllowedValues"]
    assert set(PARAMETERS["ModelSpot"]["AllowedValues"]) == set(Spot)
    assert set(PARAMETERS["Network"]["AllowedValues"]) - {"none"} == set(NetworkMode)
    assert set(PARAMETERS["ModelHosting"]["AllowedValues"]) == set(Hosting)


def test_converter_has_the_size_of_the_template() -> None:
    task = resolve_rollout(OfficeFormats="convert", ConverterImageUri="registry/converter:1")["TaskConverter"]

    assert int(task["Cpu"]) == rollout.CONVERTER_VCPUS * 1024
    assert int(task["Memory"]) == rollout.CONVERTER_MEMORY_GB * 1024
    assert PARAMETERS["ConverterTasks"]["MaxValue"] == rollout.MAX_CONVERTER_TASKS


def test_alarms_memory_and_interval_of_analytics_match() -> None:
    added = resolve_rollout(Analytics="events")
    alarms = set(added.of_type("AWS::CloudWatch::Alarm")) - set(resolve_rollout().of_type("AWS::CloudWatch::Alarm"))
    assert len(alarms) == rollout.ANALYTICS_ALARMS
    assert added["RowSender"]["MemorySize"] == rollout.ROW_SENDER_MEMORY_GB * 1024
    hints = added["AnalyticsStream"]["ExtendedS3DestinationConfiguration"]["BufferingHints"]
    assert 3600 / hints["IntervalInSeconds"] == rollout.FILES_PER_HOUR


def test_alarms_and_memory_of_result_events_match() -> None:
    added = resolve_rollout(Results="events")
    alarms = len(added.of_type("AWS::CloudWatch::Alarm")) - len(resolve_rollout().of_type("AWS::CloudWatch::Alarm"))
    assert alarms == rollout.EVENT_ALARMS
    assert added["Publisher"]["MemorySize"] / 1024 == rollout.PUBLISHER_MEMORY_GB
