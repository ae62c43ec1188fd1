"""The way of one document: read it, ask the versions, combine, write. Free of AWS and HTTP."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from records.errors import DocumentRejected, DocumentUnavailable, RecordConflict, RecordsUnavailable
from records.outcomes import Outcome, Prediction
from records.policy import Policy
from records.record import Reason, Record, Status
from records.uploads import LATE_AFTER, Upload
from records.verdict import status_of, with_verdict


class DocumentReader(Protocol):
    """Where the bytes come from."""

    def read(self, upload: Upload) -> bytes:
        """See `records.documents.DocumentStore.read`."""

    def describe(self, bucket: str, key: str, version_id: str | None) -> Upload:
        """See `records.documents.DocumentStore.describe`."""


class Predictor(Protocol):
    """Who classifies."""

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions, in order."""

    def predict(
        self, document: bytes, *, versions: Iterable[str], deadline: float, trace_id: str = ""
    ) -> Mapping[str, Outcome]:
        """See `orchestrator.models.ModelClient.predict`."""


class RecordStore(Protocol):
    """Where the records are."""

    def find(self, upload: Upload) -> Record | None:
        """See `records.table.RecordTable.find`."""

    def find_same(self, upload: Upload) -> Record | None:
        """See `records.table.RecordTable.find_same`."""

    def save(self, record: Record, *, replacing: Record | None) -> None:
        """See `records.table.RecordTable.save`."""


class PolicySource(Protocol):
    """Who says how verdicts are made."""

    def begin(self) -> None:
        """See `orchestrator.policy_cache.PolicyCache.begin`."""

    def get(self, patience: float) -> Policy:
        """See `orchestrator.policy_cache.PolicyCache.get`."""


PATIENCE_S = 0.25
"""How long a verdict waits for a policy that is being read: as a rule it came while the versions were asked."""

LOOK_UP_PATIENCE_S = 1.0
"""How long the versions wait for what is known of the upload, once the document was read: as a rule not at all, and
never for more than half of the time that is left."""

_LOOK_UPS = 8
"""At once: one that hangs must not hold up the next document's."""


@dataclass(frozen=True)
class Budget:
    """Seconds: `total` from the start to the written record, of which the models leave `write_reserve`."""

    total: float
    write_reserve: float


class Pipeline:
    """Classifies uploads. Everything outside comes in through the constructor.

    Args:
        documents: reads an upload's bytes.
        models: asks the model versions.
        records: finds and saves records.
        policy: tells how a verdict is made.
        budget: the time of one document.
        clock: seconds that only go forward, the models' own clock.
        now: the time of day, with a zone.
    """

    def __init__(
        self,
        documents: DocumentReader,
        models: Predictor,
        records: RecordStore,
        policy: PolicySource,
        *,
        budget: Budget,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._documents = documents
        self._models = models
        self._records = records
        self._policy = policy
        self._budget = budget
        self._clock = clock
        self._now = now
        self._pool = ThreadPoolExecutor(max_workers=_LOOK_UPS, thread_name_prefix="record")

    def classify(self, upload: Upload, *, trace_id: str = "") -> Record:
        """Bring the upload's record as far as it can be brought now, and return it as it stands in the table.

        A record that is final is returned untouched, unless it is so because its object was gone, and here it is; a
        PARTIAL one gets its missing versions only.

        Raises:
            RecordsUnavailable: nothing could be stored; the event must be delivered again.
        """
        started = self._clock()
        deadline = started + self._budget.total - self._budget.write_reserve
        self._policy.begin()
        looked_up = self._pool.submit(self._look_up, upload)  # while the object is being read
        document = self._read(upload, deadline)
        upload, seen = self._known(looked_up, upload, deadline)
        if seen and seen.final and not (seen.gone and isinstance(document, bytes)):
            return seen
        if isinstance(document, bytes):
            outcomes = self._ask(document, seen, deadline, trace_id)
            status, reason = status_of(outcomes)
        else:
            outcomes = dict(seen.predictions) if seen else {}
            status, reason = _without_document(document, outcomes)
        policy = self._policy.get(min(PATIENCE_S, deadline - self._clock()))
        record = Record(
            upload=upload,
            status=status,
            predictions=outcomes,
            verdict=None,
            reason=reason,
            classified_at=self._now(),
            latency_ms=(self._clock() - started) * 1000,
            trace_id=trace_id,
        )
        return self._save(with_verdict(_with_reviews_of(record, seen), policy), seen, policy)

    def _look_up(self, upload: Upload) -> tuple[Upload, Record | None]:
        """The upload's record, and the upload under the key that its record has or is to have.

        A backfill and the upload's own event know it by different sequencers. They can meet only when the event is
        late (see `LATE`); then both look through the document's history, and both write under the stand-in sequencer,
        so that the condition of the write lets one of them through even if they come at the same moment. An event on
        time costs one read of one item.
        """
        late = self._is_late(upload)
        try:
            seen = self._records.find(upload)
        except RecordsUnavailable:
            if late:
                raise  # no condition of a write could tell of a record under the other key
            return upload, None  # the condition of the write will tell
        if seen is None and late:
            seen = self._records.find_same(upload)
            upload = upload if seen else self._stand_in(upload)
        return (seen.upload if seen else upload), seen

    def _known(
        self, looked_up: "Future[tuple[Upload, Record | None]]", upload: Upload, deadline: float
    ) -> tuple[Upload, Record | None]:
        """What the look-up found, as long as the versions can wait for it. A slow table must not cost their answers.

        Raises:
            RecordsUnavailable: it is needed, and does not come.
        """
        left = max(0.0, deadline - self._clock())
        late = self._is_late(upload)
        try:
            return looked_up.result(left if late else min(LOOK_UP_PATIENCE_S, left / 2))
        except TimeoutError:
            looked_up.cancel()
            if late:
                raise RecordsUnavailable("The table does not tell in time what it holds of the upload.") from None
            return upload, None  # the condition of the write will tell

    def _is_late(self, upload: Upload) -> bool:
        """Whether it may stand under two keys."""
        return upload.backfilled or self._now() - upload.event_time > LATE_AFTER

    def _stand_in(self, upload: Upload) -> Upload:
        """The upload as a backfill describes it; as it is, where the bucket no longer has this very object."""
        try:
            described = self._documents.describe(upload.bucket, upload.key, upload.version_id)
        except (DocumentRejected, DocumentUnavailable):
            return upload
        return described if described.same_object(upload) else upload

    def _read(self, upload: Upload, deadline: float) -> bytes | DocumentRejected | DocumentUnavailable:
        try:
            document = self._documents.read(upload)
        except (DocumentRejected, DocumentUnavailable) as error:
            return error
        if self._clock() >= deadline:
            return DocumentUnavailable("storage-slow", "Reading the object took all its time: no version was asked.")
        return document

    def _ask(self, document: bytes, seen: Record | None, deadline: float, trace_id: str) -> dict[str, Outcome]:
        known = seen.answered() if seen else {}
        missing = [version for version in self._models.versions if version not in known]
        answers = self._models.predict(document, versions=missing, deadline=deadline, trace_id=trace_id)
        return {version: known.get(version) or answers[version] for version in self._models.versions}

    def _save(self, record: Record, seen: Record | None, policy: Policy) -> Record:
        """Write, and on a conflict merge with what the other writer stored, until one of us is done."""
        while True:
            record = record.next_revision(seen)
            try:
                self._records.save(record, replacing=seen)
            except RecordConflict:
                seen = self._records.find(record.upload)
                if seen is None:
                    continue  # the other's record was deleted: write ours as the first
                if seen.status is Status.COMPLETE or (seen.final and not record.answered()):
                    return seen
                record = merge(record, seen, policy)
            else:
                return record


def merge(ours: Record, theirs: Record, policy: Policy) -> Record:
    """One record from two attempts at one upload: whatever either of them could predict, theirs first.

    What people said of it stands in theirs: only who has read a record can have labelled it.
    """
    ours = _with_reviews_of(ours, theirs)
    if ours.status is Status.REJECTED and not theirs.answered():
        return ours
    outcomes = {**theirs.predictions, **ours.predictions, **theirs.answered()}
    status, reason = status_of(outcomes) if outcomes else (ours.status, ours.reason)
    if status is Status.PARTIAL:
        reason = next((known.reason for known in (ours, theirs) if known.gone), reason)
    predictions = dict(sorted(outcomes.items()))
    return with_verdict(replace(ours, status=status, predictions=predictions, reason=reason), policy)


def _with_reviews_of(record: Record, seen: Record | None) -> Record:
    """The record with the labels of the one that it replaces."""
    if seen is None:
        return record
    return replace(record, review=seen.review, earlier_reviews=seen.earlier_reviews)


def _without_document(
    error: DocumentRejected | DocumentUnavailable, outcomes: Mapping[str, Outcome]
) -> tuple[Status, Reason]:
    """The status when the object cannot be read. Predictions of an earlier attempt stay, and stay PARTIAL."""
    if any(isinstance(said, Prediction) for said in outcomes.values()):
        return Status.PARTIAL, error.reason
    return (Status.REJECTED if isinstance(error, DocumentRejected) else Status.FAILED), error.reason
