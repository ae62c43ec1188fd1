"""Protects: the JSON that scripts read, and the automatic choices."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.plan.capacity import Capacity
from triptych.plan.estimate import Plan, fitting_cpu, make_plan
from triptych.plan.limits import limits
from triptych.plan.reference import PRICES
from triptych.plan.workload import Ingest, NetworkMode, Setup, Workload


def test_the_json_keys_are_stable() -> None:
    content = json.loads(json.dumps(make_plan(Workload(1, 50)).as_dict()))
    assert {
        name: sorted(part) for name, part in content.items() if isinstance(part, dict) and name != "parameters"
    } == {
        "workload": sorted(
            ["rate", "rate_per_s", "peak_per_s", "documents_a_month", "document_mb", "pages", "keep_months"]
        ),
        "capacity": sorted(
            [
                "vcpu_ms_per_document_and_version",
                "utilisation",
                "documents_per_s_per_task",
                "tasks_per_version",
                "vcpus_at_peak",
                "answers_p99_ms",
                "handler_ms",
                "handlers_at_peak",
                "fits_budget",
            ]
        ),
        "usd_a_month": sorted(["total", "idle", "storage_growth", "per_1000_documents", "by_service", "items"]),
        "lambda_cheaper_up_to_per_s": ["fargate", "single"],
        "sources": sorted(["region", "prices_from", "prices_to", "service_times", "measured_on"]),
    }
    assert set(content) - {"workload", "capacity", "usd_a_month", "sources", "lambda_cheaper_up_to_per_s"} == {
        "hostings",
        "parameters",
        "first_limit",
        "limits",
        "advice",
        "warnings",
        "cheaper",
    }
    assert set(content["limits"][0]) == {
        *("id", "name", "demand", "value", "unit", "headroom", "met_at_per_s", "way_out", "service_code", "quota_code"),
        *("source", "as_of", "check"),
    }
    assert set(content["cheaper"][0]) == {"change", "saves_usd", "but"}
    assert content["first_limit"] == content["limits"][0]["id"]
    assert {item["price"] for item in content["usd_a_month"]["items"]} <= set(PRICES)


@settings(max_examples=50)
@given(rate=st.floats(0.001, 10_000), burst=st.floats(1, 50))
def test_the_bill_adds_up_and_idle_is_below_the_total(rate: float, burst: float) -> None:
    content = make_plan(Workload(rate, rate * burst)).as_dict()["usd_a_month"]
    assert sum(content["by_service"].values()) == pytest.approx(content["total"])
    assert sum(item["usd"] for item in content["items"]) == pytest.approx(content["total"])
    assert 0 < content["idle"] < content["total"]


@settings(max_examples=50)
@given(rate=st.floats(0.001, 20_000))
def test_the_chosen_task_size_is_the_smallest_that_fits(rate: float) -> None:
    work = Workload(rate, rate)
    chosen = fitting_cpu(work, Setup(1024))

    def fits(size: int) -> bool:
        found = {limit.id: limit for limit in limits(Capacity(work, Setup(size)), Ingest.DIRECT)}
        return all(found[name].demand <= found[name].value for name in ("alb_targets", "addresses", "max_tasks"))

    assert fits(chosen) or chosen == 8192
    assert not [size for size in (1024, 2048, 4096) if size < chosen and fits(size)]


@settings(max_examples=50)
@given(one=st.floats(0.001, 20_000), other=st.floats(0.001, 20_000), ingest=st.sampled_from(Ingest))
def test_more_documents_never_cost_less(one: float, other: float, ingest: Ingest) -> None:
    less, more = sorted((one, other))
    cheap, expensive = (make_plan(Workload(rate, rate), ingest=ingest) for rate in (less, more))
    assert cheap.usd <= expensive.usd * (1 + 1e-9)


def saving(of: Plan, change: str) -> float:
    [usd] = [usd for name, usd, _ in of.savings if name == change]
    return usd


def test_savings_equal_the_difference_between_the_plans() -> None:
    work = Workload(0.33, 0.33)
    usual = make_plan(work)
    assert saving(usual, "--network public") == pytest.approx(
        usual.usd - make_plan(work, Setup(1024, network=NetworkMode.PUBLIC)).usd
    )
    assert saving(usual, "--min-tasks 1") == pytest.approx(3 * 730 * (0.04048 + 2 * 0.004445))
    assert saving(usual, "--task-cpu 256") == pytest.approx(usual.usd - make_plan(work, Setup(256)).usd)


def test_a_smaller_task_that_exceeds_the_budget_is_not_offered() -> None:
    assert not [
        change for change, _, _ in make_plan(Workload(1, 1, page_ms=500)).savings if change.startswith("--task-cpu")
    ]


def test_storage_growth_is_the_cost_of_another_month_of_retention() -> None:
    one, two = (make_plan(Workload(1, 1, keep_months=months)) for months in (1, 2))
    assert two.usd - one.usd == pytest.approx(one.storage_growth_usd, rel=1e-6)
    assert make_plan(Workload(1, 1, keep_months=0)).storage_growth_usd == 0
