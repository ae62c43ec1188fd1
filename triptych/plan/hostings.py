"""The same workload at each value of ModelHosting, and the rates at which another one becomes the cheapest."""

from collections.abc import Sequence
from dataclasses import dataclass

from triptych.plan import costs
from triptych.plan.advice import choose_ingest
from triptych.plan.capacity import Capacity
from triptych.plan.rates import MAX_RATE
from triptych.plan.workload import Hosting, Setup, Workload

_LEAST_RATE = 1e-6
"""Documents per second below which every rate counts as idle: one in eleven days."""


@dataclass(frozen=True)
class HostingCost:
    """Cost of a workload at one value of ModelHosting."""

    hosting: Hosting
    capacity: Capacity

    @property
    def usd(self) -> float:
        """Dollars per month, with the ingest mode that suits it."""
        return costs.total(costs.bill(self.capacity, choose_ingest(self.capacity)))

    @property
    def idle_usd(self) -> float:
        """Dollars per month while no documents arrive and none are stored."""
        return HostingCost(self.hosting, Capacity(_idle(self.capacity.workload), self.capacity.setup)).usd


def compare_hostings(workload: Workload, setup: Setup) -> list[HostingCost]:
    """Return the cost of a workload at each value of ModelHosting, the cheapest first.

    Args:
        workload: The documents.
        setup: Its other parameters apply to each.
    """
    found = [HostingCost(each, Capacity(workload, setup.changed(hosting=each))) for each in Hosting]
    return sorted(found, key=lambda cost: cost.usd)


_DRAWBACKS = {
    Hosting.FARGATE: "tasks run while nothing arrives",
    Hosting.SINGLE: "versions share their failures and their rollout",
    Hosting.LAMBDA: "a burst or a failed instance costs a start, which only the retry of a document survives",
}


def advise_hosting(compared: Sequence[HostingCost], chosen: Hosting) -> str:
    """Return a sentence about the cheapest hosting.

    Args:
        compared: The costs, the cheapest first.
        chosen: The hosting of the plan.
    """
    cheapest = compared[0]
    if cheapest.hosting is chosen:
        return f"ModelHosting={chosen} is the cheapest; its drawback: {_DRAWBACKS[chosen]}."
    usd = next(cost.usd for cost in compared if cost.hosting is chosen)
    return (
        f"ModelHosting={cheapest.hosting} would cost {cheapest.usd:,.0f} USD per month instead of {usd:,.0f}; its "
        f"drawback: {_DRAWBACKS[cheapest.hosting]}."
    )


def break_even(workload: Workload, setup: Setup, other: Hosting) -> float | None:
    """Return the rate in documents per second from which on functions cost more than another hosting.

    Args:
        workload: Size and retention of the documents; the rate is varied, without peaks.
        setup: Its other parameters apply to both.
        other: What functions are compared with.

    Returns:
        The lowest such rate; None if functions are the cheaper ones at every rate.
    """

    def functions_cost_more(rate: float) -> bool:
        varied = _at_rate(workload, rate)
        usd = {cost.hosting: cost.usd for cost in compare_hostings(varied, setup)}
        return usd[Hosting.LAMBDA] > usd[other]

    low, high = _LEAST_RATE, _LEAST_RATE
    while not functions_cost_more(high):
        low, high = high, 2 * high
        if high > MAX_RATE:
            return None
    while high - low > 0.01 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if functions_cost_more(middle) else (middle, high)
    return high


def _at_rate(workload: Workload, rate: float) -> Workload:
    return Workload(rate, rate, workload.page_mb, workload.pages, workload.keep_months, workload.page_ms)


def _idle(workload: Workload) -> Workload:
    return Workload(0.0, 0.0, workload.page_mb, workload.pages, 0.0, workload.page_ms)
