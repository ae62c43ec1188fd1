"""The complete estimate: costs, limits and recommendations, as an object and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from triptych.plan import costs, measurements, rollout
from triptych.plan.advice import DeploymentAdvice, advise, choose_ingest, parameters, savings
from triptych.plan.capacity import Capacity
from triptych.plan.hostings import HostingCost, advise_hosting, break_even, compare_hostings
from triptych.plan.limits import Limit, limits
from triptych.plan.rates import format_rate
from triptych.plan.reference import REGION, price_dates
from triptych.plan.workload import Hosting, Ingest, Setup, Workload

SIZES = tuple(size for size in rollout.TASK_MEMORY_GB if size >= rollout.DEFAULT_CPU)


@dataclass(frozen=True)
class Plan:
    """Monthly cost of a workload on a setup, the limits that it reaches, and recommendations."""

    workload: Workload
    setup: Setup
    ingest: Ingest
    granted: Mapping[str, float] = field(default_factory=dict)
    """The account's quotas by name, where they differ from those of a new account."""

    @cached_property
    def capacity(self) -> Capacity:
        """Tasks, latencies and concurrency."""
        return Capacity(self.workload, self.setup)

    @cached_property
    def items(self) -> list[costs.BillItem]:
        """Items of the monthly bill."""
        return costs.bill(self.capacity, self.ingest)

    @property
    def usd(self) -> float:
        """Dollars per month."""
        return costs.total(self.items)

    @cached_property
    def idle_usd(self) -> float:
        """Dollars per month while no documents arrive and none are stored."""
        nothing = Workload(0.0, 0.0, self.workload.page_mb, self.workload.pages, 0.0, self.workload.page_ms)
        return costs.total(costs.bill(Capacity(nothing, self.setup), self.ingest))

    @property
    def storage_growth_usd(self) -> float:
        """Dollars by which the monthly bill grows with each further month of retention."""
        kept = sum(item.usd for item in self.items if item.stored)
        return kept / self.workload.keep_months if self.workload.keep_months else 0.0

    @cached_property
    def limits(self) -> list[Limit]:
        """Every limit, in the order in which a growing rate reaches them."""
        return limits(self.capacity, self.ingest, self.granted)

    @property
    def first(self) -> Limit:
        """The limit that is reached first."""
        return self.limits[0]

    @property
    def parameters(self) -> dict[str, str]:
        """Parameters of template.yaml, for `sam deploy --parameter-overrides`."""
        return parameters(self.capacity, self.ingest)

    @cached_property
    def advice(self) -> DeploymentAdvice:
        """Recommendations and caveats."""
        return advise(self.capacity, self.ingest, self.limits)

    @cached_property
    def savings(self) -> list[tuple[str, float, str]]:
        """Cheaper setups: the change, the dollars saved per month, and the drawback."""
        return [
            (saving.change, self.usd - costs.total(costs.bill(saving.capacity, self.ingest)), saving.drawback)
            for saving in savings(self.capacity)
        ]

    @cached_property
    def hostings(self) -> list[HostingCost]:
        """The same workload at each value of ModelHosting, the cheapest first."""
        return compare_hostings(self.workload, self.setup)

    @property
    def hosting_advice(self) -> str:
        """A sentence about the cheapest hosting."""
        return advise_hosting(self.hostings, self.setup.hosting)

    @cached_property
    def break_even(self) -> dict[Hosting, float | None]:
        """Rates per second above which functions cost more than the other values of ModelHosting."""
        others = (Hosting.SINGLE, Hosting.FARGATE)
        return {other: break_even(self.workload, self.setup, other) for other in others}

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; the keys are stable."""
        return {
            "workload": _workload(self.workload),
            "capacity": _capacity(self.capacity),
            "usd_a_month": _bill(self),
            "first_limit": self.first.id,
            "limits": [_limit(limit) for limit in self.limits],
            "parameters": self.parameters,
            "hostings": [
                {"hosting": str(cost.hosting), "usd_a_month": cost.usd, "idle_usd_a_month": cost.idle_usd}
                for cost in self.hostings
            ],
            "lambda_cheaper_up_to_per_s": {str(other): rate for other, rate in self.break_even.items()},
            "advice": [*self.advice.sentences, self.hosting_advice],
            "warnings": self.advice.warnings,
            "cheaper": [
                {"change": change, "saves_usd": usd, "but": drawback} for change, usd, drawback in self.savings
            ],
            "sources": _sources(),
        }


def make_plan(
    workload: Workload,
    setup: Setup | None = None,
    ingest: Ingest | None = None,
    granted: Mapping[str, float] | None = None,
) -> Plan:
    """Plan for a workload; choose the setup and the ingest mode if they are not given.

    Raises:
        ValueError: The workload or the setup is invalid.
    """
    setup = setup or Setup(fitting_cpu(workload, Setup(rollout.DEFAULT_CPU)))
    return Plan(workload, setup, ingest or choose_ingest(Capacity(workload, setup)), granted or {})


def fitting_cpu(workload: Workload, setup: Setup) -> int:
    """Return the smallest task size with which the peak fits one load balancer and its subnets.

    The size does not change the price per vCPU, and many small tasks are replaced more smoothly than few large ones.
    """
    for size in SIZES:
        capacity = Capacity(workload, setup.changed(task_cpu=size))
        bound = {"alb_targets", "addresses", "max_tasks"}
        if all(limit.demand <= limit.value for limit in limits(capacity, Ingest.DIRECT) if limit.id in bound):
            return size
    return SIZES[-1]


def _workload(work: Workload) -> dict[str, Any]:
    return {
        "rate": format_rate(work.rate),
        "rate_per_s": work.rate,
        "peak_per_s": work.peak,
        "documents_a_month": work.documents_per_month,
        "document_mb": work.document_mb,
        "pages": work.pages,
        "keep_months": work.keep_months,
    }


def _capacity(size: Capacity) -> dict[str, Any]:
    setup, peak = size.setup, size.workload.peak
    return {
        "vcpu_ms_per_document_and_version": size.workload.document_vcpu_s * 1000,
        "utilisation": setup.utilisation,
        "documents_per_s_per_task": size.per_task,
        "tasks_per_version": {"idle": setup.min_tasks, "average": size.tasks, "peak": size.peak_tasks},
        "vcpus_at_peak": rollout.VERSIONS * size.peak_tasks * setup.vcpus,
        "answers_p99_ms": size.answers_p99_s * 1000,
        "handler_ms": size.handler_s * 1000,
        "handlers_at_peak": size.concurrent_executions(peak),
        "fits_budget": size.fits_budget,
    }


def _bill(plan: Plan) -> dict[str, Any]:
    items = [
        {
            "service": item.service,
            "what": item.what,
            "quantity": item.quantity,
            "unit": item.unit,
            "usd": item.usd,
            "price": item.price,
        }
        for item in plan.items
    ]
    return {
        "total": plan.usd,
        "idle": plan.idle_usd,
        "storage_growth": plan.storage_growth_usd,
        "per_1000_documents": plan.usd / plan.workload.documents_per_month * 1000,
        "by_service": costs.by_service(plan.items),
        "items": items,
    }


def _limit(limit: Limit) -> dict[str, Any]:
    quota = limit.quota
    return {
        "id": limit.id,
        "name": quota.name,
        "demand": limit.demand,
        "value": limit.value,
        "unit": quota.unit,
        "headroom": limit.headroom if limit.demand else None,
        "met_at_per_s": limit.reached_at,
        "way_out": quota.remedy,
        "service_code": quota.service or None,
        "quota_code": quota.code or None,
        "source": quota.page,
        "as_of": quota.as_of.isoformat(),
        "check": str(quota.check),
    }


def _sources() -> dict[str, str]:
    oldest, newest = price_dates()
    return {
        "region": REGION,
        "prices_from": oldest.isoformat(),
        "prices_to": newest.isoformat(),
        "service_times": measurements.SOURCE,
        "measured_on": measurements.MEASURED_ON.isoformat(),
    }
