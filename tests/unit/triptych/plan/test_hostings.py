"""The estimate for each value of ModelHosting: functions cost almost nothing while nothing arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.plan.advice import parameters
from triptych.plan.estimate import make_plan
from triptych.plan.hostings import advise_hosting, break_even, compare_hostings
from triptych.plan.measurements import VERSIONS_IN_ONE_SERVICE
from triptych.plan.rates import per_second
from triptych.plan.workload import Hosting, Ingest, NetworkMode, Setup, Spot, Workload

SETUP = Setup(1024)


def workload(rate: str) -> Workload:
    return Workload(per_second(rate), per_second(rate))


def test_functions_cost_less_than_ten_dollars_idle_and_twelve_for_forty_documents_a_day() -> None:
    plan = make_plan(workload("40/d"), SETUP.changed(hosting=Hosting.LAMBDA))
    assert plan.idle_usd < 10
    assert plan.usd < 12


def test_functions_need_no_tasks_load_balancer_or_endpoints() -> None:
    plan = make_plan(workload("10/s"), SETUP.changed(hosting=Hosting.LAMBDA))
    services = {item.service for item in plan.items}
    assert not services & {"Fargate", "Load balancer", "VPC endpoints", "Public addresses"}
    assert "Model functions" in services
    assert not {"fargate_vcpus", "alb_targets", "addresses"} & {limit.id for limit in plan.limits}


def test_converter_next_to_functions_needs_the_network_and_one_endpoint_more() -> None:
    def hours(hosting: Hosting) -> float:
        plan = make_plan(workload("1/s"), SETUP.changed(hosting=hosting, converter_tasks=1))
        return next(item.quantity for item in plan.items if item.price == "endpoint.hour")

    assert hours(Hosting.LAMBDA) == pytest.approx(hours(Hosting.FARGATE) * 4 / 3)


def test_functions_share_the_concurrency_of_the_account() -> None:
    plan = make_plan(workload("10/s"), SETUP.changed(hosting=Hosting.LAMBDA))
    size = plan.capacity
    demand = next(limit.demand for limit in plan.limits if limit.id == "lambda_concurrency")
    assert demand == pytest.approx(10 * size.handler_s + 3 * 10 * size.service_s)
    assert size.service_s > size.workload.document_vcpu_s


def test_shared_service_has_one_third_of_the_tasks_while_the_minimum_suffices() -> None:
    def hours(hosting: Hosting) -> float:
        plan = make_plan(workload("40/d"), SETUP.changed(hosting=hosting))
        return sum(item.quantity for item in plan.items if item.what == "vCPUs")

    assert hours(Hosting.SINGLE) == pytest.approx(hours(Hosting.FARGATE) / 3)


def test_a_task_of_the_shared_service_processes_every_version() -> None:
    single = make_plan(workload("1/s"), SETUP.changed(hosting=Hosting.SINGLE)).capacity
    separate = make_plan(workload("1/s"), SETUP).capacity
    assert single.max_per_task == pytest.approx(separate.max_per_task / VERSIONS_IN_ONE_SERVICE)
    assert 1 < VERSIONS_IN_ONE_SERVICE < 3


@given(rate=st.floats(1e-4, 1000), network=st.sampled_from(NetworkMode))
def test_hostings_are_sorted_by_cost_and_contain_the_plan(rate: float, network: NetworkMode) -> None:
    setup = SETUP.changed(network=network)
    compared = compare_hostings(Workload(rate, rate), setup)
    assert [cost.usd for cost in compared] == sorted(cost.usd for cost in compared)
    for cost in compared:
        plan = make_plan(Workload(rate, rate), setup.changed(hosting=cost.hosting))
        assert plan.usd == pytest.approx(cost.usd)
        assert plan.idle_usd <= plan.usd


def test_break_even_is_where_the_order_changes() -> None:
    """On Spot, tasks become cheaper than functions at some rate."""
    setup = SETUP.changed(network=NetworkMode.PUBLIC, spot=Spot.ALL, task_cpu=4096)
    small = Workload(1, 1, page_mb=0.03)
    rate = break_even(small, setup, Hosting.FARGATE)
    assert rate is not None

    def functions_are_cheaper(at: float) -> bool:
        usd = {cost.hosting: cost.usd for cost in compare_hostings(Workload(at, at, page_mb=0.03), setup)}
        return usd[Hosting.LAMBDA] <= usd[Hosting.FARGATE]

    assert functions_are_cheaper(rate * 0.97)
    assert not functions_are_cheaper(rate)


def test_advice_names_the_cheapest_hosting() -> None:
    compared = compare_hostings(workload("40/d"), SETUP)
    assert "ModelHosting=lambda would cost 1" in advise_hosting(compared, Hosting.FARGATE)
    assert "ModelHosting=lambda is the cheapest" in advise_hosting(compared, Hosting.LAMBDA)


@pytest.mark.parametrize(("hosting", "calls"), [(Hosting.FARGATE, 1), (Hosting.SINGLE, 3)])
def test_tasks_scale_with_the_requests_of_their_documents(hosting: Hosting, calls: int) -> None:
    """The load balancer counts requests, and a service gets one for each of its versions."""
    plan = make_plan(workload("1/s"), SETUP.changed(hosting=hosting))
    requests = int(parameters(plan.capacity, Ingest.DIRECT)["RequestsPerTask"])
    assert requests == int(60 * plan.capacity.per_task * calls)
