"""All of it together: a plan, as an object and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from triptych.plan import costs, measured, template
from triptych.plan.advice import Advice, advise, choose_ingest, parameters, savings
from triptych.plan.capacity import Capacity
from triptych.plan.headroom import Limit, limits
from triptych.plan.prices import REGION, priced_on
from triptych.plan.units import rate_text
from triptych.plan.workload import Ingest, Setup, Workload

SIZES = tuple(size for size in template.TASK_MEMORY_GB if size >= template.USUAL_CPU)


@dataclass(frozen=True)
class Plan:
    """What a workload costs a month on a setup, what it meets first, and what to do."""

    workload: Workload
    setup: Setup
    ingest: Ingest
    granted: Mapping[str, float] = field(default_factory=dict)
    """What the account has of a quota, by its name, where that is not what a new account has."""

    @cached_property
    def capacity(self) -> Capacity:
        """Tasks, times, handlers."""
        return Capacity(self.workload, self.setup)

    @cached_property
    def items(self) -> list[costs.Item]:
        """The bill."""
        return costs.bill(self.capacity, self.ingest)

    @property
    def usd(self) -> float:
        """Dollars a month."""
        return costs.total(self.items)

    @cached_property
    def idle_usd(self) -> float:
        """Dollars a month while nothing arrives and nothing is kept."""
        nothing = Workload(0.0, 0.0, self.workload.page_mb, self.workload.pages, 0.0, self.workload.page_ms)
        return costs.total(costs.bill(Capacity(nothing, self.setup), self.ingest))

    @property
    def storage_growth_usd(self) -> float:
        """Dollars by which the bill rises with each month that nothing is deleted."""
        kept = sum(item.usd for item in self.items if item.stored)
        return kept / self.workload.keep_months if self.workload.keep_months else 0.0

    @cached_property
    def limits(self) -> list[Limit]:
        """What there is of everything, the first to be met on top."""
        return limits(self.capacity, self.ingest, self.granted)

    @property
    def first(self) -> Limit:
        """The limit that is met first."""
        return self.limits[0]

    @property
    def parameters(self) -> dict[str, str]:
        """Parameters of template.yaml, for `sam deploy --parameter-overrides`."""
        return parameters(self.capacity, self.ingest)

    @cached_property
    def advice(self) -> Advice:
        """What to do, in sentences."""
        return advise(self.capacity, self.ingest, self.limits)

    @cached_property
    def savings(self) -> list[tuple[str, float, str]]:
        """What would make it cheaper: the change, the dollars it saves a month, and its price."""
        return [
            (saving.change, self.usd - costs.total(costs.bill(saving.capacity, self.ingest)), saving.but)
            for saving in savings(self.capacity)
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; the keys stay."""
        return {
            "workload": _workload(self.workload),
            "capacity": _capacity(self.capacity),
            "usd_a_month": _bill(self),
            "first_limit": self.first.id,
            "limits": [_limit(limit) for limit in self.limits],
            "parameters": self.parameters,
            "advice": self.advice.sentences,
            "warnings": self.advice.warnings,
            "cheaper": [{"change": change, "saves_usd": usd, "but": but} for change, usd, but in self.savings],
            "sources": _sources(),
        }


def plan(
    workload: Workload,
    setup: Setup | None = None,
    ingest: Ingest | None = None,
    granted: Mapping[str, float] | None = None,
) -> Plan:
    """Plan for a workload; what is left out is chosen.

    Raises:
        ValueError: the workload or the setup cannot be.
    """
    setup = setup or Setup(fitting_cpu(workload, Setup(template.USUAL_CPU)))
    return Plan(workload, setup, ingest or choose_ingest(Capacity(workload, setup)), granted or {})


def fitting_cpu(workload: Workload, setup: Setup) -> int:
    """The smallest usual task with which the peak stays within what one load balancer and its subnets carry.

    Size changes nothing about the price of a vCPU, and many small tasks are replaced more smoothly than few large ones.
    """
    for size in SIZES:
        capacity = Capacity(workload, setup.but(task_cpu=size))
        bound = {"alb_targets", "addresses", "max_tasks"}
        if all(limit.demand <= limit.value for limit in limits(capacity, Ingest.DIRECT) if limit.id in bound):
            return size
    return SIZES[-1]


def _workload(work: Workload) -> dict[str, Any]:
    return {
        "rate": rate_text(work.rate),
        "rate_per_s": work.rate,
        "peak_per_s": work.peak,
        "documents_a_month": work.documents_a_month,
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
        "vcpus_at_peak": template.VERSIONS * size.peak_tasks * setup.vcpus,
        "answers_p99_ms": size.answers_p99_s * 1000,
        "handler_ms": size.handler_s * 1000,
        "handlers_at_peak": size.handlers(peak),
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
        "per_1000_documents": plan.usd / plan.workload.documents_a_month * 1000,
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
        "met_at_per_s": limit.met_at,
        "way_out": quota.way_out,
        "service_code": quota.service or None,
        "quota_code": quota.code or None,
        "source": quota.page,
        "as_of": quota.as_of.isoformat(),
        "check": str(quota.check),
    }


def _sources() -> dict[str, str]:
    oldest, newest = priced_on()
    return {
        "region": REGION,
        "prices_from": oldest.isoformat(),
        "prices_to": newest.isoformat(),
        "service_times": measured.SOURCE,
        "measured_on": measured.MEASURED_ON.isoformat(),
    }
