"""Process one upload: read the object if needed, call the versions, combine, write. Independent of AWS and HTTP."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from orchestrator.classification import VersionCalls
from orchestrator.interfaces import DocumentSource, PolicySource, Predictor, Preparer, RecordRepository
from orchestrator.reading import Reading
from records.assembly import build_record, merge
from records.conversions import ConversionSummary
from records.errors import (
    MAX_CONFLICTS,
    DocumentRejected,
    DocumentUnavailable,
    RecordConflict,
    RecordsUnavailable,
)
from records.outcomes import ModelFailure, Outcome
from records.policy import Policy
from records.record import Record, Status
from records.uploads import LATE_AFTER, Upload
from records.verdict import is_slow

POLICY_TIMEOUT_S = 0.25
"""How long a verdict waits for a policy that is being read. Usually it was read while the versions were called."""

LOOKUP_TIMEOUT_S = 1.0
"""How long the calls of the versions wait for the lookup of the record, after what must be read first; at most half of
the remaining time. Usually the lookup takes about 10 ms, and less than the read."""

PATIENT_AFTER = 2
"""Number of attempts that must have timed out before an attempt gets the patient budget. Lambda makes three."""

_MAX_READS = 8
"""Maximum number of concurrent reads, and of concurrent lookups. More than one, so that a read that hangs does not
delay the next document."""


class Budget(NamedTuple):
    """Time limits of one document.

    Attributes:
        total: Seconds from the start to the written record.
        write_reserve: Seconds of `total` that are left for the write when the versions have been called.
    """

    total: float
    write_reserve: float


@dataclass(frozen=True)
class Attempt:
    """What one attempt at an upload did.

    Attributes:
        record: The record that the table contains after the attempt.
        replaced: The record that the table contained before; None if there was none.
        outcomes: Outcome of each version that this attempt called.
        conversion: How this attempt converted the document, or why it could not; None if it did not have to.
        policy: The policy that made the verdict; None if the record was already final.
        written: Whether the attempt wrote the record. False if the record was already final.
        patient: Whether the attempt had a longer budget than usual.
    """

    record: Record
    replaced: Record | None
    outcomes: Mapping[str, Outcome]
    written: bool
    patient: bool = False
    conversion: ConversionSummary | ModelFailure | None = None
    policy: Policy | None = None


class Pipeline:
    """Processes uploads. All external services are passed to the constructor.

    Args:
        documents: Reads objects.
        preparation: Converts documents that the versions cannot read.
        models: Calls the model versions.
        records: Finds and saves records.
        policy: Provides the policy that makes verdicts.
        budget: Time limits of one document.
        clock: A monotonic clock in seconds, the same as that of `models`.
        now: Current time with a time zone.
    """

    def __init__(
        self,
        documents: DocumentSource,
        preparation: Preparer,
        models: Predictor,
        records: RecordRepository,
        policy: PolicySource,
        *,
        budget: Budget,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._documents = documents
        self._calls = VersionCalls(documents, preparation, models)
        self._records = records
        self._policy = policy
        self._budget = budget
        self._clock = clock
        self._now = now
        self._readers = ThreadPoolExecutor(max_workers=_MAX_READS, thread_name_prefix="document")
        self._lookups = ThreadPoolExecutor(max_workers=_MAX_READS, thread_name_prefix="record")

    def describe(self, bucket: str, key: str, version_id: str | None) -> Upload:
        """Return an object as an upload, for callers that have no event.

        Raises:
            DocumentRejected: The object does not exist.
            DocumentUnavailable: The object cannot be read now.
        """
        return self._documents.describe(bucket, key, version_id)

    def classify(
        self, upload: Upload, *, trace_id: str = "", budget_s: float | None = None, patient_s: float | None = None
    ) -> Attempt:
        """Complete the upload's record as far as possible.

        A final record is not changed, unless it is final because its object could not be read and now it can. For a
        PARTIAL record, only the missing versions are called.

        Args:
            upload: The upload to process.
            trace_id: AWS trace of the invocation.
            budget_s: Seconds to use instead of the total of the budget.
            patient_s: Seconds to use if the document has timed out in `PATIENT_AFTER` attempts and `budget_s` is None.

        Raises:
            RecordsUnavailable: Nothing could be stored, so the event must be delivered again.
        """
        started = self._clock()
        deadline = started + (budget_s or self._budget.total) - self._budget.write_reserve
        self._policy.refresh()
        lookup = self._lookups.submit(self._look_up, upload)  # concurrently with the read
        reading = Reading(upload, self._documents.read, self._readers, deadline, self._clock)
        self._calls.read_ahead(upload, reading)
        upload, stored = self._await_lookup(lookup, upload, deadline)
        if stored and stored.final and not (stored.inaccessible and isinstance(reading.result(), bytes)):
            return Attempt(stored, stored, outcomes={}, written=False)
        patient = budget_s is not None and budget_s > self._budget.total
        if patient_s is not None and budget_s is None and stored and _needs_patience(stored):
            patient, deadline = True, started + patient_s - self._budget.write_reserve
            reading.extend(deadline)
        classified = self._calls.classify(upload, reading, stored, deadline=deadline, trace_id=trace_id)
        prepared = classified.prepared
        if upload.size is None and isinstance(content := reading.result(), bytes):
            upload = replace(upload, size=len(content))
        policy = self._policy.get(min(POLICY_TIMEOUT_S, deadline - self._clock()))
        record = build_record(
            upload,
            classified.outcomes,
            policy,
            replaced=stored,
            classified_at=self._now(),
            latency_ms=(self._clock() - started) * 1000,
            trace_id=trace_id,
            read_error=prepared.rejection,
            conversion=prepared.conversion,
            parent=prepared.parent,
        )
        attempt = self._save(record, stored, classified.called, policy)
        return replace(attempt, patient=patient, conversion=prepared.failure or prepared.conversion, policy=policy)

    def _look_up(self, upload: Upload) -> tuple[Upload, Record | None]:
        """Return the upload under the key of its record, and the record if it exists.

        A backfill and the upload's own event have different sequencers. Both can process the upload only if the event
        is late (see `LATE_AFTER`). In that case both search the document's history and write under the synthetic
        sequencer. Even if they do so at the same moment, the condition of the write lets only one of them succeed. An
        event on time costs one read of one item.
        """
        late = self._is_late(upload)
        try:
            stored = self._records.find(upload)
        except RecordsUnavailable:
            if late:
                raise  # the condition of the write cannot detect a record under the other key
            return upload, None  # the condition of the write detects an existing record
        if stored is None and late:
            stored = self._records.find_same(upload)
            upload = upload if stored else self._with_synthetic_sequencer(upload)
        return (stored.upload if stored else upload), stored

    def _await_lookup(
        self, lookup: "Future[tuple[Upload, Record | None]]", upload: Upload, deadline: float
    ) -> tuple[Upload, Record | None]:
        """Return the result of `_look_up`. If it takes too long, continue without it: the versions need the time.

        Raises:
            RecordsUnavailable: The event is late, and the lookup did not end before the deadline.
        """
        time_left = max(0.0, deadline - self._clock())
        late = self._is_late(upload)
        try:
            return lookup.result(time_left if late else min(LOOKUP_TIMEOUT_S, time_left / 2))
        except TimeoutError:
            lookup.cancel()
            if late:
                raise RecordsUnavailable("the lookup of the record did not end in time") from None
            return upload, None  # the condition of the write detects an existing record

    def _is_late(self, upload: Upload) -> bool:
        """Return whether the upload's record may be under another sequencer."""
        return upload.backfilled or self._now() - upload.event_time > LATE_AFTER

    def _with_synthetic_sequencer(self, upload: Upload) -> Upload:
        """Return the upload as a backfill describes it, or unchanged if the bucket no longer contains this object.

        Raises:
            RecordsUnavailable: The object cannot be described now, so that the key of its record is unknown.
        """
        try:
            described = self._documents.describe(upload.bucket, upload.key, upload.version_id)
        except DocumentRejected:
            return upload
        except DocumentUnavailable as error:
            raise RecordsUnavailable(f"the key of the record is unknown: {error}") from error
        return described if described.same_object(upload) else upload

    def _save(self, record: Record, stored: Record | None, called: Mapping[str, Outcome], policy: Policy) -> Attempt:
        """Write the record. After a conflict, merge it with what the other writer stored and try again.

        Raises:
            RecordsUnavailable: The table cannot be written now, or others won every conflict.
        """
        for _ in range(MAX_CONFLICTS):
            try:
                self._records.save(record, replacing=stored)
            except RecordConflict:
                stored = self._records.find(record.upload)
                if stored is None:  # the other writer's record was deleted
                    record = record.next_revision(None)
                    continue
                if stored.status is Status.COMPLETE or (stored.final and not record.answered()):
                    return Attempt(stored, stored, called, written=False)
                record = merge(record, stored, policy)
            else:
                return Attempt(record, stored, called, written=True)
        raise RecordsUnavailable(f"{record.upload.document} was changed by others {MAX_CONFLICTS} times in a row")


def _needs_patience(stored: Record) -> bool:
    """Return whether the document timed out in the last of several attempts, on most versions."""
    return stored.revision >= PATIENT_AFTER and is_slow(stored.predictions)
