"""Break everything, again and again, and count what became of every upload: `python -m benchmarks.chaos`.

It brings up a local stack of its own, drops documents in both ingest modes while it kills, freezes, slows and restarts
model services, lets them lie, throttles the table, kills Lambda workers, and delivers events twice and in any order.
Then it mends everything and holds the records against the uploads: each has exactly one, of its own content, with the
predictions that the services give when asked again, or its event lies among the dead letters, which a redrive empties.
"""

import argparse
import itertools
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from records.keys import timestamp
from testkit import fault_proxy as meddler
from testkit.consistency import Sent, Truth, examine, named_in_letters, read_all, settle, table_of
from testkit.test_stack import VERSIONS, Site, page, site, wide
from triptych import stack
from triptych.repair.invocation import ALIAS
from triptych.stack import Ingest

RETRY_S = 4.0
"""What a failed event waits here; on AWS a minute."""

Number = Iterator[int]


@dataclass
class Ledger:
    """Everything that was done. `injected` counts how often each fault was; `meddled` the requests it hit."""

    sent: list[Sent] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)


class Campaign:
    """Faults in one ingest mode.

    Args:
        here: the stack.
        ingest: its mode.
        ledger: where what is done is kept.
        numbers: of documents, so that no two are alike.
        per: documents dropped at each injection.
    """

    def __init__(self, here: Site, ingest: Ingest, ledger: Ledger, numbers: Number, per: int) -> None:
        self._site, self._ingest, self._ledger, self._numbers, self._per = here, ingest, ledger, numbers, per
        self._to, self._queue_url = here.to, stack.current(here.home).inbox_queue_url
        self._s3, self._table, self._lambdas, self._sqs = self._to.s3, self._to.table, self._to.lambdas, self._to.sqs
        self._dice = random.Random(ingest)
        self._versions = itertools.cycle(VERSIONS)

    def run(self, rounds: int, tell: Callable[[str], None]) -> None:
        """Every fault, `rounds` times, in an order that the dice choose."""
        faults: list[Callable[[], None]] = [
            *(self._killed, self._stopped, self._slowed, self._restarted, self._lying),
            *(self._throttled, self._handlers_killed, self._duplicated, self._shuffled),
        ]
        for number in range(1, rounds + 1):
            tell(f"{self._ingest}: round {number} of {rounds}")
            for fault in self._dice.sample(faults, len(faults)):
                fault()
        tell(f"{self._ingest}: outages that outlast every retry")
        self._outage_of_a_version()
        self._outage_of_the_table()

    # The faults. The name of each in the report is the first word that it gives to `_drop`.

    def _killed(self) -> None:
        version = next(self._versions)
        self._site.kill(version)
        self._drop("service killed")
        self._site.start(version)

    def _stopped(self) -> None:
        with self._site.stopped(next(self._versions)):
            self._await_records(self._drop("service stopped (SIGSTOP)"))

    def _slowed(self) -> None:
        seconds = self._dice.choice([0.5, 1.5, 3.5])  # within the budget and beyond it
        with self._site.meddled(next(self._versions), meddler.slow(seconds)):
            self._await_records(self._drop("service slowed"))

    def _restarted(self) -> None:
        self._drop("service restarted")
        self._site.restart(next(self._versions))

    def _lying(self) -> None:
        with self._site.meddled(next(self._versions), meddler.lies()):
            self._await_records(self._drop("service answers garbage"))

    def _throttled(self) -> None:
        with self._site.table.doing(meddler.throttle):
            self._drop("table throttled")
            time.sleep(1.5)

    def _handlers_killed(self) -> None:
        self._drop("handlers killed (SIGKILL)")
        time.sleep(self._dice.uniform(0.02, 0.3))
        self._site.kill_handlers(3)

    def _duplicated(self) -> None:
        """Each event twice, all at the same time."""
        with self._unannounced():
            sent = self._drop("events duplicated")
        events = [_event(self._to.bucket, one, next(self._numbers)) for one in sent]
        self._deliver(events * 2)

    def _shuffled(self) -> None:
        """One name uploaded several times; the events come in any order, and one of them once more, late."""
        with self._unannounced():
            key = f"{self._ingest}/shuffled/{next(self._numbers)}.png"
            sent = [self._put("events shuffled", key) for _ in range(self._per)]
            self._ledger.injected["events shuffled"] += 1
        events = [_event(self._to.bucket, one, next(self._numbers)) for one in sent]
        self._deliver(self._dice.sample(events, len(events)))
        self._await_records(sent)
        self._deliver(events[:1])

    def _outage_of_a_version(self) -> None:
        version = next(self._versions)
        self._site.kill(version)
        self._await_letters(self._drop("service down for good"))
        self._site.start(version)

    def _outage_of_the_table(self) -> None:
        with self._site.table.doing(meddler.throttle):
            self._await_letters(self._drop("table throttled for good"))

    # The parts that faults are made of.

    def _drop(self, fault: str) -> list[Sent]:
        keys = [f"{self._ingest}/{fault.split('(')[0].strip()}/{next(self._numbers)}.png" for _ in range(self._per)]
        with ThreadPoolExecutor(self._per) as pool:
            sent = list(pool.map(lambda key: self._put(fault, key), keys))
        self._ledger.injected[fault] += 1
        return sent

    def _put(self, fault: str, key: str) -> Sent:
        content = page(next(self._numbers))
        answer = self._s3.put_object(Bucket=self._to.bucket, Key=key, Body=content)
        sent = Sent(fault, self._ingest, key, content, answer["ETag"].strip('"'), answer["VersionId"])
        self._ledger.sent.append(sent)
        return sent

    @contextmanager
    def _unannounced(self) -> Iterator[None]:
        """Let S3 keep still about uploads, so that their events can be delivered otherwise."""
        former = self._s3.get_bucket_notification_configuration(Bucket=self._to.bucket)
        told = {name: part for name, part in former.items() if name != "ResponseMetadata"}
        self._s3.put_bucket_notification_configuration(Bucket=self._to.bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            time.sleep(0.3)  # the emulator looks at the configuration a moment after the upload
            self._s3.put_bucket_notification_configuration(
                Bucket=self._to.bucket,
                NotificationConfiguration=told,  # type: ignore[arg-type]
            )

    def _deliver(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Deliver events as S3 does in this mode, all at once."""

        def one(event: Mapping[str, Any]) -> None:
            body = json.dumps(event)
            if self._queue_url:
                self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)
            else:
                self._lambdas.invoke(
                    FunctionName=self._to.function, Qualifier=ALIAS, InvocationType="Event", Payload=body
                )

        with ThreadPoolExecutor(len(events)) as pool:
            list(pool.map(one, events))

    def _await_records(self, sent: Sequence[Sent]) -> None:
        """Wait until half of them have records of some kind, so that the fault was met; not for ever."""
        until = time.monotonic() + 5
        wanted = {one.version_id for one in sent}
        while time.monotonic() < until:
            time.sleep(0.1)
            found = wanted & {record.upload.version_id or "" for record in read_all(self._table)}
            if len(found) * 2 >= len(wanted):
                return

    def _await_letters(self, sent: Sequence[Sent]) -> None:
        until = time.monotonic() + 60
        missing = {one.version_id for one in sent}
        while missing and time.monotonic() < until:
            time.sleep(0.5)
            missing -= named_in_letters(self._site)


def _event(bucket: str, sent: Sent, order: int) -> dict[str, Any]:
    """The notification that S3 sends of an upload."""
    thing = {
        "key": quote_plus(sent.key),
        "size": len(sent.content),
        "eTag": sent.etag,
        "versionId": sent.version_id,
        "sequencer": f"{0x68000000000000 + order:016X}",
    }
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": timestamp(datetime.now(UTC)),
        "s3": {"bucket": {"name": bucket}, "object": thing},
    }
    return {"Records": [record]}


def redrive() -> subprocess.CompletedProcess[str]:
    """What an operator does about dead letters."""
    command = [str(Path(sys.executable).with_name("triptych")), "redrive", "--yes"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each fault in each ingest mode (default 5)")
    parser.add_argument("--per", type=int, default=6, help="documents dropped at each (default 6)")
    arguments = parser.parse_args()
    console, ledger, numbers = wide(), Ledger(), itertools.count(1)
    started = time.monotonic()
    with site("chaos", retry_seconds=RETRY_S, console=console) as here:
        modes: tuple[Ingest, ...] = ("direct", "queue")
        for ingest in modes:
            here.switch(ingest, console)
            campaign = Campaign(here, ingest, ledger, numbers, arguments.per)
            campaign.run(arguments.rounds, lambda what: console.print(what, style="dim"))
            settle(here, ledger.sent)
        truth = Truth(here)
        before = examine(here, ledger.sent, truth)
        console.print(table_of(before, ledger.injected))
        done = redrive()
        settle(here, ledger.sent)
        after = examine(here, ledger.sent, truth)
        left = len(named_in_letters(here))
    console.print(f"After `triptych redrive` (exit code {done.returncode}): {left} dead letters.", highlight=False)
    console.print(table_of(after, ledger.injected))
    console.print(f"{time.monotonic() - started:.0f} s in all", style="dim")
    flaws = [finding for finding in after if finding.outcome != "complete"] + [
        finding for finding in [*before, *after] if finding.wrong or finding.records > 1 or finding.outcome == "lost"
    ]
    for finding in flaws[:20]:
        console.print(f"{finding.sent.key}: {finding.outcome}, {finding.records} records. {finding.wrong}", style="red")
    if flaws or left:
        console.print(done.stdout + done.stderr, style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
