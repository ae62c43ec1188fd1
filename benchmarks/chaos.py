"""Inject faults into a local stack, then check every upload: `python -m benchmarks.chaos`.

The campaign starts its own local stack and uploads documents in both ingest modes. It kills, suspends, slows and
restarts model services, makes them return invalid responses, throttles the table, kills Lambda workers, delivers events
twice and out of order, and makes the publisher of result events fail. After the faults are removed, each upload must
have exactly one record, with its content and the predictions that the services return when called again. Otherwise its
event must be in the dead-letter queue, which a redrive then empties. Without duplicates, the result events must be the
revisions of all records.
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

from rich.console import Console

from records.keys import timestamp
from records.record import Record
from testkit.consistency import (
    ConfirmedUpload,
    ReferencePredictions,
    UploadResult,
    check_uploads,
    dead_letter_version_ids,
    scan_records,
    table_of,
    wait_until_settled,
)
from testkit.documents import numbered_document
from testkit.fault_proxy import delay, invalid_responses, throttle
from testkit.local_stack import VERSIONS, LocalTestStack, local_test_stack, publisher_denied
from testkit.reports import report_console
from testkit.result_events import ReceivedEvent, ResultQueue, event_ids, missing_events
from triptych import stack
from triptych.repair.invocation import ALIAS
from triptych.stack import Ingest

_EVENT_SECONDS = 60.0
"""Seconds in which the last events have to arrive."""

RETRY_SECONDS = 4.0
"""Delay before the first retry of a failed event; in AWS it is a minute."""


@dataclass
class CampaignLog:
    """All uploads, and how often each fault was injected."""

    uploads: list[ConfirmedUpload] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)


class FaultCampaign:
    """Faults in one ingest mode.

    Args:
        test_stack: The stack to break.
        ingest: Its ingest mode.
        log: Where uploads and faults are recorded.
        numbers: Numbers of documents; no two documents are the same.
        per_fault: Documents uploaded for each fault.
    """

    def __init__(
        self, test_stack: LocalTestStack, ingest: Ingest, log: CampaignLog, numbers: Iterator[int], per_fault: int
    ) -> None:
        self._stack, self._ingest, self._log, self._numbers, self._per_fault = (
            test_stack,
            ingest,
            log,
            numbers,
            per_fault,
        )
        connection = test_stack.connection
        self._bucket, self._function = connection.bucket, connection.function
        self._s3, self._table, self._lambdas, self._sqs = (
            connection.s3,
            connection.table,
            connection.lambdas,
            connection.sqs,
        )
        self._queue_url = stack.running_stack(test_stack.home).inbox_queue_url
        self._rng = random.Random(ingest)
        self._versions = itertools.cycle(VERSIONS)

    def run(self, rounds: int, report: Callable[[str], None]) -> None:
        """Inject every fault once a round, in random order, and then two outages that outlast every retry."""
        faults: list[Callable[[], None]] = [
            *(self._kill_service, self._freeze_service, self._slow_service, self._restart_service),
            *(self._return_invalid_responses, self._throttle_table, self._kill_lambda_workers),
            *(self._duplicate_events, self._shuffle_events, self._kill_publisher, self._deny_publisher),
        ]
        for number in range(1, rounds + 1):
            report(f"{self._ingest}: round {number} of {rounds}")
            for fault in self._rng.sample(faults, len(faults)):
                fault()
        report(f"{self._ingest}: outages that outlast every retry")
        self._service_outage()
        self._table_outage()

    # Faults. The first argument of `_upload` names each in the report.

    def _kill_service(self) -> None:
        version = next(self._versions)
        self._stack.kill_service(version)
        self._upload("service killed")
        self._stack.start_service(version)

    def _freeze_service(self) -> None:
        with self._stack.frozen_service(next(self._versions)):
            self._wait_for_records(self._upload("service stopped (SIGSTOP)"))

    def _slow_service(self) -> None:
        seconds = self._rng.choice([0.5, 1.5, 3.5])  # within the budget and beyond it
        with self._stack.faulty_service(next(self._versions), delay(seconds)):
            self._wait_for_records(self._upload("service slowed"))

    def _restart_service(self) -> None:
        self._upload("service restarted")
        self._stack.restart_service(next(self._versions))

    def _return_invalid_responses(self) -> None:
        with self._stack.faulty_service(next(self._versions), invalid_responses()):
            self._wait_for_records(self._upload("service answers garbage"))

    def _throttle_table(self) -> None:
        with self._stack.table_proxy.injecting(throttle):
            self._upload("table throttled")
            time.sleep(1.5)

    def _kill_lambda_workers(self) -> None:
        self._upload("handlers killed (SIGKILL)")
        time.sleep(self._rng.uniform(0.02, 0.3))
        self._stack.kill_lambda_workers(3)

    def _duplicate_events(self) -> None:
        """Deliver each event twice, all at the same time."""
        with self._notifications_off():
            uploads = self._upload("events duplicated")
        events = [_event(self._bucket, upload, next(self._numbers)) for upload in uploads]
        self._deliver(events * 2)

    def _shuffle_events(self) -> None:
        """Upload one key several times, deliver its events in random order, and one of them once more later."""
        with self._notifications_off():
            key = f"{self._ingest}/shuffled/{next(self._numbers)}.png"
            uploads = [self._put("events shuffled", key) for _ in range(self._per_fault)]
            self._log.injected["events shuffled"] += 1
        events = [_event(self._bucket, upload, next(self._numbers)) for upload in uploads]
        self._deliver(self._rng.sample(events, len(events)))
        self._wait_for_records(uploads)
        self._deliver(events[:1])

    def _kill_publisher(self) -> None:
        uploads = self._upload("publisher killed (SIGKILL)")
        for _ in range(3):
            time.sleep(self._rng.uniform(0.05, 0.5))
            self._stack.kill_publisher()
        self._wait_for_records(uploads)

    def _deny_publisher(self) -> None:
        with publisher_denied(self._stack.connection):
            self._wait_for_records(self._upload("publisher may not send"))

    def _service_outage(self) -> None:
        version = next(self._versions)
        self._stack.kill_service(version)
        self._wait_for_dead_letters(self._upload("service down for good"))
        self._stack.start_service(version)

    def _table_outage(self) -> None:
        with self._stack.table_proxy.injecting(throttle):
            self._wait_for_dead_letters(self._upload("table throttled for good"))

    # Steps of the faults.

    def _upload(self, fault: str) -> list[ConfirmedUpload]:
        prefix = f"{self._ingest}/{fault.split('(')[0].strip()}"
        keys = [f"{prefix}/{next(self._numbers)}.png" for _ in range(self._per_fault)]
        with ThreadPoolExecutor(self._per_fault) as pool:
            uploads = list(pool.map(lambda key: self._put(fault, key), keys))
        self._log.injected[fault] += 1
        return uploads

    def _put(self, fault: str, key: str) -> ConfirmedUpload:
        content = numbered_document(next(self._numbers))
        response = self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)
        upload = ConfirmedUpload(fault, self._ingest, key, content, response["ETag"].strip('"'), response["VersionId"])
        self._log.uploads.append(upload)
        return upload

    @contextmanager
    def _notifications_off(self) -> Iterator[None]:
        """Suspend S3's event notifications, so that the campaign can deliver the events itself."""
        configuration = self._s3.get_bucket_notification_configuration(Bucket=self._bucket)
        former = {name: part for name, part in configuration.items() if name != "ResponseMetadata"}
        self._s3.put_bucket_notification_configuration(Bucket=self._bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            time.sleep(0.3)  # the emulator reads the configuration shortly after the upload
            self._s3.put_bucket_notification_configuration(
                Bucket=self._bucket,
                NotificationConfiguration=former,  # type: ignore[arg-type]
            )

    def _deliver(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Deliver events all at once, as S3 does in this ingest mode."""

        def deliver(event: Mapping[str, Any]) -> None:
            body = json.dumps(event)
            if self._queue_url:
                self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)
            else:
                self._lambdas.invoke(FunctionName=self._function, Qualifier=ALIAS, InvocationType="Event", Payload=body)

        with ThreadPoolExecutor(len(events)) as pool:
            list(pool.map(deliver, events))

    def _wait_for_records(self, uploads: Sequence[ConfirmedUpload]) -> None:
        """Wait until half of the uploads have a record, so that the fault took effect, for five seconds at most."""
        deadline = time.monotonic() + 5
        expected = {upload.version_id for upload in uploads}
        while time.monotonic() < deadline:
            time.sleep(0.1)
            found = expected & {record.upload.version_id or "" for record in scan_records(self._table)}
            if len(found) * 2 >= len(expected):
                return

    def _wait_for_dead_letters(self, uploads: Sequence[ConfirmedUpload]) -> None:
        deadline = time.monotonic() + 60
        missing = {upload.version_id for upload in uploads}
        while missing and time.monotonic() < deadline:
            time.sleep(0.5)
            missing -= dead_letter_version_ids(self._stack)


def _event(bucket: str, upload: ConfirmedUpload, order: int) -> dict[str, Any]:
    """Return the notification that S3 sends for an upload."""
    s3_object = {
        "key": quote_plus(upload.key),
        "size": len(upload.content),
        "eTag": upload.etag,
        "versionId": upload.version_id,
        "sequencer": f"{0x68000000000000 + order:016X}",
    }
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": timestamp(datetime.now(UTC)),
        "s3": {"bucket": {"name": bucket}, "object": s3_object},
    }
    return {"Records": [record]}


def run_redrive() -> subprocess.CompletedProcess[str]:
    """Run `triptych redrive`, as an operator does about dead letters."""
    command = [str(Path(sys.executable).with_name("triptych")), "redrive", "--yes"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_campaigns(test_stack: LocalTestStack, rounds: int, per_fault: int, console: Console) -> CampaignLog:
    """Run the campaign in both ingest modes, and wait until every upload is settled."""
    log, numbers = CampaignLog(), itertools.count(1)
    modes: tuple[Ingest, ...] = ("direct", "queue")
    for ingest in modes:
        test_stack.switch_ingest(ingest, console)
        campaign = FaultCampaign(test_stack, ingest, log, numbers, per_fault)
        campaign.run(rounds, lambda line: console.print(line, style="dim"))
        wait_until_settled(test_stack, log.uploads)
    return log


def failed_checks(before: Sequence[UploadResult], after: Sequence[UploadResult]) -> list[UploadResult]:
    """Return the uploads that were lost, recorded twice or wrongly, or that the redrive left incomplete."""
    incomplete = [result for result in after if result.outcome != "complete"]
    return incomplete + [
        result for result in [*before, *after] if result.errors or result.records > 1 or result.outcome == "lost"
    ]


@dataclass(frozen=True)
class EventCheck:
    """The result events, compared with the records.

    Attributes:
        received: Number of events.
        revisions: Number of revisions of all records.
        lost: Ids of revisions without an event.
        unknown: Ids of events without a revision.
    """

    received: int
    revisions: int
    lost: set[str]
    unknown: set[str]

    def __str__(self) -> str:
        """Return one line for the report."""
        return (
            f"Result events: {self.received} received, {self.revisions} revisions of records, {len(self.lost)} lost, "
            f"{len(self.unknown)} unknown."
        )


def check_events(queue: ResultQueue, records: Sequence[Record], received: list[ReceivedEvent]) -> EventCheck:
    """Receive what is left in the queue, for a minute at most, and compare all events with the records."""
    deadline = time.monotonic() + _EVENT_SECONDS
    while missing_events(records, received) and time.monotonic() < deadline:
        time.sleep(0.5)
        received += queue.receive()
    expected = {event_id for record in records for event_id in event_ids(record)}
    ids = {event.detail["id"] for event in received}
    return EventCheck(len(received), len(expected), expected - ids, ids - expected)


def main() -> None:
    """Run the campaign, check, redrive, check again; exit with 1 if a check fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rounds", type=int, default=5, help="injections of each fault in each ingest mode (default 5)"
    )
    parser.add_argument("--per", type=int, default=6, help="documents uploaded for each injection (default 6)")
    arguments = parser.parse_args()
    console = report_console()
    started = time.monotonic()
    with local_test_stack("chaos", retry_seconds=RETRY_SECONDS, console=console, results="events") as test_stack:
        queue = ResultQueue(test_stack.connection)
        log = run_campaigns(test_stack, arguments.rounds, arguments.per, console)
        reference = ReferencePredictions(test_stack)
        before = check_uploads(test_stack, log.uploads, reference)
        console.print(table_of(before, log.injected))
        redrive = run_redrive()
        wait_until_settled(test_stack, log.uploads)
        after = check_uploads(test_stack, log.uploads, reference)
        dead_letters = len(dead_letter_version_ids(test_stack))
        events = check_events(queue, scan_records(test_stack.connection.table), queue.receive())
    console.print(
        f"After `triptych redrive` (exit code {redrive.returncode}): {dead_letters} dead letters.", highlight=False
    )
    console.print(table_of(after, log.injected))
    console.print(str(events), highlight=False)
    console.print(f"{time.monotonic() - started:.0f} s in total", style="dim")
    failed = failed_checks(before, after)
    for result in failed[:20]:
        console.print(f"{result.upload.key}: {result.outcome}, {result.records} records. {result.errors}", style="red")
    if failed or dead_letters or events.lost or events.unknown:
        console.print(redrive.stdout + redrive.stderr, style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
