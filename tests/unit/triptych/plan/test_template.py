"""Protects: that plan speaks of the stack that template.yaml makes, and of no parameter that is not there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkit.template import template as rollout
from triptych.plan import template
from triptych.plan.planning import plan
from triptych.plan.workload import Arch, Ingest, Network, Setup, Spot, Workload

TEMPLATE = rollout()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]


def of_type(kind: str) -> list[dict[str, Any]]:
    return [body["Properties"] for body in RESOURCES.values() if body["Type"] == kind]


@given(
    rate=st.floats(1e-4, 20_000),
    burst=st.floats(1, 1000),
    page_mb=st.floats(0.01, 20),
    setup=st.builds(
        Setup,
        task_cpu=st.sampled_from(sorted(template.TASK_MEMORY_GB)),
        arch=st.sampled_from(Arch),
        network=st.sampled_from(Network),
        spot=st.sampled_from(Spot),
        min_tasks=st.integers(1, 100),
    ),
    ingest=st.sampled_from([*Ingest, None]),
)
def test_every_parameter_is_there_and_takes_the_value(
    rate: float, burst: float, page_mb: float, setup: Setup, ingest: Ingest | None
) -> None:
    chosen = plan(Workload(rate, rate * burst, page_mb), setup, ingest).parameters
    for name, value in chosen.items():
        parameter = PARAMETERS[name]
        if "AllowedValues" in parameter:
            assert value in map(str, parameter["AllowedValues"]), name
        else:
            assert parameter["MinValue"] <= int(value) <= parameter["MaxValue"], name
    assert int(chosen["MinModelTasks"]) <= int(chosen["MaxModelTasks"])


def test_the_tasks_are_as_large_and_work_on_as_many_documents() -> None:
    sizes = {int(cpu): size for cpu, size in TEMPLATE["Mappings"]["TaskSize"].items()}
    assert {cpu: size["Memory"] / 1024 for cpu, size in sizes.items()} == template.TASK_MEMORY_GB
    assert {cpu: int(size["Workers"]) for cpu, size in sizes.items()} == template.TASK_WORKERS
    assert set(sizes) == set(PARAMETERS["ModelCpu"]["AllowedValues"])
    assert PARAMETERS["ModelCpu"]["Default"] == template.USUAL_CPU


def test_the_bounds_are_the_templates() -> None:
    assert PARAMETERS["MaxModelTasks"]["MaxValue"] == template.MOST_TASKS
    least = PARAMETERS["MinModelTasks"]
    assert (least["MinValue"], least["MaxValue"]) == (1, template.MOST_MIN_TASKS)
    concurrency, requests = PARAMETERS["InboxConcurrency"], PARAMETERS["RequestsPerTask"]
    assert (concurrency["MinValue"], concurrency["MaxValue"]) == (template.LEAST_CONCURRENCY, template.MOST_CONCURRENCY)
    assert (requests["MinValue"], requests["MaxValue"]) == (template.LEAST_REQUESTS, template.MOST_REQUESTS)


def test_the_handler_is_as_large() -> None:
    assert PARAMETERS["OrchestratorMemory"]["Default"] / 1024 == template.HANDLER_MEMORY_GB


def test_services_and_how_they_are_replaced() -> None:
    services = of_type("AWS::ECS::Service")
    assert len(services) == template.VERSIONS
    for service in services:
        assert service["DeploymentConfiguration"]["MaximumPercent"] == 100 * template.DEPLOYMENT


def test_the_network_that_is_paid_for() -> None:
    endpoints = of_type("AWS::EC2::VPCEndpoint")
    assert sum(endpoint["VpcEndpointType"] == "Interface" for endpoint in endpoints) == template.INTERFACE_ENDPOINTS
    subnets = of_type("AWS::EC2::Subnet")
    assert len(subnets) == template.ZONES
    for subnet in subnets:
        _, (_, _, bits) = subnet["CidrBlock"]["Select"][1], subnet["CidrBlock"]["Select"][1]["Cidr"]
        assert 2 ** int(bits) - 5 == template.SUBNET_ADDRESSES


def test_every_record_stands_in_so_many_indexes_whole() -> None:
    [table] = of_type("AWS::DynamoDB::Table")
    indexes = {index["IndexName"]: index["Projection"]["ProjectionType"] for index in table["GlobalSecondaryIndexes"]}
    assert set(indexes.values()) == {"ALL"}
    assert len(set(indexes) - {"by_review"}) == template.INDEXES
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_alarms_and_dashboards_that_are_billed() -> None:
    alarms = [
        alarm.get("Metrics") or [{"MetricStat": alarm["MetricName"]}] for alarm in of_type("AWS::CloudWatch::Alarm")
    ]
    assert sum("MetricStat" in metric for metrics in alarms for metric in metrics) == template.ALARMS
    policies = of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
    assert 2 * len(policies) == template.SCALING_ALARMS
    assert len(of_type("AWS::CloudWatch::Dashboard")) == template.DASHBOARDS


@pytest.mark.parametrize("ingest", Ingest)
def test_the_choices_are_the_templates(ingest: Ingest) -> None:
    assert ingest in PARAMETERS["Ingest"]["AllowedValues"]
    assert set(PARAMETERS["ModelSpot"]["AllowedValues"]) == set(Spot)
    assert set(PARAMETERS["Network"]["AllowedValues"]) == set(Network)
