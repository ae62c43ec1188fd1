"""Protects: docs/resources.md lists every resource of the template, with its condition and cost."""

import re

import pytest

from testkit.template import rollout, template
from tools.list_resources import PAGE, default_cost, described_name, fixed_cost, resources_page, undescribed

RESOURCES = template()["Resources"]


def test_every_resource_is_described_and_no_other() -> None:
    assert sorted(undescribed()) == [], "describe them in tools/resources.toml"


@pytest.mark.slow
def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == resources_page(), "run python -m tools.list_resources"


def test_each_resource_has_one_row() -> None:
    first_cells = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    listed = re.findall(r"`(\w+)`", "".join(first_cells))
    assert sorted(listed) == sorted(RESOURCES)


def test_versions_share_a_description_because_they_exist_together() -> None:
    for name, body in RESOURCES.items():
        if described_name(name) != name:
            first = RESOURCES[described_name(name).replace("V*", "V1")]
            assert (body["Type"], body.get("Condition")) == (first["Type"], first.get("Condition"))


def test_the_cost_of_an_idle_stack_is_that_of_its_parts() -> None:
    """Three tasks of one vCPU and 2 GB, one load balancer, three endpoints in two zones, alarms and a dashboard."""
    tasks = 3 * (0.04048 + 2 * 0.004445) * 730
    network = 0.0225 * 730 + 3 * 2 * 0.01 * 730
    alarms = rollout().of_type("AWS::CloudWatch::Alarm").values()
    metrics = sum("MetricStat" in metric for alarm in alarms for metric in alarm.get("Metrics", [{"MetricStat": {}}]))
    scaling_alarms = 2 * 2 * 3  # target tracking creates two for each policy
    monitoring = (metrics + scaling_alarms) * 0.1 + 3
    assert default_cost() == pytest.approx(tasks + network + monitoring)


def test_alarms_on_several_metrics_cost_more() -> None:
    assert fixed_cost({}, RESOURCES["Throttled"]) == pytest.approx(0.1)
    assert fixed_cost({}, RESOURCES["IncompleteRecords"]) == pytest.approx(0.3)
