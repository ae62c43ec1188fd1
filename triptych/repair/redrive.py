"""Send unfinished work to the orchestrator again: dead letters, and records that are PARTIAL or FAILED.

Repeating a redrive is harmless: a final record stays unchanged, and a dead letter is deleted only after all of its
uploads have final records.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote_plus

from botocore.exceptions import BotoCoreError, ClientError

from records.keys import timestamp
from records.notifications import BUDGET_FIELD
from records.record import Record, Status
from records.uploads import Upload
from records.verdict import is_slow
from triptych.repair.dead_letters import DeadLetter, DeadLetterQueue
from triptych.repair.invocation import Event, InvocationError, Invoke, run_concurrently
from triptych.repair.remedies import RUN_AGAIN, remedy_for_error, remedy_for_records
from triptych.storage.results import RecordQuery, Results

USUAL_BUDGET_S = 3.0
"""Seconds for each document in the first attempt, as for a new document. Several documents are processed at a time."""

PATIENT_BUDGET_S = 27.0
"""Seconds for a document that timed out. Less than the load balancer and the services wait (30 s), and more than a
service decodes (20 s), so that it returns either a prediction or `decoder-timeout`."""

_FINAL = {Status.COMPLETE, Status.REJECTED}
"""Statuses that count as final in the response of an orchestrator that does not send `final` yet."""


class RedriveKind(StrEnum):
    """The origin of a task."""

    DEAD_LETTER = "dead letter"
    PARTIAL = "PARTIAL record"
    FAILED = "FAILED record"


@dataclass(frozen=True)
class RedriveTask:
    """One invocation of the orchestrator.

    Attributes:
        kind: Origin of the task.
        name: Its documents, or the id of its message.
        since: When the work was left unfinished.
        reason: Why it is unfinished. Tasks are grouped by it.
        event: The event to send.
        uploads: The uploads that need final records.
        dead_letter: The message to delete afterwards, if any.
    """

    kind: RedriveKind
    name: str
    since: datetime
    reason: str
    event: Event
    uploads: tuple[Upload, ...]
    dead_letter: DeadLetter | None = None

    @classmethod
    def from_dead_letter(cls, dead_letter: DeadLetter, records: Iterable[Record] = ()) -> "RedriveTask":
        """Create the task for a dead letter.

        Args:
            dead_letter: The message.
            records: Unfinished records of its uploads. Their reasons are more precise than the message's error.
        """
        name = ", ".join(upload.document for upload in dead_letter.uploads) or f"message {dead_letter.id}"
        reasons = [record.reason.detail for record in records if record.reason]
        reason = next(iter(reasons), dead_letter.error_name) or "no reason given"
        event, uploads = dead_letter.event, dead_letter.uploads
        return cls(RedriveKind.DEAD_LETTER, name, dead_letter.sent, reason, event, uploads, dead_letter)

    @classmethod
    def from_record(cls, record: Record) -> "RedriveTask":
        """Create the task for a record that is not final."""
        kind = RedriveKind.PARTIAL if record.status is Status.PARTIAL else RedriveKind.FAILED
        reason = record.reason.detail if record.reason else "no reason given"
        upload = record.upload
        return cls(kind, upload.document, upload.event_time, reason, notification_for(upload), (upload,))


@dataclass(frozen=True)
class RedrivePlan:
    """The work of a redrive.

    Attributes:
        tasks: The invocations.
        unreadable: Messages that cannot be parsed; they stay in the queue.
        waiting: Approximate number of messages in the queue before these were received.
    """

    tasks: tuple[RedriveTask, ...]
    unreadable: tuple[DeadLetter, ...]
    waiting: int

    @property
    def received(self) -> int:
        """Number of messages received, including unreadable ones."""
        return sum(task.dead_letter is not None for task in self.tasks) + len(self.unreadable)


@dataclass(frozen=True)
class RedriveOutcome:
    """The outcome of a task.

    Attributes:
        task: The task.
        failure: Why it is still unfinished; empty if it is done.
        remedy: What the user can do about the failure.
    """

    task: RedriveTask
    failure: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class _Attempt:
    """One invocation for a task.

    Attributes:
        outcome: Its outcome.
        slow: Whether a document is unfinished and most versions indicate that it is slow to decode.
        timed_out: Whether a version did not respond within the budget.
    """

    outcome: RedriveOutcome
    slow: bool = False
    timed_out: bool = False


class Redrive:
    """Finishes the unfinished work of one stack.

    Args:
        queue: The dead-letter queue.
        results: The table of records.
        invoke: Invokes the orchestrator.
    """

    def __init__(self, queue: DeadLetterQueue, results: Results, invoke: Invoke) -> None:
        self._queue = queue
        self._results = results
        self._invoke = invoke

    def plan(self, *, limit: int, records: bool = True) -> RedrivePlan:
        """Collect unfinished work. Received messages are hidden from other consumers until the queue is closed.

        Args:
            limit: Maximum number of messages, and of records of each status.
            records: Whether to include records that are PARTIAL or FAILED.
        """
        unfinished: dict[tuple[str, str], Record] = {}
        for status in (Status.PARTIAL, Status.FAILED) if records else ():
            unfinished.update((_item_key(record.upload), record) for record in self._unfinished(status, limit))
        waiting = self._queue.approximate_count()
        received = self._queue.receive(limit)
        tasks = []
        for dead_letter in received:
            if not dead_letter.parse_error:
                keys = [_item_key(upload) for upload in dead_letter.uploads]
                tasks.append(
                    RedriveTask.from_dead_letter(dead_letter, [unfinished[k] for k in keys if k in unfinished])
                )
        announced = {_item_key(upload) for dead_letter in received for upload in dead_letter.uploads}
        tasks += [RedriveTask.from_record(record) for key, record in unfinished.items() if key not in announced]
        unreadable = tuple(dead_letter for dead_letter in received if dead_letter.parse_error)
        return RedrivePlan(tuple(tasks), unreadable, max(waiting, len(received)))

    def _unfinished(self, status: Status, limit: int) -> list[Record]:
        """Return the newest records of a status that a retry may improve.

        A PARTIAL record whose object was deleted is final, and stays in the index for that status.
        """
        fetched = limit
        while True:
            found = self._results.newest(RecordQuery.where(status=status), limit=fetched)
            unfinished = [record for record in found if not record.final]
            if len(unfinished) >= limit or len(found) < fetched:
                return unfinished[:limit]
            fetched *= 2

    def run(self, plan: RedrivePlan, *, max_concurrent: int, on_done: Callable[[RedriveOutcome], None]) -> None:
        """Run the tasks, and call `on_done` with each outcome in the thread that ran the task.

        Documents that time out get a patient attempt after all others: one at a time, with `PATIENT_BUDGET_S`. It ends
        them, because services respond with a prediction or with `decoder-timeout` by then.

        On Ctrl-C, finish running tasks, start no others and raise KeyboardInterrupt.
        """
        slow: list[RedriveOutcome] = []

        def attempt(task: RedriveTask) -> None:
            first = self._attempt(task, USUAL_BUDGET_S)
            if first.slow:
                slow.append(first.outcome)
            else:
                on_done(first.outcome)

        try:
            run_concurrently(attempt, plan.tasks, max_concurrent=max_concurrent)
            while slow:
                last = self._attempt(slow[0].task, PATIENT_BUDGET_S)
                del slow[0]
                on_done(last.outcome)
                if last.timed_out:
                    break  # a service did not respond even now, so that it is slow and not the documents
        finally:
            for outcome in slow:
                on_done(outcome)

    def _attempt(self, task: RedriveTask, budget_s: float) -> _Attempt:
        """Run one task, with a budget for each of its documents."""
        event = {**task.event, BUDGET_FIELD: budget_s}
        try:
            if task.dead_letter and not self._queue.extend(task.dead_letter):
                failure = "visibility timeout expired; another consumer may hold the message"
                return _Attempt(RedriveOutcome(task, failure, RUN_AGAIN))
            failure = _unfinished_uploads(self._invoke(event), task.uploads)
            if task.dead_letter and not failure:
                self._queue.delete(task.dead_letter)
        except InvocationError as error:
            return self._failed_attempt(task, error)
        except (BotoCoreError, ClientError) as error:
            return _Attempt(RedriveOutcome(task, f"cannot change the dead-letter queue: {error}", RUN_AGAIN))
        return _Attempt(RedriveOutcome(task, failure, RUN_AGAIN if failure else ""))

    def _failed_attempt(self, task: RedriveTask, error: InvocationError) -> _Attempt:
        """Describe a failed invocation by the task's records, which say more than the orchestrator's error."""
        records = self._unfinished_records(task)
        reasons = "; ".join(record.reason.detail for record in records if record.reason)
        failure = ": ".join(filter(None, (str(error), reasons)))
        remedy = remedy_for_records(records) or remedy_for_error(error)
        return _Attempt(
            RedriveOutcome(task, failure, remedy),
            slow=any(is_slow(record.predictions) for record in records),
            timed_out=any(outcome.kind == "timeout" for record in records for outcome in record.failures().values()),
        )

    def _unfinished_records(self, task: RedriveTask) -> list[Record]:
        """Return the records of a task's uploads that are not final."""
        try:
            histories = {upload.document: self._results.history(upload.document) for upload in task.uploads}
        except (BotoCoreError, ClientError):
            return []
        records = [record for history in histories.values() for record in history if not record.final]
        return [record for record in records if any(record.upload.same_object(upload) for upload in task.uploads)]


def notification_for(upload: Upload) -> dict[str, Any]:
    """Return the notification that S3 sent for a recorded upload.

    Its sequencer is the padded one of the record, so the orchestrator finds the same item.
    """
    described: dict[str, Any] = {
        "key": quote_plus(upload.key),
        "size": upload.size,
        "eTag": upload.etag,
        "sequencer": upload.sort_key,
        "versionId": upload.version_id,
    }
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": timestamp(upload.event_time),
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": upload.bucket},
            "object": {name: value for name, value in described.items() if value is not None},
        },
    }
    return {"Records": [record]}


def group_tasks(tasks: Iterable[RedriveTask]) -> list[tuple[RedriveKind, str, Sequence[RedriveTask]]]:
    """Group tasks by kind and reason. Within each kind, the largest group comes first."""
    groups: dict[tuple[RedriveKind, str], list[RedriveTask]] = {}
    for task in tasks:
        groups.setdefault((task.kind, task.reason), []).append(task)
    kinds = list(RedriveKind)
    ordered = sorted(groups.items(), key=lambda entry: (kinds.index(entry[0][0]), -len(entry[1])))
    return [(kind, reason, members) for (kind, reason), members in ordered]


def _item_key(upload: Upload) -> tuple[str, str]:
    return upload.document, upload.sort_key


def _unfinished_uploads(response: Mapping[str, Any], uploads: Sequence[Upload]) -> str:
    """Return which uploads lack a final record according to the orchestrator's response, or an empty string."""
    listed = response.get("records")
    records = listed if isinstance(listed, list) else []
    final = {record["document"] for record in records if record.get("final", record["status"] in _FINAL)}
    missing = [upload.document for upload in uploads if upload.document not in final]
    return f"no final record returned for {', '.join(missing)}" if missing else ""
