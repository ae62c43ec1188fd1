"""Cost of a thousand documents with each server as the service of all three versions, by `triptych plan`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from benchmarks.service.metrics import Documents, ServerMetrics
from triptych.plan import measurements
from triptych.plan.estimate import make_plan
from triptych.plan.measurements import Measurement, page_vcpu_ms
from triptych.plan.rates import per_second
from triptych.plan.workload import Hosting, Workload

RATES: Final = ("0.33/s", "10/s", "1000/s")
PAGE_MB: Final = 1.0
"""Megabytes of a page, as in docs/scaling.md; one page a document."""


def thousand_documents_usd(kinds: Sequence[Measurement], hosting: Hosting = Hosting.FARGATE) -> list[float]:
    """Return the dollars of a thousand documents at each rate.

    Args:
        kinds: A large JPEG, a small one and other pages, as a server was measured with them.
        hosting: Where the versions run.
    """
    page_ms = page_vcpu_ms(PAGE_MB, kinds)
    plans = [make_plan(Workload(rate, rate, PAGE_MB, page_ms=page_ms)) for rate in map(per_second, RATES)]
    return [
        cost.usd / plan.workload.documents_per_month * 1000
        for plan in plans
        for cost in plan.hostings
        if cost.hosting is hosting
    ]


def as_measurements(metrics: ServerMetrics, documents: Documents) -> list[Measurement]:
    """Return the measurements of a server as `triptych plan` uses them."""
    return [
        Measurement(
            kind,
            sum(map(len, bodies)) / len(bodies) / 1024,
            metrics.latency(kind),
            metrics.cpu(kind),
            metrics.throughput(kind),
        )
        for kind, bodies in documents.items()
    ]


def costs(results: Mapping[str, ServerMetrics], documents: Documents, own: Collection[str]) -> dict[str, list[float]]:
    """Return the dollars of each server at each rate, after those of the published measurement.

    Args:
        results: Measurements by server.
        documents: The documents.
        own: Servers that also run as the other values of ModelHosting.
    """
    usd = {f"this service, as measured on {measurements.MEASURED_ON}": thousand_documents_usd(measurements.KINDS)}
    for name, metrics in results.items():
        kinds = as_measurements(metrics, documents)
        usd[name] = thousand_documents_usd(kinds)
        if name in own:
            for hosting in (Hosting.SINGLE, Hosting.LAMBDA):
                usd[f"{name}, ModelHosting={hosting}"] = thousand_documents_usd(kinds, hosting)
    return usd
