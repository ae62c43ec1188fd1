"""Documents at the mission's pace, ten times and a hundred times it: `python -m benchmarks.load`.

The mission is a document every three seconds, each answered within three seconds of the handler's start. The same pace
is then measured with one version mute, frozen or lying. Pace is kept by the clock, not by answers: a slow answer delays
no document. What one machine cannot take goes through the queue, as it would on AWS.

Two latencies of each record: from the handler's start, which is ours, and from S3's event, which includes whatever
waits before the handler (on AWS, S3's own "typically seconds"; here, the emulator and the queue).
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
from benchmarks.chart import percentile
from records.record import Record
from testkit import fault_proxy as meddler
from testkit.consistency import read_all
from testkit.test_stack import Site, page, site, wide
from triptych import stack
from triptych.stack import Ingest

PACE_S = 3.0
"""The mission: a document every three seconds."""

TARGET_MS = 3000.0
IMAGE = Path(__file__).parents[1] / "docs" / "images" / "load.svg"

_RETRY_S = 300.0
"""No retry within a run: what is measured is the first record of each document."""

_DRAIN_S = 120.0

Fault = Callable[[Site], AbstractContextManager[object]]


@dataclass(frozen=True)
class Course:
    """One run: so many documents a second for so long, by one ingest, perhaps with a fault."""

    name: str
    ingest: Ingest
    every_s: float
    seconds: float
    fault: Fault = lambda _: nullcontext()


@dataclass(frozen=True)
class Run:
    """What a course came to. Latencies in milliseconds, one for each record; `sent` counts the uploads."""

    course: Course
    sent: int
    handler: list[float]
    event: list[float]
    complete: int
    slowest_call: list[float]
    read: list[float]
    write: list[float]

    @property
    def within(self) -> float:
        """The share of uploads whose record was written within the target of the handler's start."""
        return sum(latency <= TARGET_MS for latency in self.handler) / self.sent


def drive(here: Site, course: Course, numbers: Iterator[int]) -> Run:
    """Drop documents by the clock, and wait for the record of each."""
    to = here.to
    s3, documents = to.s3, round(course.seconds / course.every_s)

    def send(due: float, number: int) -> str:
        time.sleep(max(0.0, due - time.monotonic()))
        return s3.put_object(Bucket=to.bucket, Key=f"load/{number}.png", Body=page(number))["VersionId"]

    with course.fault(here), ThreadPoolExecutor(16) as pool:
        begin = time.monotonic()
        due = [(begin + position * course.every_s, next(numbers)) for position in range(documents)]
        versions = set(pool.map(lambda when: send(*when), due))
        found = _await(here, versions)
    table = to.table

    def read(record: Record) -> bytes:
        return s3.get_object(Bucket=to.bucket, Key=record.upload.key)["Body"].read()

    def write(record: Record) -> object:
        return table.put_item(Item=record.to_item())  # the same item again

    return Run(
        course,
        documents,
        handler=[record.latency_ms for record in found],
        event=[(record.classified_at - record.upload.event_time).total_seconds() * 1000 for record in found],
        complete=sum(record.status == "COMPLETE" for record in found),
        slowest_call=[max(said.latency_ms for said in record.predictions.values()) for record in found],
        read=[_timed(read, record) for record in found[:20]],
        write=[_timed(write, record) for record in found[:20]],
    )


def _timed(call: Callable[[Record], object], record: Record) -> float:
    """Milliseconds that a call takes."""
    started = time.perf_counter()
    call(record)
    return (time.perf_counter() - started) * 1000


def _await(here: Site, versions: set[str]) -> list[Record]:
    """The records of these uploads, once they are all there or nothing more comes."""
    until = time.monotonic() + _DRAIN_S
    while True:
        found = [record for record in read_all(here.to.table) if record.upload.version_id in versions]
        if len(found) == len(versions) or time.monotonic() > until:
            return found
        time.sleep(1)


def courses(scale: float) -> list[Course]:
    """All runs, their lengths times `scale`."""

    def lying(here: Site) -> AbstractContextManager[object]:
        return here.meddled("v2", meddler.lies())

    def mute(here: Site) -> AbstractContextManager[object]:
        return here.meddled("v2", meddler.mute)

    def frozen(here: Site) -> AbstractContextManager[object]:
        return here.stopped("v2")

    return [
        Course("a document every 3 s", "direct", PACE_S, 60 * scale),
        Course("one version mute", "direct", PACE_S, 60 * scale, mute),
        Course("one version frozen", "direct", PACE_S, 60 * scale, frozen),
        Course("one version lying", "direct", PACE_S, 60 * scale, lying),
        Course("10 times the pace", "direct", PACE_S / 10, 60 * scale),
        Course("10 times, queue", "queue", PACE_S / 10, 60 * scale),
        Course("100 times, queue", "queue", PACE_S / 100, 20 * scale),
    ]


def table_of(runs: Sequence[Run]) -> Table:
    """Percentiles of both latencies, by run."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.title, table.title_justify = (
        "Milliseconds from the handler's start, and from S3's event, to the record",
        "left",
    )
    table.add_column("run", no_wrap=True)
    for heading in ("uploads", "records", "whole", "p50", "p95", "p99", "in 3 s", "event p50", "event p99"):
        table.add_column(heading, justify="right")
    for run in runs:
        counts = (run.sent, len(run.handler), run.complete)
        latencies = [f"{percentile(run.handler, rank):.0f}" for rank in (50, 95, 99)]
        events = [f"{percentile(run.event, rank):.0f}" for rank in (50, 99)]
        table.add_row(run.course.name, *map(str, counts), *latencies, f"{run.within:.1%}", *events)
    return table


def overhead(run: Run) -> str:
    """How the handler's time compares with what it cannot do without."""
    call, read, write = (statistics.median(part) for part in (run.slowest_call, run.read, run.write))
    handler = statistics.median(run.handler) + write
    return (
        f"Healthy, at the mission's pace, medians: {handler:.0f} ms from the handler's start to the written record; "
        f"its slowest model call {call:.0f} ms, a read {read:.0f} ms, a write {write:.0f} ms. "
        f"That is {handler / (call + read + write):.2f} times their sum."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="shorter or longer runs (default 1: about 6 minutes)")
    parser.add_argument("--image", type=Path, default=IMAGE, help="where the chart goes")
    arguments = parser.parse_args()
    console, runs = wide(), list[Run]()
    numbers = iter(range(1, 1_000_000))
    with site("load", retry_seconds=_RETRY_S, console=console) as here:
        for course in courses(arguments.scale):
            if stack.current(here.home).ingest != course.ingest:
                here.switch(course.ingest, console)
            console.print(f"{course.name} …", style="dim")
            runs.append(drive(here, course, numbers))
    console.print(table_of(runs))
    console.print(overhead(runs[0]), highlight=False)
    chart.draw([(run.course.name, run.handler, run.event) for run in runs], target_ms=TARGET_MS, path=arguments.image)
    missing = [run.course.name for run in runs if len(run.handler) < run.sent]
    late = [run.course.name for run in runs[:4] if run.within < 0.99]
    if missing or late:
        console.print(f"Without a record: {missing}; not 99 % within three seconds: {late}", style="red")
        sys.exit(1)


if __name__ == "__main__":
    main()
