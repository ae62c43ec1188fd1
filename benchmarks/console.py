"""Latency of the console's pages on many records, and their DynamoDB requests: `python -m benchmarks.console`.

The benchmark fills a table with generated records, serves the console on it, requests every page over HTTP, and counts
queries and items read. It needs a DynamoDB: the emulator of the running local stack, or with --endpoint another one on
this machine. Latencies depend on the emulator; the counts hold on AWS too.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table

from records.keys import timestamp
from testkit.console_server import ServedConsole, serve_console
from testkit.generated_records import SPAN, fill_table
from testkit.reports import report_console
from triptych.stack import environment
from triptych.storage.connection import StackConnection, connect_local

NAME = "console-benchmark"

PAGES = {
    "live": "/",
    "live, asked again": "/documents",
    "to review, of a day": "/?show=review&within=24h",
    "one label": "/?show=label:invoice",
    "older, in the middle of the month": "/?until={middle}",
    "one document": "/document?document=inbox/scan-0000000.pdf",
    "review": "/review",
    "versions": "/versions",
    "versions: the report": "/versions/report",
}


@dataclass
class RequestMeter:
    """Counts requests to DynamoDB and the items that they read."""

    calls: int = 0
    items: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def attached(self, connection: StackConnection) -> Iterator[None]:
        """Count the requests of all clients that the connection creates until the block ends."""
        connection.session.events.register("after-call.dynamodb", self._count)
        try:
            yield
        finally:
            connection.session.events.unregister("after-call.dynamodb", self._count)

    def reset(self) -> tuple[int, int]:
        """Return the requests and items since the last reset."""
        with self.lock:
            counts = self.calls, self.items
            self.calls = self.items = 0
        return counts

    def _count(self, parsed: Mapping[str, Any], model: Any, **_: object) -> None:
        assert model.name in ("Query", "GetItem"), f"a page must not {model.name}"
        with self.lock:
            self.calls += 1
            self.items += parsed.get("ScannedCount", int("Item" in parsed))


@dataclass(frozen=True)
class PageTimes:
    """Measurements of one page.

    Attributes:
        name: The page.
        latency_ms: Of each request.
        cpu_ms: CPU time of each request, without the emulator's. It holds on a busy machine too.
        calls: Requests to DynamoDB of the last request.
        items: Items that they read.
    """

    name: str
    latency_ms: list[float]
    cpu_ms: list[float]
    calls: int
    items: int


def main() -> None:
    """Fill the table, measure every page, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--endpoint", help="a DynamoDB on this machine (default: the local stack's emulator)")
    parser.add_argument("--times", type=int, default=11, help="requests for each page (default 11)")
    parser.add_argument("--keep", action="store_true", help="keep the table, and reuse it next time")
    arguments = parser.parse_args()
    connection = _connect(arguments.endpoint)
    console = report_console()
    try:
        seconds = fill_table(connection, arguments.records, labelled=0.01, console=console)
        if seconds:
            console.print(f"{arguments.records:,} records written in {seconds:.0f} s", highlight=False)
        console.print(_table_of(measure(connection, arguments.times), arguments.records))
    finally:
        if not arguments.keep:
            connection.table.delete()


def _connect(endpoint: str | None) -> StackConnection:
    found = connect_local() if endpoint is None else None
    session = environment.local_session()
    return replace(
        found or StackConnection("benchmark", "nothing", NAME, "", "", session, endpoint_url=endpoint), table_name=NAME
    )


def measure(connection: StackConnection, times: int) -> list[PageTimes]:
    """Request every page several times. The report is calculated each time."""
    meter = RequestMeter()
    middle = timestamp(datetime.now(UTC) - SPAN / 2)
    with meter.attached(connection), serve_console(connection) as served:
        return [_measure_page(served, meter, name, path.format(middle=middle), times) for name, path in PAGES.items()]


def _measure_page(served: ServedConsole, meter: RequestMeter, name: str, path: str, times: int) -> PageTimes:
    latency_ms, cpu_ms = [], []
    for _ in range(times + 1):  # the first request is a warm-up
        served.console.review_session.changes += 1  # invalidates the cached report
        meter.reset()
        started, worked = time.perf_counter(), time.process_time()
        response = served.client.get(served.url + path, timeout=300)
        latency_ms.append((time.perf_counter() - started) * 1000)
        cpu_ms.append((time.process_time() - worked) * 1000)
        response.raise_for_status()
    return PageTimes(name, latency_ms[1:], cpu_ms[1:], *meter.reset())


def _table_of(pages: list[PageTimes], records: int) -> Table:
    table = Table(title=f"{records:,} records", box=box.SIMPLE_HEAD, title_justify="left")
    for name in ("page", "median ms", "slowest ms", "CPU ms", "requests to DynamoDB", "items read"):
        table.add_column(name, justify="left" if name == "page" else "right")
    for page in pages:
        times = statistics.median(page.latency_ms), max(page.latency_ms), statistics.median(page.cpu_ms)
        table.add_row(page.name, *(f"{ms:.0f}" for ms in times), str(page.calls), str(page.items))
    return table


if __name__ == "__main__":
    main()
