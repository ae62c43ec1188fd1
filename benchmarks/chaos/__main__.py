"""Inject faults into a local stack, then check every upload: `python -m benchmarks.chaos`.

The campaign starts its own local stack and uploads documents in both ingest modes. It kills, suspends, slows and
restarts model services, makes them return invalid responses, cuts and degrades the network to them, throttles the
table, revokes permissions, writes an invalid policy, kills Lambda workers, delivers events twice and out of order, and
makes the publisher of result events fail. After the faults are removed, each upload must have exactly one record, with
its content and the predictions that the services return when called again. Otherwise its event must be in the
dead-letter queue, which a redrive then empties. Without duplicates, the result events must be the revisions of all
records.
"""

import argparse
import itertools
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.chaos.campaign import CampaignLog
from benchmarks.chaos.faults import FaultCampaign
from records.record import Record
from testkit.consistency import (
    ReferencePredictions,
    UploadResult,
    check_uploads,
    dead_letter_version_ids,
    scan_records,
    table_of,
    wait_until_settled,
)
from testkit.local_stack import LocalTestStack, local_test_stack
from testkit.reports import report_console
from testkit.result_events import ReceivedEvent, ResultQueue, event_ids, missing_events
from triptych.stack import Ingest

_EVENT_SECONDS = 60.0
"""Seconds in which the last events have to arrive."""

RETRY_SECONDS = 4.0
"""Delay before the first retry of a failed event; in AWS it is a minute."""


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
    parser.add_argument("--per", type=int, default=13, help="documents uploaded for each injection (default 13)")
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
