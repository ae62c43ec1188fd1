"""How quick the console's pages are on many records, and what each asks of the table: `python -m benchmarks.console`.

Fills a table of its own with generated records (the indexes are template.yaml's, an item is what the orchestrator
writes), opens the console on it, asks for every page over HTTP, and counts the queries and the items that were read. It
needs a DynamoDB: the running local stack's emulator, or with --endpoint any other on this machine. Emulators
have their own ways with indexes; the counts are what holds on AWS too.
"""

import argparse
import random
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import requests
import uvicorn
from boto3.dynamodb.types import TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError
from rich import box
from rich.table import Table

from records.keys import SHARDS, shard_key, timestamp
from records.outcomes import Prediction
from records.policy import DEFAULT_POLICY
from records.record import Record, Status
from records.reviews import Review
from records.uploads import Upload
from records.verdict import with_verdict
from testkit.template import table_definition
from testkit.test_stack import wide
from triptych.commands.shared import progress_bar
from triptych.console.access import Access
from triptych.console.app import create_app
from triptych.console.context import Console
from triptych.stack import environment
from triptych.storage import connection
from triptych.storage.connection import StackConnection

NAME = "console-benchmark"
LABELS = (
    "book_page", "form", "handwritten", "invoice", "receipt", "resume", "scientific_paper", "slides", "typewritten",
)  # fmt: skip
SKILL = {"v1": 0.72, "v2": 0.88, "v3": 0.94}
SPAN = timedelta(days=30)
KINDS = 1000
"""Different records; the others differ from one of them by name, time and shard."""

_AT_ONCE = 8
_STRIDE = 611_953
"""A prime, and no divisor of any number of records that one would ask for."""


@dataclass
class Meter:
    """Counts what a client asks of DynamoDB."""

    calls: int = 0
    items: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def watch(self, client: Any) -> None:
        """Count from now on."""
        client.meta.events.register("after-call.dynamodb", self._count)

    def reset(self) -> tuple[int, int]:
        """What was counted since the last time."""
        with self.lock:
            counted = self.calls, self.items
            self.calls = self.items = 0
        return counted

    def _count(self, parsed: Mapping[str, Any], model: Any, **_: object) -> None:
        assert model.name in ("Query", "GetItem"), f"a page must not {model.name}"
        with self.lock:
            self.calls += 1
            self.items += parsed.get("ScannedCount", int("Item" in parsed))


def main() -> None:
    """Fill, ask, tell."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=10_000)
    options.add_argument("--endpoint", help="a DynamoDB on this machine; the local stack's emulator otherwise")
    options.add_argument("--times", type=int, default=11, help="each page is asked for so often")
    options.add_argument("--keep", action="store_true", help="leave the table, and fill it no further next time")
    chosen = options.parse_args()
    to = _place(chosen.endpoint)
    console = wide()
    try:
        seconds = fill(to, chosen.records)
        if seconds:
            console.print(f"{chosen.records:,} records written in {seconds:.0f} s", highlight=False)
        console.print(_told(measure(to, chosen.times), chosen.records))
    finally:
        if not chosen.keep:
            to.table.delete()


def _place(endpoint: str | None) -> StackConnection:
    found = connection.connect_local() if endpoint is None else None
    session = environment.session()
    return replace(
        found or StackConnection("benchmark", "nothing", NAME, "", "", session, endpoint_url=endpoint), table_name=NAME
    )


def fill(to: StackConnection, number: int, *, labelled: float = 0.01) -> float:
    """Write so many records, spread evenly over a month up to now; none if the table is there already.

    Args:
        to: where; the table is created.
        number: how many.
        labelled: the share that a person has labelled, of those that wait for one.

    Returns:
        Seconds that it took.
    """
    client = to.session.client(
        "dynamodb",
        endpoint_url=to.endpoint_url,
        config=Config(max_pool_connections=_AT_ONCE, parameter_validation=False),
    )
    with suppress(ClientError):
        client.create_table(**table_definition(to.table_name))
        client.get_waiter("table_exists").wait(TableName=to.table_name)
        started = time.monotonic()
        with progress_bar(wide()) as progress, ThreadPoolExecutor(_AT_ONCE) as pool:
            bar = progress.add_task("records", total=number)

            def write(batch: list[dict[str, Any]]) -> None:
                left: Any = {to.table_name: [{"PutRequest": {"Item": item}} for item in batch]}
                while left:
                    left = client.batch_write_item(RequestItems=left).get("UnprocessedItems")
                progress.advance(bar, len(batch))

            waiting = batches(items(number, labelled))
            while group := list(islice(waiting, 4 * _AT_ONCE)):  # no more in memory than is being written
                list(pool.map(write, group))
        return time.monotonic() - started
    return 0.0


def items(number: int, labelled: float) -> Iterator[dict[str, Any]]:
    """Items as DynamoDB's own protocol has them: made once a kind, then varied, for a million take long enough."""
    chance = random.Random(7)
    serialize = TypeSerializer().serialize
    now = datetime.now(UTC)
    kinds = [_record(chance, kind, labelled).to_item() for kind in range(KINDS)]
    shapes = [{name: serialize(value) for name, value in kind.items()} for kind in kinds]
    for turn in range(number):
        n = turn * _STRIDE % number  # in no order, so that a filling that was broken off is spread over the month, too
        shape, kind = shapes[n % KINDS], kinds[n % KINDS]
        key = f"scan-{n:07}.pdf"
        at = timestamp(now - SPAN * ((number - n) / number))
        varied = {"document": f"inbox/{key}", "key": key, "event_time": at, "classified_at": at}
        for index in ("time_shard", "label_shard", "status_shard", "review_shard"):
            if index in kind:
                varied[index] = shard_key(kind[index].split("#")[0], n % SHARDS)
        yield {**shape, **{name: {"S": value} for name, value in varied.items()}}


def batches(source: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """In groups of as many as one request may write."""
    while batch := list(islice(source, 25)):
        yield batch


def _record(chance: random.Random, number: int, labelled: float) -> Record:
    truth = chance.choice(LABELS)
    said = {version: _prediction(chance, truth, skill) for version, skill in SKILL.items()}
    upload = Upload(
        "inbox", "scan.pdf", f"{number:016X}", datetime.now(UTC), 100_000, etag="0" * 32, version_id="0" * 32
    )
    made = with_verdict(
        Record(upload, Status.COMPLETE, said, None, None, datetime.now(UTC), 80.0, "1-0-0"), DEFAULT_POLICY
    )
    if made.queue and chance.random() < labelled:
        made = made.with_review(Review(truth, "generated", datetime.now(UTC), made.queue, 4.0))
    return made


def _prediction(chance: random.Random, truth: str, skill: float) -> Prediction:
    sure = 0.4 + 0.59 * chance.betavariate(8 * skill, 8 * (1 - skill))
    label = truth if chance.random() < sure else chance.choice(LABELS)  # so that all are about calibrated
    rest = (1 - sure) / (len(LABELS) - 1)
    probabilities = {name: sure if name == label else rest for name in LABELS}
    took = chance.uniform(30, 120)
    timings = {"queue": 0.4, "decode": took / 2, "infer": took / 3, "total": took * 0.9}
    return Prediction(label, sure, probabilities, sure < 0.6, 1, "ab" * 32, took, timings)


@dataclass(frozen=True)
class Measured:
    """One page: milliseconds of each time it was asked for, the same of CPU time, and what the last time read.

    The CPU time is the console's, without the emulator's: it holds on a busy machine, too.
    """

    name: str
    took: list[float]
    cpu: list[float]
    calls: int
    items: int


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


def measure(to: StackConnection, times: int) -> list[Measured]:
    """Ask for every page, as often as told; the report is worked out each time."""
    meter = Meter()
    with served(to, meter) as (address, shown, client):
        middle = timestamp(datetime.now(UTC) - SPAN / 2)
        return [
            _measured(name, address + path.format(middle=middle), times, meter, shown, client)
            for name, path in PAGES.items()
        ]


def _measured(name: str, address: str, times: int, meter: Meter, shown: Console, client: requests.Session) -> Measured:
    took, cpu = [], []
    for _ in range(times + 1):  # the first warms up
        shown.desk.changes += 1  # nothing kept from before is good enough
        meter.reset()
        started, worked = time.perf_counter(), time.process_time()
        answer = client.get(address, timeout=300)
        took.append((time.perf_counter() - started) * 1000)
        cpu.append((time.process_time() - worked) * 1000)
        answer.raise_for_status()
    return Measured(name, took[1:], cpu[1:], *meter.reset())


@contextmanager
def served(to: StackConnection, meter: Meter) -> Iterator[tuple[str, Console, requests.Session]]:
    """The console on this table, its address, and a browser that may ask it."""
    shown = Console(Access(lambda: to), who="benchmark", stack="benchmark")
    opened = shown.access()
    for table in {opened.results._table, opened.reviews._results._table, opened.policies._table}:
        meter.watch(table.meta.client)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(create_app(shown, port=port, key="key"), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        with requests.Session() as client:
            client.trust_env = False
            client.get(f"http://127.0.0.1:{port}/?key=key", timeout=60).raise_for_status()
            try:
                yield f"http://127.0.0.1:{port}", shown, client
            finally:
                server.should_exit = True
                thread.join()


def _told(measured: list[Measured], records: int) -> Table:
    table = Table(title=f"{records:,} records", box=box.SIMPLE_HEAD, title_justify="left")
    for name in ("page", "median ms", "slowest ms", "CPU ms", "requests to DynamoDB", "items read"):
        table.add_column(name, justify="left" if name == "page" else "right")
    for page in measured:
        times = statistics.median(page.took), max(page.took), statistics.median(page.cpu)
        table.add_row(page.name, *(f"{ms:.0f}" for ms in times), str(page.calls), str(page.items))
    return table


if __name__ == "__main__":
    main()
