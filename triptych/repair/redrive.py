"""Give the orchestrator what it could not finish: dead letters, and records that are PARTIAL or FAILED.

Doing so twice does no harm: a record that is final stays as it is, and a letter leaves the queue only after its
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
from records.record import Record, Status
from records.uploads import Upload
from triptych.repair.dead_letters import DeadLetter, DeadLetterQueue
from triptych.repair.invocation import Event, InvocationError, Invoke, run_concurrently
from triptych.storage.results import RecordQuery, Results

_FINAL = {Status.COMPLETE, Status.REJECTED}
"""What an orchestrator that is older than this command says of a record that is final."""


class RedriveKind(StrEnum):
    """What is redriven."""

    DEAD_LETTER = "dead letter"
    PARTIAL = "PARTIAL record"
    FAILED = "FAILED record"


@dataclass(frozen=True)
class RedriveTask:
    """One thing to redrive. `why` says why it is unfinished, in words that many jobs may share."""

    kind: RedriveKind
    name: str
    since: datetime
    why: str
    event: Event
    uploads: tuple[Upload, ...]
    letter: DeadLetter | None = None

    @classmethod
    def of_letter(cls, letter: DeadLetter, records: Iterable[Record] = ()) -> "RedriveTask":
        """A dead letter, named by its documents; their records, where they have any, say best why it is there."""
        name = ", ".join(upload.document for upload in letter.uploads) or f"message {letter.id}"
        reasons = [record.reason.detail for record in records if record.reason]
        why = next(iter(reasons), letter.why) or "no reason given"
        return cls(RedriveKind.DEAD_LETTER, name, letter.sent, why, letter.event, letter.uploads, letter)

    @classmethod
    def of_record(cls, record: Record) -> "RedriveTask":
        """A record that is not final."""
        kind = RedriveKind.PARTIAL if record.status is Status.PARTIAL else RedriveKind.FAILED
        why = record.reason.detail if record.reason else "no reason given"
        upload = record.upload
        return cls(kind, upload.document, upload.event_time, why, notification_for(upload), (upload,))


@dataclass(frozen=True)
class RedrivePlan:
    """What a redrive would do: nothing has been changed, but the letters are held."""

    jobs: tuple[RedriveTask, ...]
    unreadable: tuple[DeadLetter, ...]
    """DeadLetterQueue that announce nothing readable: they stay where they are."""
    waiting: int
    """About how many letters the queue held before these were read."""

    @property
    def letters(self) -> int:
        """How many letters are held, readable or not."""
        return sum(job.letter is not None for job in self.jobs) + len(self.unreadable)


@dataclass(frozen=True)
class RedriveOutcome:
    """What became of a job: `left` says why it is still unfinished, and is empty if it is done."""

    job: RedriveTask
    left: str = ""


class Redrive:
    """Repairs one stack.

    Args:
        letters: its failure queue.
        results: its records.
        invoke: gives an event to its orchestrator.
    """

    def __init__(self, letters: DeadLetterQueue, results: Results, invoke: Invoke) -> None:
        self._letters = letters
        self._results = results
        self._invoke = invoke

    def plan(self, *, limit: int, records: bool = True) -> RedrivePlan:
        """Look what there is to do. The letters are hidden from other readers until the queue is let go.

        Args:
            limit: at most so many letters, and so many records of each status.
            records: whether to take records too.
        """
        unfinished: dict[tuple[str, str], Record] = {}
        for status in (Status.PARTIAL, Status.FAILED) if records else ():
            unfinished.update((_item(record.upload), record) for record in self._unfinished(status, limit))
        waiting = self._letters.approximate_count()
        letters = self._letters.receive(limit)
        jobs = []
        for letter in letters:
            if not letter.parse_error:
                items = [_item(upload) for upload in letter.uploads]
                jobs.append(RedriveTask.of_letter(letter, [unfinished[item] for item in items if item in unfinished]))
        announced = {_item(upload) for letter in letters for upload in letter.uploads}
        jobs += [RedriveTask.of_record(record) for item, record in unfinished.items() if item not in announced]
        return RedrivePlan(
            tuple(jobs), tuple(letter for letter in letters if letter.parse_error), max(waiting, len(letters))
        )

    def _unfinished(self, status: Status, limit: int) -> list[Record]:
        """The newest records of a status that a retry may improve: one whose object is gone stays PARTIAL for ever."""
        asked = limit
        while True:
            found = self._results.newest(RecordQuery.where(status=status), limit=asked)
            unfinished = [record for record in found if not record.final]
            if len(unfinished) >= limit or len(found) < asked:
                return unfinished[:limit]
            asked *= 2

    def run(self, plan: RedrivePlan, *, at_once: int, done: Callable[[RedriveOutcome], None]) -> None:
        """Do what was planned, and tell `done` of each outcome from the thread that met it.

        Ctrl-C waits for what has begun, and begins nothing more.
        """
        run_concurrently(lambda job: done(RedriveOutcome(job, self._attempt(job))), plan.jobs, at_once=at_once)

    def _attempt(self, job: RedriveTask) -> str:
        """Redrive one job; why it is still unfinished, or nothing."""
        try:
            if job.letter and not self._letters.extend(job.letter):
                return "its time in our hands was up, and it may be in another reader's"
            answer = self._invoke(job.event)
            left = _unfinished(answer, job.uploads)
            if job.letter and not left:
                self._letters.delete(job.letter)
        except InvocationError as error:
            return ": ".join(filter(None, (str(error), self._reason(job))))
        except (BotoCoreError, ClientError) as error:
            return f"the queue cannot be changed: {error}"
        return left

    def _reason(self, job: RedriveTask) -> str:
        """What the records say of why they are unfinished: the orchestrator's error only says that they are."""
        try:
            histories = {upload.document: self._results.history(upload.document) for upload in job.uploads}
        except (BotoCoreError, ClientError):
            return ""
        records = [record for history in histories.values() for record in history if not record.final]
        ours = [record for record in records if any(record.upload.same_object(upload) for upload in job.uploads)]
        return "; ".join(record.reason.detail for record in ours if record.reason)


def notification_for(upload: Upload) -> dict[str, Any]:
    """The notification that S3 would have sent of an upload whose record we have.

    The sequencer stands in the record padded, and padding it again changes nothing: the orchestrator meets the same
    item.
    """
    thing: dict[str, Any] = {
        "key": quote_plus(upload.key),
        "size": upload.size,
        "eTag": upload.etag,
        "sequencer": upload.sort_key,
    }
    if upload.version_id:
        thing["versionId"] = upload.version_id
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": timestamp(upload.event_time),
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": upload.bucket}, "object": thing},
    }
    return {"Records": [record]}


def group_tasks(jobs: Iterable[RedriveTask]) -> list[tuple[RedriveKind, str, Sequence[RedriveTask]]]:
    """Jobs of the same kind for the same reason, the most first within each kind."""
    found: dict[tuple[RedriveKind, str], list[RedriveTask]] = {}
    for job in jobs:
        found.setdefault((job.kind, job.why), []).append(job)
    order = list(RedriveKind)
    ranked = sorted(found.items(), key=lambda entry: (order.index(entry[0][0]), -len(entry[1])))
    return [(kind, why, members) for (kind, why), members in ranked]


def _item(upload: Upload) -> tuple[str, str]:
    return upload.document, upload.sort_key


def _unfinished(answer: Mapping[str, Any], uploads: Sequence[Upload]) -> str:
    """What an answer lacks to say that every upload has a final record."""
    told = answer.get("records")
    records = told if isinstance(told, list) else []
    final = {record["document"] for record in records if record.get("final", record["status"] in _FINAL)}
    left = [upload.document for upload in uploads if upload.document not in final]
    return f"the orchestrator told of no final record of {', '.join(left)}" if left else ""
