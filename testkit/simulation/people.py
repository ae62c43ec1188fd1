"""Actions of people: the real commands for labels, promotions and repair, with clients of the simulated services."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from records.reviews import Draw, Queue
from records.table import PolicyTable, RecordTable
from testkit.simulation.aws import Client, World
from testkit.simulation.bucket import BucketClient, SimulatedBucket
from testkit.simulation.queue import QueueClient, SimulatedQueue
from testkit.simulation.scenario import Label, Promote, Undo
from testkit.simulation.scheduler import Process
from testkit.simulation.table import Key, SimulatedTable, TableClient
from triptych.commands.backfill import MIN_AGE
from triptych.repair.backfill import Backfill, RateLimiter, list_objects, select_keys
from triptych.repair.dead_letters import DeadLetterQueue
from triptych.repair.progress import BackfillProgress
from triptych.repair.redrive import Redrive
from triptych.review.promotion import PolicyChange, Promotions
from triptych.review.reviews import Reviews
from triptych.storage.results import Results

BUCKET = "inbox"
"""Name of the inbox."""

_ATTEMPTS, _TIMEOUT_S = 4, 30.0
"""Of the clients that commands use; see `triptych.storage.connection`."""


class People:
    """Commands, each of which runs in the process of its user.

    Args:
        world: The world.
        table: The table.
        bucket: The inbox.
        dead_letters: The queue of events that failed every attempt.
        invoke: Invokes the orchestrator.
    """

    def __init__(
        self,
        world: World,
        table: SimulatedTable,
        bucket: SimulatedBucket,
        dead_letters: SimulatedQueue,
        invoke: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    ) -> None:
        self._pause, self._invoke = world.scheduler.pause, invoke
        self._table = cast(Any, TableClient(table, Client(world, "table", _ATTEMPTS, _TIMEOUT_S)))
        self._s3 = cast(Any, BucketClient(bucket, Client(world, "bucket", _ATTEMPTS, _TIMEOUT_S)))
        self._sqs = cast(Any, QueueClient(dead_letters, Client(world, "queue", _ATTEMPTS, _TIMEOUT_S)))
        self.results = Results(self._table)

    def label(self, process: Process, key: Key, action: Label) -> None:
        """Assign a label."""
        self._reviews(process).label(*key, action.label, action.by, draw=Draw(Queue.REVIEW, 0.5))

    def undo(self, process: Process, key: Key, action: Undo) -> None:
        """Remove a label."""
        self._reviews(process).undo(*key, action.by)

    def promote(self, process: Process, action: Promote) -> None:
        """Write the next policy."""
        change = PolicyChange(weights=dict(action.weights) if action.weights else None, audit_share=action.audit_share)
        promotions = Promotions(PolicyTable(self._table), self.results, now=process.now)
        promotions.promote(change, by=action.by, why="better")

    def redrive(self) -> None:
        """Process dead letters and incomplete records again."""
        with DeadLetterQueue(self._sqs, "dead-letters") as queue:
            redrive = Redrive(queue, self.results, self._invoke)
            redrive.run(redrive.plan(limit=50), max_concurrent=2, on_done=lambda _: None)

    def backfill(self, process: Process) -> None:
        """Classify all objects without a final record."""
        rate = RateLimiter(100, clock=process.monotonic, sleep=self._pause)
        listing = select_keys(list_objects(self._s3, BUCKET, ""), before=process.now() - MIN_AGE, limit=50)
        backfill = Backfill(self._s3, BUCKET, self.results, self._invoke, rate, sleep=self._pause)
        progress = _UnsavedProgress(Path("progress"), BUCKET, "")
        backfill.run(listing, progress, max_concurrent=2, on_done=lambda: None)

    def _reviews(self, process: Process) -> Reviews:
        return Reviews(self._table, store=RecordTable(self._table), now=process.now)


class _UnsavedProgress(BackfillProgress):
    """Progress that is not written to a file."""

    def save(self) -> None:
        """Do nothing."""
