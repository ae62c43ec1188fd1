"""The report in Markdown: tables for docs/performance.md."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from benchmarks.service.cost import PAGE_MB, RATES
from benchmarks.service.metrics import ServerMetrics
from benchmarks.service.overload import AbandonedRequests, OverloadResult
from testkit.reports import percentile

Results = Mapping[str, ServerMetrics]

_MEASURES: Sequence[tuple[str, Callable[[ServerMetrics, str], float]]] = (
    ("time per document, one client", ServerMetrics.latency),
    ("CPU time per document, one client", ServerMetrics.cpu),
    ("documents per second, eight clients", ServerMetrics.throughput),
)


def ratio_tables(results: Results, reference: str, kinds: Sequence[str]) -> str:
    """Return a table for each measure, as ratios to one server."""
    tables = []
    for title, measure in _MEASURES:
        rows = {
            name: [f"{measure(result, kind) / measure(results[reference], kind):.2f}" for kind in kinds]
            for name, result in results.items()
        }
        tables.append(_table(f"{title}: ratio to {reference}", kinds, rows))
    return "\n\n".join(tables)


def figures_table(results: Results, kinds: Sequence[str]) -> str:
    """Return the absolute figures: latency, CPU time and throughput by kind, then start, memory and idle CPU."""
    columns = [*kinds, "ready after, s", "memory idle, after load, MiB", "CPU idle, %"]
    rows = {}
    for name, result in results.items():
        figures = [
            f"{result.latency(kind):.0f} ms, {result.cpu(kind):.0f} ms, {result.throughput(kind):.1f}/s"
            for kind in kinds
        ]
        rows[name] = [*figures, *_process_figures(result)]
    return _table("", columns, rows)


def _process_figures(result: ServerMetrics) -> list[str]:
    if not result.ready_seconds:  # no server
        return ["", "", ""]
    return [
        f"{statistics.median(result.ready_seconds):.1f}",
        f"{statistics.median(result.idle_mib):.0f}, {statistics.median(result.busy_mib):.0f}",
        f"{statistics.median(result.idle_cpu) * 100:.1f}",
    ]


def cost_table(usd: Mapping[str, Sequence[float]]) -> str:
    """Return the dollars of a thousand documents at each rate."""
    title = f"USD per 1,000 documents of one page of {PAGE_MB:g} MB"
    return _table(title, RATES, {name: [f"{value:.3f}" for value in values] for name, values in usd.items()})


def overload_lines(result: OverloadResult, abandoned: AbandonedRequests) -> str:
    """Return the behaviour at twice the capacity."""
    requests = result.requests
    statuses = ", ".join(f"{count} times {status}" for status, count in sorted(requests.statuses.items()))
    lines = [
        f"Twice the capacity ({result.rate:.0f} requests per second, open loop)\n",
        f"- responses: {statuses}; lost: {requests.lost}; "
        f"429 or 503 without Retry-After: {requests.without_retry_after}",
        f"- accepted: p50 {percentile(requests.accepted_ms, 50):.0f} ms, "
        f"p99 {percentile(requests.accepted_ms, 99):.0f} ms; "
        f"a full queue takes {result.full_queue_ms:.0f} ms at capacity",
    ]
    if requests.rejected_ms:
        lines.append(f"- rejected: p50 {statistics.median(requests.rejected_ms):.1f} ms")
    lines += [
        f"- memory: {result.memory_before_mib:.0f} MiB before, {result.memory_after_mib:.0f} MiB after",
        f"- {abandoned.callers} callers disconnected: no request in flight after {abandoned.seconds * 1000:.0f} ms, "
        f"{abandoned.cpu_seconds_after * 1000:.0f} ms of CPU time in the second after",
    ]
    return "\n".join(lines)


def _table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    lines = [_row(title, *columns), "|" + "---|" * (len(columns) + 1)]
    return "\n".join([*lines, *(_row(name, *cells) for name, cells in rows.items())])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
