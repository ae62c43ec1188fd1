"""The report in Markdown: tables for docs/performance.md."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from benchmarks.service.cost import PAGE_MB, RATES
from benchmarks.service.metrics import ServerMetrics
from benchmarks.service.overload import AbandonedRequests, OverloadResult, OverloadRun
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
        tables.append(markdown_table(f"{title}: ratio to {reference}", kinds, rows))
    return "\n\n".join(tables)


def three_versions_table(results: Results, reference: str, kinds: Sequence[str]) -> str:
    """Return the documents per second that three versions of the network classify, and their ratio to one server."""
    base = results[reference]
    rows = {
        name: [
            f"{result.three_versions(kind):.1f}/s, {result.three_versions(kind) / base.three_versions(kind):.2f}"
            for kind in kinds
        ]
        for name, result in results.items()
        if result.ready_seconds  # a server
    }
    return markdown_table(f"documents per second with three versions: ratio to {reference}", kinds, rows)


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
    return markdown_table("", columns, rows)


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
    return markdown_table(title, RATES, {name: [f"{value:.3f}" for value in values] for name, values in usd.items()})


def in_turn_table(results: Results, kinds: Sequence[str]) -> str:
    """Return the time of this service in relation to the floor, for each precision."""
    measured = {name: result.pairs for name, result in results.items() if result.pairs}
    count = min(len(pairs[kind].service_ms) for pairs in measured.values() for kind in kinds)
    title = f"time of the service in relation to the floor, measured in turn: median of {count} pairs (95 % interval)"
    rows = {name: [pairs[kind].ratio() for kind in kinds] for name, pairs in measured.items()}
    return markdown_table(title, kinds, rows)


def overload_tables(result: OverloadResult, abandoned: AbandonedRequests) -> str:
    """Return the time of a full queue, the behaviour at twice the capacity, and that after callers disconnected."""
    bound = result.queue.bound_ms
    measures: dict[str, Callable[[OverloadRun], str]] = {
        "accepted: p50, ms": lambda run: f"{percentile(run.requests.accepted_ms, 50):.0f}",
        "accepted: p99, ms": lambda run: f"{run.p99_ms:.0f}",
        "bound of a full queue, ms": lambda _: f"{bound:.0f}",
        "p99 / bound": lambda run: f"{run.p99_ms / bound:.2f}",
        "p99 within the bound": lambda run: "yes" if run.p99_ms <= bound else "**no**",
        "accepted within the bound, %": lambda run: f"{run.percent_within(bound):.1f}",
        "accepted per second": lambda run: f"{len(run.requests.accepted_ms) / run.requests.seconds:.1f}",
        "rejected: p50, ms": lambda run: f"{percentile(run.requests.rejected_ms or [math.nan], 50):.1f}",
        "responses": lambda run: ", ".join(
            f"{count} times {each}" for each, count in sorted(run.requests.statuses.items())
        ),
        "lost": lambda run: str(run.requests.lost),
        "429 or 503 without Retry-After": lambda run: str(run.requests.without_retry_after),
        "memory before, after, MiB": lambda run: f"{run.memory_before_mib:.0f}, {run.memory_after_mib:.0f}",
    }
    title = f"Twice the capacity: {result.rate:.0f} requests per second, open loop"
    columns = [f"run {number}" for number in range(1, len(result.runs) + 1)]
    rows = {measure: list(map(cell, result.runs)) for measure, cell in measures.items()}
    left = (
        f"{abandoned.callers} callers disconnected: no request in flight after {abandoned.seconds * 1000:.0f} ms, "
        f"{abandoned.cpu_seconds_after * 1000:.0f} ms of CPU time in the second after."
    )
    return "\n\n".join([_full_queue(result), markdown_table(title, columns, rows), left])


def _full_queue(result: OverloadResult) -> str:
    queue = result.queue
    p50, p99 = percentile(queue.latencies_ms, 50), percentile(queue.latencies_ms, 99)
    return (
        f"Capacity: {result.capacity:.1f} requests per second. At twice the capacity, "
        f"a full queue of {queue.limit} requests of all kinds was measured {queue.queues:.0f} times: "
        f"mean {queue.mean_ms:.0f} ms, standard deviation {queue.deviation_ms:.0f} ms, "
        f"longest {max(queue.times_ms):.0f} ms. "
        f"99 % of full queues take at most {queue.bound_ms:.0f} ms, with a confidence of 99 %. "
        f"The requests in it: p50 {p50:.0f} ms, p99 {p99:.0f} ms. Accepted: {queue.per_second:.1f} per second."
    )


def markdown_table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """Return a table in Markdown.

    Args:
        title: Heading of the first column.
        columns: Headings of the others.
        rows: Cells of each row, by its name.
    """
    lines = [_row(title, *columns), "|" + "---|" * (len(columns) + 1)]
    return "\n".join([*lines, *(_row(name, *cells) for name, cells in rows.items())])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
