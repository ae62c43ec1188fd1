"""Inject faults into a local stack, then check every upload: `python -m benchmarks.chaos`.

The campaign starts its own local stack and uploads documents in both ingest modes. It kills, suspends, slows and
restarts model services, makes them return invalid responses, cuts and degrades the network to them, takes their disk
space and memory, deploys damaged and other weights, throttles the table, revokes permissions, writes an invalid
policy, kills Lambda workers, steps their clock, delivers events twice and out of order, and makes the publisher of
result events fail. After the faults are removed, each upload must have exactly one record, with its content and the
predictions that the services return when called again. Otherwise its event must be in the dead-letter queue, which a
redrive then empties. Without duplicates, the result events must be the revisions of all records. In the end, the
emulator is killed while it works, and every upload is checked again.
"""

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks.chaos import emulator
from benchmarks.chaos.campaign import CampaignLog
from benchmarks.chaos.emulator import EmulatorCampaign
from benchmarks.chaos.faults import FAULTS, OUTAGES, ROLLED_OUT, FaultCampaign, name_of
from records.outcomes import Prediction
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
from testkit.fault_proxy import HOST
from testkit.local_stack import LocalTestStack, local_test_stack
from testkit.reports import report_console
from testkit.result_events import ReceivedEvent, ResultQueue, event_ids, missing_events
from triptych.stack import Ingest

_FAULT_NAMES = [*map(name_of, (*FAULTS, *OUTAGES)), emulator.NAME]

_MAX_REDRIVES = 3

_EVENT_SECONDS = 60.0
"""Seconds in which the last events have to arrive."""

RETRY_SECONDS = 4.0
"""Delay before the first retry of a failed event; in AWS it is a minute."""


@dataclass(frozen=True)
class Choices:
    """The options of a run.

    Attributes:
        rounds: Injections of each fault in each ingest mode.
        per_fault: Documents uploaded for each injection.
        only: Names of the faults; empty for all.
    """

    rounds: int
    per_fault: int
    only: tuple[str, ...]

    def includes(self, name: str) -> bool:
        """Return whether a fault is injected."""
        return not self.only or name in self.only


def parse_choices() -> Choices:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rounds", type=int, default=5, help="injections of each fault in each ingest mode (default 5)"
    )
    parser.add_argument("--per", type=int, default=9, help="documents uploaded for each injection (default 9)")
    parser.add_argument(
        "--only", nargs="+", default=(), choices=_FAULT_NAMES, metavar="FAULT", help=f"of {', '.join(_FAULT_NAMES)}"
    )
    arguments = parser.parse_args()
    return Choices(arguments.rounds, arguments.per, tuple(arguments.only))


def run_redrive() -> tuple[subprocess.CompletedProcess[str], int]:
    """Run `triptych redrive` until it finishes everything, as an operator does, but three times at most.

    Returns:
        The last run, and the number of runs. On a machine that other work slows down, documents may time out again.
    """
    command = [str(Path(sys.executable).with_name("triptych")), "redrive", "--yes"]
    runs = 0
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        runs += 1
        if done.returncode == 0 or runs == _MAX_REDRIVES:
            return done, runs


def run_campaigns(test_stack: LocalTestStack, choices: Choices, log: CampaignLog, console: Console) -> None:
    """Run the campaign in both ingest modes, and wait until every upload is settled."""
    modes: tuple[Ingest, ...] = ("direct", "queue")
    for ingest in modes:
        test_stack.switch_ingest(ingest, console)
        campaign = FaultCampaign(test_stack, ingest, log, choices.per_fault)
        campaign.run(choices.rounds, choices.includes, lambda line: console.print(line, style="dim", highlight=False))
        wait_until_settled(test_stack, log.uploads)


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


def weights_line(records: Iterable[Record]) -> str:
    """Return how many predictions of the version that was rolled out name which weights."""
    predictions = [record.predictions.get(ROLLED_OUT) for record in records]
    counts = Counter(found.model_sha256[:8] for found in predictions if isinstance(found, Prediction))
    return f"Weights of {ROLLED_OUT}: " + ", ".join(f"{name} in {count} records" for name, count in counts.items())


@dataclass
class Verification:
    """The checks after the campaigns.

    Args:
        test_stack: The stack.
        log: Uploads and faults.
        reference: The right predictions.
        console: Shows the tables.
    """

    test_stack: LocalTestStack
    log: CampaignLog
    reference: ReferencePredictions
    console: Console
    failed: list[UploadResult] = field(default_factory=list)
    dead_letters: int = 0

    def check_and_redrive(self) -> None:
        """Check every upload, run `triptych redrive`, and check every upload again."""
        before = self._check()
        redrive, runs = run_redrive()
        wait_until_settled(self.test_stack, self.log.uploads)
        after = self._check()
        self.dead_letters = len(dead_letter_version_ids(self.test_stack))
        self.console.print(table_of(before, self.log.injected))
        self.console.print(
            f"After {runs} times `triptych redrive`, exit code {redrive.returncode}: {self.dead_letters} dead letters.",
            highlight=False,
        )
        self.console.print(table_of(after, self.log.injected))
        self.failed = failed_checks(before, after)
        for result in self.failed[:20]:
            line = f"{result.upload.key}: {result.outcome}, {result.records} records. {result.errors}"
            self.console.print(line, style="red")
        if self.failed or self.dead_letters:
            self.console.print(redrive.stdout + redrive.stderr, style="red", markup=False)

    def _check(self) -> list[UploadResult]:
        return check_uploads(self.test_stack, self.log.uploads, self.reference)

    @property
    def passed(self) -> bool:
        """Whether every upload has exactly one complete and correct record."""
        return not self.failed and not self.dead_letters


def main() -> None:
    """Run the campaigns, check, redrive, check again; exit with 1 if a check fails."""
    choices = parse_choices()
    console = report_console()
    started = time.monotonic()
    with local_test_stack(
        "chaos", retry_seconds=RETRY_SECONDS, console=console, results="events", faked_clock=True
    ) as test_stack:
        passed = run(test_stack, choices, console)
    console.print(f"{time.monotonic() - started:.0f} s in total", style="dim")
    sys.exit(0 if passed else 1)


def run(test_stack: LocalTestStack, choices: Choices, console: Console) -> bool:
    """Inject the faults, and return whether all checks passed."""
    queue, log = ResultQueue(test_stack.connection), CampaignLog()
    if test_stack.clock is None:
        console.print("The clock cannot be stepped on this machine: the fault step-clock is left out.", style="yellow")
    run_campaigns(test_stack, choices, log, console)
    with test_stack.task_with_other_weights(ROLLED_OUT) as task:
        others = {ROLLED_OUT: f"http://{HOST}:{task.port}/{ROLLED_OUT}"}
        verification = Verification(test_stack, log, ReferencePredictions(test_stack, others), console)
        verification.check_and_redrive()
        passed = verification.passed
        events = check_events(queue, scan_records(test_stack.connection.table), queue.receive())
        console.print(str(events), highlight=False)
        console.print(weights_line(scan_records(test_stack.connection.table)), highlight=False)
        if choices.includes(emulator.NAME):
            EmulatorCampaign(test_stack, "queue", log, choices.per_fault).run(2 * choices.rounds)
            time.sleep(3 * RETRY_SECONDS)  # all retries
            run_redrive()  # records whose retries the emulator forgot
            wait_until_settled(test_stack, log.uploads)
            verification.check_and_redrive()
            passed = passed and verification.passed
    return passed and not events.lost and not events.unknown


if __name__ == "__main__":
    main()
