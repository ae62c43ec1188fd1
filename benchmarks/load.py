"""The required rate, 10 and 100 times it, and the required rate with a faulty version: `python -m benchmarks.load`.

The required rate is one document every three seconds, each with a record within three seconds of the handler's start.
Documents are uploaded at fixed times (open loop), so that a slow record delays no upload. Rates above the capacity of
one machine use the queue, as they would in AWS.

Two latencies are measured for each record: from the handler's start, which is the pipeline's own, and from the S3
event, which includes the time before the handler (in AWS, S3's "typically seconds"; here, the emulator and the queue).
A third, "result", is from the write of a record to its result event in a queue behind the event bus.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.table import Table

from benchmarks import chart
from records.record import Record
from testkit.consistency import scan_records
from testkit.documents import numbered_document
from testkit.fault_proxy import hang, invalid_responses
from testkit.local_stack import LocalTestStack, local_test_stack
from testkit.reports import percentile, report_console
from testkit.result_events import ResultQueue
from triptych import stack
from triptych.stack import Ingest

INTERVAL_SECONDS = 3.0
"""The required rate: one document every three seconds."""

TARGET_MS = 3000.0
EVENT_TARGET_MS = 1000.0
"""The 99th percentile of the latency from a record's write to its result event."""
IMAGE = Path(__file__).parents[1] / "docs" / "images" / "load.svg"

_RETRY_SECONDS = 300.0
"""Longer than a run: the first record of each document is measured."""

_DRAIN_SECONDS = 120.0

AT_REQUIRED_RATE = 4
"""Number of scenarios at the required rate, which come first."""

InjectFault = Callable[[LocalTestStack], AbstractContextManager[object]]


@dataclass(frozen=True)
class Scenario:
    """Uploads at a constant rate in one ingest mode, perhaps with a fault."""

    name: str
    ingest: Ingest
    interval: float
    seconds: float
    fault: InjectFault = lambda _: nullcontext()


@dataclass(frozen=True)
class LoadResult:
    """Measurements of one scenario. Latencies are in milliseconds, one for each record.

    Attributes:
        scenario: The scenario.
        uploads: Number of uploads.
        handler: Latency from the handler's start.
        event: Latency from the S3 event.
        complete: Number of COMPLETE records.
        slowest_call: Latency of the slowest model call of each record.
        read: Time to read the object again, for some records.
        write: Time to write the item again, for some records.
        published: Latency from the write to the result event, one for each event.
    """

    scenario: Scenario
    uploads: int
    handler: list[float]
    event: list[float]
    complete: int
    slowest_call: list[float]
    read: list[float]
    write: list[float]
    published: list[float]

    @property
    def within_target(self) -> float:
        """Share of uploads with a record within the target, from the handler's start."""
        return sum(latency <= TARGET_MS for latency in self.handler) / self.uploads


def run_scenario(
    test_stack: LocalTestStack, scenario: Scenario, numbers: Iterator[int], events: ResultQueue
) -> LoadResult:
    """Upload documents at fixed times, and wait for the record and the result event of each."""
    connection = test_stack.connection
    s3, table = connection.s3, connection.table
    uploads = round(scenario.seconds / scenario.interval)

    def upload(due: float, number: int) -> str:
        time.sleep(max(0.0, due - time.monotonic()))
        body = numbered_document(number)
        return s3.put_object(Bucket=connection.bucket, Key=f"load/{number}.png", Body=body)["VersionId"]

    with scenario.fault(test_stack), ThreadPoolExecutor(16) as pool:
        begin = time.monotonic()
        schedule = [(begin + position * scenario.interval, next(numbers)) for position in range(uploads)]
        version_ids = set(pool.map(lambda planned: upload(*planned), schedule))
        records = _wait_for_records(test_stack, version_ids)

    def read(record: Record) -> bytes:
        return s3.get_object(Bucket=connection.bucket, Key=record.upload.key)["Body"].read()

    def write(record: Record) -> object:
        return table.put_item(Item=record.to_item())  # the same item again

    return LoadResult(
        scenario,
        uploads,
        handler=[record.latency_ms for record in records],
        event=[(record.classified_at - record.upload.event_time).total_seconds() * 1000 for record in records],
        complete=sum(record.status == "COMPLETE" for record in records),
        slowest_call=[max(outcome.latency_ms for outcome in record.predictions.values()) for record in records],
        read=[_duration_ms(read, record) for record in records[:20]],
        write=[_duration_ms(write, record) for record in records[:20]],
        published=[event.latency_ms for event in events.receive_about(records, seconds=_DRAIN_SECONDS)],
    )


def _duration_ms(call: Callable[[Record], object], record: Record) -> float:
    started = time.perf_counter()
    call(record)
    return (time.perf_counter() - started) * 1000


def _wait_for_records(test_stack: LocalTestStack, version_ids: set[str]) -> list[Record]:
    """Return the records of some uploads once all exist, or those that exist after two minutes."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    while True:
        records = scan_records(test_stack.connection.table)
        found = [record for record in records if record.upload.version_id in version_ids]
        if len(found) == len(version_ids) or time.monotonic() > deadline:
            return found
        time.sleep(1)


def scenarios(scale: float) -> list[Scenario]:
    """Return all scenarios, their durations multiplied by `scale`."""

    def wrong(test_stack: LocalTestStack) -> AbstractContextManager[object]:
        return test_stack.faulty_service("v2", invalid_responses())

    def unresponsive(test_stack: LocalTestStack) -> AbstractContextManager[object]:
        return test_stack.faulty_service("v2", hang)

    def frozen(test_stack: LocalTestStack) -> AbstractContextManager[object]:
        return test_stack.frozen_service("v2")

    return [
        Scenario("a document every 3 s", "direct", INTERVAL_SECONDS, 60 * scale),
        Scenario("a version unresponsive", "direct", INTERVAL_SECONDS, 60 * scale, unresponsive),
        Scenario("a version frozen", "direct", INTERVAL_SECONDS, 60 * scale, frozen),
        Scenario("a version wrong", "direct", INTERVAL_SECONDS, 60 * scale, wrong),
        Scenario("10 times the rate", "direct", INTERVAL_SECONDS / 10, 60 * scale),
        Scenario("10 times, queue", "queue", INTERVAL_SECONDS / 10, 60 * scale),
        Scenario("100 times, queue", "queue", INTERVAL_SECONDS / 100, 20 * scale),
    ]


def table_of(results: Sequence[LoadResult]) -> Table:
    """Return a table of both latencies' percentiles, by scenario."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.title = "Milliseconds from the handler's start, and from the S3 event, to the record"
    table.title_justify = "left"
    table.add_column("scenario", no_wrap=True)
    for heading in (
        "uploads",
        "records",
        "complete",
        "p50",
        "p95",
        "p99",
        "in 3 s",
        "event p50",
        "event p99",
        "result p99",
    ):
        table.add_column(heading, justify="right")
    for result in results:
        counts = (result.uploads, len(result.handler), result.complete)
        latencies = [f"{percentile(result.handler, rank):.0f}" for rank in (50, 95, 99)]
        events = [f"{percentile(result.event, rank):.0f}" for rank in (50, 99)]
        published = f"{percentile(result.published, 99):.0f}"
        table.add_row(
            result.scenario.name, *map(str, counts), *latencies, f"{result.within_target:.1%}", *events, published
        )
    return table


def overhead(result: LoadResult) -> str:
    """Compare the handler's time with the calls that it cannot avoid."""
    call, read, write = (statistics.median(part) for part in (result.slowest_call, result.read, result.write))
    handler = statistics.median(result.handler) + write
    return (
        f"Healthy, at the required rate, medians: {handler:.0f} ms from the handler's start to the written record; "
        f"its slowest model call {call:.0f} ms, a read {read:.0f} ms, a write {write:.0f} ms. "
        f"That is {handler / (call + read + write):.2f} times their sum."
    )


def publishing(results: Sequence[LoadResult]) -> str:
    """Describe the latency from the write of a record to its result event, at the required rate."""
    latencies = [latency for result in results[:AT_REQUIRED_RATE] for latency in result.published]
    p50, p99 = (percentile(latencies, rank) for rank in (50, 99))
    return (
        f"From the write of a record to its result event, at the required rate: p50 {p50:.0f} ms, p99 {p99:.0f} ms "
        f"of {len(latencies)} events; all scenarios: {sum(len(result.published) for result in results)} events."
    )


def main() -> None:
    """Run every scenario; exit with 1 if a record is missing or too many are late."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="factor for all durations (default 1: about 6 minutes)"
    )
    parser.add_argument("--image", type=Path, default=IMAGE, help="SVG file of the chart")
    arguments = parser.parse_args()
    console, results = report_console(), list[LoadResult]()
    numbers = iter(range(1, 1_000_000))
    with local_test_stack("load", retry_seconds=_RETRY_SECONDS, console=console, results="events") as test_stack:
        events = ResultQueue(test_stack.connection)
        for scenario in scenarios(arguments.scale):
            if stack.running_stack(test_stack.home).ingest != scenario.ingest:
                test_stack.switch_ingest(scenario.ingest, console)
            console.print(f"{scenario.name} …", style="dim")
            results.append(run_scenario(test_stack, scenario, numbers, events))
    console.print(table_of(results))
    console.print(overhead(results[0]), highlight=False)
    console.print(publishing(results), highlight=False)
    rows = [(result.scenario.name, result.handler, result.event) for result in results]
    chart.draw(rows, target_ms=TARGET_MS, file=arguments.image)
    missing = [result.scenario.name for result in results if len(result.handler) < result.uploads]
    late = [result.scenario.name for result in results[:AT_REQUIRED_RATE] if result.within_target < 0.99]
    slow = [
        result.scenario.name
        for result in results[:AT_REQUIRED_RATE]
        if percentile(result.published, 99) > EVENT_TARGET_MS
    ]
    if missing or late or slow:
        console.print(
            f"Records missing: {missing}; less than 99 % within three seconds: {late}; results published late: {slow}",
            style="red",
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
