"""Protects: whatever fails, an upload ends in one correct record, and no prediction is requested twice or lost."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.pipeline import Budget, Pipeline
from records.documents import DocumentStore
from records.errors import (
    MAX_CONFLICTS,
    DocumentRejected,
    DocumentUnavailable,
    RecordConflict,
    RecordsUnavailable,
)
from records.outcomes import Outcome, Prediction
from records.policy import Policy
from records.record import INACCESSIBLE_REASONS, PERMANENT_REASONS, Reason, Record, Status
from records.reviews import Queue, Review
from records.uploads import LATE_AFTER, Upload
from tests.support.pipelines import (
    VERSIONS,
    FakeDocuments,
    FakeModels,
    FakeRecords,
    HangingDocuments,
    SlowRecords,
    pipeline,
)
from tests.support.slow_storage import slow_storage
from tests.support.uploads import NOON, FixedPolicy, model_failure, policy, prediction, record, upload

LATER = NOON + 2 * LATE_AFTER
"""A time at which an event from NOON is late."""


def later() -> datetime:
    return LATER


def classify(line: Pipeline, of: Upload | None = None) -> Record:
    """Return the record after one attempt at an upload."""
    return line.classify(of or upload()).record


def test_document_is_read_once_and_every_version_is_called_once() -> None:
    documents, models, records = FakeDocuments(), FakeModels(), FakeRecords()
    stored = pipeline(documents, models, records).classify(upload(), trace_id="Root=1").record
    assert stored.status is Status.COMPLETE
    assert (documents.reads, models.calls, records.saves) == (1, [list(VERSIONS)], 1)
    assert (stored.trace_id, stored.classified_at, stored.revision) == ("Root=1", NOON, 1)


def test_deadline_of_the_versions_leaves_time_for_the_write() -> None:
    models = FakeModels()
    classify(pipeline(models=models))
    assert models.deadlines == [pytest.approx(100.0 + 3.0 - 0.3)]


def test_budget_of_a_patient_attempt_extends_the_deadline_of_the_versions() -> None:
    models = FakeModels()
    pipeline(models=models).classify(upload(), budget_s=27.0)
    assert models.deadlines == [pytest.approx(100.0 + 27.0 - 0.3)]


@pytest.mark.parametrize("slow", [model_failure("timeout"), prediction(timings_ms={"decode": 2_000.0})])
def test_third_attempt_at_a_slow_document_is_patient(slow: Outcome) -> None:
    models = FakeModels(v1=slow, v2=model_failure("timeout"), v3=model_failure("unreachable"))
    line = pipeline(models=models)
    attempts = [line.classify(upload(), patient_s=27.0) for _ in range(3)]
    assert models.deadlines == [pytest.approx(100.0 + budget - 0.3) for budget in (3.0, 3.0, 27.0)]
    assert [attempt.patient for attempt in attempts] == [False, False, True]


@pytest.mark.parametrize("kind", ["unreachable", "overloaded", "failed"])
def test_third_attempt_is_not_patient_if_versions_are_down(kind: str) -> None:
    models = FakeModels(v1=model_failure("timeout"), v2=model_failure(kind), v3=model_failure(kind))
    line = pipeline(models=models)
    for _ in range(3):
        assert classify(line).status is Status.FAILED
    assert models.deadlines == [pytest.approx(102.7)] * 3


def test_budget_of_the_event_takes_precedence_over_the_patient_one() -> None:
    models = FakeModels(v1=model_failure("timeout"), v2=model_failure("timeout"))
    line = pipeline(models=models)
    for _ in range(3):
        line.classify(upload(), budget_s=3.0, patient_s=27.0)
    assert models.deadlines == [pytest.approx(102.7)] * 3


def test_retry_of_a_partial_record_calls_only_the_missing_version() -> None:
    models, records = FakeModels(v2=model_failure("unreachable")), FakeRecords()
    line = pipeline(models=models, records=records)
    first = classify(line)
    assert (first.status, set(first.answered())) == (Status.PARTIAL, {"v1", "v3"})
    models.outcomes["v2"] = prediction("receipt")
    second = classify(line)
    assert (second.status, second.revision) == (Status.COMPLETE, 2)
    assert models.calls == [list(VERSIONS), ["v2"]]
    assert len(records.items) == 1


@pytest.mark.parametrize("status", [Status.COMPLETE, Status.REJECTED])
def test_repeated_event_of_a_final_record_calls_no_version(status: Status) -> None:
    models, records = FakeModels(), FakeRecords()
    stored = record({version: prediction() for version in VERSIONS}, status=status)
    records.save(stored, replacing=None)
    assert classify(pipeline(models=models, records=records)) == stored
    assert models.calls == []


def test_attempt_reports_what_it_called_and_whether_it_wrote() -> None:
    models, records = FakeModels(v3=model_failure()), FakeRecords()
    line = pipeline(models=models, records=records)
    first = line.classify(upload())
    assert (set(first.outcomes), first.written, first.replaced) == (set(VERSIONS), True, None)
    models.outcomes["v3"] = prediction()
    retry = line.classify(upload())
    assert (set(retry.outcomes), retry.written, retry.replaced) == ({"v3"}, True, first.record)
    repeated = line.classify(upload())
    assert (repeated.outcomes, repeated.written, repeated.record) == ({}, False, retry.record)


def test_attempt_that_finds_a_final_record_of_another_writer_wrote_nothing() -> None:
    rival = record({version: prediction() for version in VERSIONS})
    attempt = pipeline(records=FakeRecords(rival=rival)).classify(upload())
    assert (attempt.written, attempt.record, set(attempt.outcomes)) == (False, rival, set(VERSIONS))


def test_rejected_object_is_recorded_without_calling_a_version() -> None:
    models, records = FakeModels(), FakeRecords()
    stored = classify(pipeline(FakeDocuments(DocumentRejected("empty", "no bytes")), models, records))
    assert (stored.status, stored.reason) == (Status.REJECTED, Reason("empty", "no bytes"))
    assert models.calls == []
    assert len(records.items) == 1


def test_unavailable_object_is_failed_and_retried() -> None:
    documents = FakeDocuments(DocumentUnavailable("storage-error", "slow down"))
    line = pipeline(documents)
    assert classify(line).status is Status.FAILED
    documents.content = b"%PDF-"
    assert classify(line).status is Status.COMPLETE


def test_size_missing_from_the_event_is_taken_from_the_object() -> None:
    models = FakeModels()
    stored = classify(pipeline(FakeDocuments(b"%PDF-1.7"), models), upload(size=None))
    assert (stored.status, stored.upload.size) == (Status.COMPLETE, 8)
    assert models.calls == [list(VERSIONS)]


def test_size_missing_from_the_event_stays_unknown_until_the_object_is_read() -> None:
    documents = FakeDocuments(DocumentUnavailable("storage-error", "slow down"))
    line = pipeline(documents)
    failed = classify(line, upload(size=None))
    assert failed.upload.size is None
    assert Record.from_item(failed.to_item()).upload.size is None
    documents.content = b"%PDF-1.7"
    assert classify(line, upload(size=None)).upload.size == 8


def test_predictions_are_kept_when_the_object_was_deleted() -> None:
    documents = FakeDocuments()
    line = pipeline(documents, FakeModels(v3=model_failure()))
    classify(line)
    documents.content = DocumentRejected("deleted", "gone")
    stored = classify(line)
    assert (stored.status, set(stored.answered())) == (Status.PARTIAL, {"v1", "v2"})
    assert stored.reason == Reason("deleted", "gone")


@pytest.mark.parametrize("kind", sorted(PERMANENT_REASONS))
def test_partial_record_is_final_once_its_object_cannot_be_read(kind: str) -> None:
    documents, models, records = FakeDocuments(), FakeModels(v3=model_failure()), FakeRecords()
    line = pipeline(documents, models, records)
    assert not classify(line).final
    documents.content = DocumentRejected(kind, "cannot be read any more")
    stored = classify(line)
    assert stored.final
    assert classify(line) == stored
    assert (len(models.calls), records.saves) == (1, 2)


def test_partial_record_whose_object_is_unavailable_is_retried() -> None:
    documents = FakeDocuments()
    line = pipeline(documents, FakeModels(v3=model_failure()))
    classify(line)
    documents.content = DocumentUnavailable("storage-error", "slow down")
    assert not classify(line).final


def test_read_that_ends_after_the_deadline_is_not_a_failure_of_a_version() -> None:
    times = [100.0]

    class LateDocuments(FakeDocuments):
        def read(self, upload: Upload) -> bytes:
            times.append(102.8)
            return super().read(upload)

    models = FakeModels()
    stored = classify(pipeline(LateDocuments(), models, clock=lambda: times[-1]))
    assert (stored.status, stored.predictions) == (Status.FAILED, {})
    assert stored.reason is not None
    assert stored.reason.kind == "storage-slow"
    assert models.calls == []


SHORT = Budget(0.5, 0.2)


def test_read_that_hangs_ends_at_the_deadline(hanging: HangingDocuments) -> None:
    models, started = FakeModels(), time.monotonic()
    stored = classify(pipeline(hanging, models, budget=SHORT, clock=time.monotonic))
    assert 0.3 <= time.monotonic() - started < 5
    assert (stored.status, stored.reason and stored.reason.kind) == (Status.FAILED, "storage-slow")
    assert models.calls == []


def test_read_that_hangs_keeps_the_predictions_of_an_earlier_attempt(hanging: HangingDocuments) -> None:
    records = FakeRecords()
    records.save(record({"v1": prediction(), "v2": model_failure(), "v3": model_failure()}), replacing=None)
    stored = classify(pipeline(hanging, records=records, budget=SHORT, clock=time.monotonic))
    assert (stored.status, set(stored.answered()), stored.final) == (Status.PARTIAL, {"v1"}, False)


def test_reads_that_hang_use_a_limited_number_of_threads(hanging: HangingDocuments) -> None:
    line = pipeline(hanging, budget=Budget(0.03, 0.01), clock=time.monotonic)
    before = threading.active_count()
    for _ in range(30):
        assert classify(line).status is Status.FAILED
    assert threading.active_count() - before <= 16


def test_reads_of_trickling_bodies_release_their_threads_and_connections() -> None:
    """There are more reads than threads, so that each read must end for a later one to start."""
    with slow_storage() as server:
        documents = DocumentStore(server.client(), max_bytes=200_000, max_seconds=0.2)
        line = pipeline(documents, budget=Budget(0.15, 0.05), clock=time.monotonic)
        for number in range(20):
            stored = classify(line, upload(f"{number}.pdf", size=None))
            assert (stored.status, stored.reason and stored.reason.kind) == (Status.FAILED, "storage-slow")
        deadline = time.monotonic() + 10
        while len(server.disconnects) < len(server.requests) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(server.requests) > 8
        assert sorted(server.disconnects) == sorted(server.requests)


def test_two_writers_of_one_upload_end_in_one_record_with_the_predictions_of_both() -> None:
    rival = record({"v1": prediction(), "v2": model_failure(), "v3": model_failure()})
    records = FakeRecords(rival=rival)
    stored = classify(pipeline(models=FakeModels(v1=model_failure(), v2=prediction("receipt")), records=records))
    assert stored.status is Status.COMPLETE
    assert stored.predictions["v1"] == rival.predictions["v1"]
    assert list(records.items.values()) == [stored]


def test_attempt_that_loses_every_conflict_fails_after_a_limited_number() -> None:
    class ContestedRecords(FakeRecords):
        def save(self, record: Record, *, replacing: Record | None) -> None:
            self.saves += 1
            raise RecordConflict("changed")

    records = ContestedRecords()
    with pytest.raises(RecordsUnavailable, match="in a row"):
        classify(pipeline(records=records))
    assert records.saves == MAX_CONFLICTS


def test_complete_record_of_another_writer_is_kept() -> None:
    rival = record({version: prediction() for version in VERSIONS})
    records = FakeRecords(rival=rival)
    assert classify(pipeline(models=FakeModels(v1=model_failure()), records=records)) == rival
    assert list(records.items.values()) == [rival]


def test_writer_that_found_the_object_deleted_does_not_discard_predictions() -> None:
    """The object was deleted after this attempt had read it, and before the other one did."""
    rejected = record({}, status=Status.REJECTED, reason=Reason("deleted", "gone"))
    records = FakeRecords(rival=rejected)
    stored = classify(pipeline(records=records))
    assert (stored.status, len(stored.answered())) == (Status.COMPLETE, len(VERSIONS))
    assert list(records.items.values()) == [stored]
    partial_but_final = record(
        {"v1": prediction("receipt"), "v2": model_failure(), "v3": model_failure()},
        status=Status.PARTIAL,
        reason=Reason("deleted", "gone"),
    )
    stored = classify(pipeline(records=FakeRecords(rival=partial_but_final)))
    assert (stored.status, stored.predictions["v1"]) == (Status.COMPLETE, partial_but_final.predictions["v1"])


@pytest.fixture
def slow_records(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowRecords]:
    monkeypatch.setattr("orchestrator.pipeline.LOOKUP_TIMEOUT_S", 0.05)
    records = SlowRecords()
    yield records
    records.release.set()


def test_slow_lookup_does_not_prevent_calls_of_the_versions(slow_records: SlowRecords) -> None:
    assert classify(pipeline(records=slow_records), upload("slow")).status is Status.COMPLETE


def test_late_event_with_a_slow_lookup_fails(slow_records: SlowRecords) -> None:
    line = pipeline(records=slow_records, budget=Budget(0.5, 0.3), now=later)
    with pytest.raises(RecordsUnavailable, match="in time"):
        line.classify(upload("slow"))
    assert slow_records.items == {}


def test_lookup_that_hangs_does_not_delay_the_next_document(slow_records: SlowRecords) -> None:
    """The next event is late, so that its lookup is needed. It must not queue behind the one that hangs."""
    moments = [NOON]
    line = pipeline(records=slow_records, now=lambda: moments[-1])
    classify(line, upload("slow"))
    moments.append(LATER)
    assert classify(line, upload("next")).status is Status.COMPLETE


def test_lookup_of_a_late_event_has_until_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    class DelayedRecords(FakeRecords):
        def find_same(self, upload: Upload) -> Record | None:
            time.sleep(0.3)
            return super().find_same(upload)

    monkeypatch.setattr("orchestrator.pipeline.LOOKUP_TIMEOUT_S", 0.05)
    assert classify(pipeline(records=DelayedRecords(), now=later)).status is Status.COMPLETE


def test_slow_lookup_takes_at_most_half_of_the_remaining_time(
    slow_records: SlowRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.pipeline.LOOKUP_TIMEOUT_S", 60.0)
    line = pipeline(records=slow_records, budget=Budget(0.6, 0.2))
    assert classify(line, upload("slow")).status is Status.COMPLETE
    assert not slow_records.finished


@pytest.mark.parametrize("kind", sorted(INACCESSIBLE_REASONS))
def test_object_that_is_readable_again_is_classified_although_its_record_was_final(kind: str) -> None:
    """In a bucket without versions only the ETag identifies an upload, so a late event finds the earlier record."""
    gone = Reason(kind, "cannot be read")
    outcomes: dict[str, Outcome] = {"v1": prediction(), "v2": model_failure(), "v3": model_failure()}
    for stored in (
        record(outcomes, status=Status.PARTIAL, reason=gone),
        record({}, status=Status.REJECTED, reason=gone),
    ):
        before = replace(stored, upload=upload(etag="same", sequencer="00AA"))
        records = FakeRecords()
        records.save(before, replacing=None)
        after = classify(pipeline(records=records, now=later), upload(etag="same"))
        assert (after.status, after.upload) == (Status.COMPLETE, before.upload)
        assert len(records.items) == 1


def test_failing_lookup_does_not_prevent_the_write() -> None:
    records = FakeRecords(find_fails=True)
    assert classify(pipeline(records=records)).status is Status.COMPLETE
    assert len(records.items) == 1


@pytest.mark.parametrize("first", ["event", "backfill"])
@pytest.mark.parametrize("version_id", ["one", "null"])
def test_late_event_and_backfill_of_one_upload_share_a_record(first: str, version_id: str) -> None:
    announced = upload(version_id=version_id, etag="same")
    described = replace(announced, sequencer="00BF", backfilled=True)
    attempts = [announced, described] if first == "event" else [described, announced]
    records, models = FakeRecords(), FakeModels()
    for attempt in attempts:
        classify(pipeline(models=models, records=records, now=later), attempt)
    assert len(records.items) == 1
    assert models.calls == [list(VERSIONS)]


def test_late_event_and_backfill_at_the_same_moment_share_a_record() -> None:
    announced = upload(version_id="one")
    described = FakeDocuments().describe(announced.bucket, announced.key, "one")
    for mine, other in ((announced, described), (described, announced)):
        records = FakeRecords()
        line = pipeline(records=records, now=later)
        records.before_save = partial(line.classify, other)
        classify(line, mine)
        assert len(records.items) == 1


def test_late_event_fails_if_the_history_cannot_be_read() -> None:
    records = FakeRecords(find_fails=True)
    with pytest.raises(RecordsUnavailable):
        pipeline(records=records, now=later).classify(upload())
    assert records.items == {}


def test_late_event_fails_if_its_object_cannot_be_described() -> None:
    class UndescribedDocuments(FakeDocuments):
        def describe(self, bucket: str, key: str, version_id: str | None) -> Upload:
            raise DocumentUnavailable("storage-error", "slow down")

    with pytest.raises(RecordsUnavailable, match="slow down"):
        classify(pipeline(UndescribedDocuments(), now=later))


def test_late_event_of_a_deleted_object_keeps_its_own_key() -> None:
    documents = FakeDocuments(DocumentRejected("deleted", "gone"))
    stored = classify(pipeline(documents, now=later))
    assert (stored.upload, stored.status) == (upload(), Status.REJECTED)


LABEL = Review("invoice", "ann", NOON, Queue.REVIEW)


@pytest.mark.parametrize("first", ["event", "backfill"])
def test_late_event_or_backfill_keeps_the_label_of_the_record_that_it_completes(first: str) -> None:
    """The record is under the other one's key, and was labelled while versions were missing."""
    announced = upload(version_id="one")
    attempts = [announced, FakeDocuments().describe(announced.bucket, announced.key, "one")]
    one, other = attempts if first == "event" else attempts[::-1]
    records = FakeRecords()
    failing = FakeModels(v1=model_failure(), v2=model_failure())
    incomplete = classify(pipeline(models=failing, records=records, now=later), one)
    labelled = incomplete.with_review(LABEL).next_revision(incomplete)
    records.save(labelled, replacing=incomplete)
    stored = classify(pipeline(records=records, now=later), other)
    assert (stored.status, stored.review, stored.revision) == (Status.COMPLETE, LABEL, labelled.revision + 1)
    assert len(records.items) == 1


def test_label_assigned_while_the_versions_are_called_is_kept() -> None:
    records = FakeRecords()
    incomplete = record({"v1": prediction(), "v2": model_failure(), "v3": model_failure()})
    records.save(incomplete, replacing=None)
    records.rival = incomplete.with_review(LABEL).next_revision(incomplete)
    stored = classify(pipeline(records=records))
    assert (stored.status, stored.review) == (Status.COMPLETE, LABEL)


def test_label_is_kept_when_the_object_was_deleted() -> None:
    documents, records = FakeDocuments(), FakeRecords()
    incomplete = classify(pipeline(documents, FakeModels(v3=model_failure()), records))
    records.save(incomplete.with_review(LABEL).next_revision(incomplete), replacing=incomplete)
    documents.content = DocumentRejected("deleted", "gone")
    assert classify(pipeline(documents, records=records)).review == LABEL


def test_verdict_is_made_under_the_policy_in_force_and_names_it() -> None:
    source = FixedPolicy(policy(1, weights={"v2": 1.0}, champion="v2"))
    models = FakeModels(v2=prediction("receipt", 0.7), v3=model_failure())
    line = pipeline(models=models, policy=source)
    first = classify(line)
    assert first.verdict is not None
    assert (first.verdict.label, first.policy) == ("receipt", "p1")
    source.policy = policy(2, weights={"v1": 1.0}, champion="v1")
    models.outcomes["v3"] = prediction()
    second = classify(line)
    assert second.verdict is not None
    assert (second.verdict.label, second.policy) == ("invoice", "p2")
    source.policy = policy(3, weights={"v2": 1.0}, champion="v2")
    assert classify(line).policy == "p2"  # a final record does not change


@pytest.mark.parametrize(("share", "audited"), [(0.0, False), (1.0, True)])
def test_audit_share_applies_to_verdicts_without_review_reasons(share: float, audited: bool) -> None:
    source = FixedPolicy(policy(1, weights={}, champion="", audit_share=share))
    for models, expected in ((FakeModels(), audited), (FakeModels(v2=prediction("receipt")), False)):
        assert classify(pipeline(models=models, policy=source)).audit is expected
    rejected = classify(pipeline(FakeDocuments(DocumentRejected("empty", "no bytes")), policy=source))
    assert (rejected.audit, rejected.policy) == (False, "")


def test_policy_is_not_waited_for_beyond_the_deadline() -> None:
    timeouts: list[float] = []

    class TimedPolicy(FixedPolicy):
        def get(self, timeout: float) -> Policy:
            timeouts.append(timeout)
            return super().get(timeout)

    times = [100.0]

    class SlowModels(FakeModels):
        def predict(self, *args: object, **kwargs: object) -> dict[str, Prediction]:
            times.append(102.7)
            return {version: prediction() for version in VERSIONS}

    classify(pipeline(models=SlowModels(), policy=TimedPolicy(), clock=lambda: times[-1]))
    assert timeouts == [pytest.approx(0.0)]


attempts = st.lists(st.fixed_dictionaries({version: st.booleans() for version in VERSIONS}), min_size=1, max_size=6)


@given(attempts)
def test_first_prediction_of_each_version_is_kept_in_any_sequence_of_attempts(rounds: list[dict[str, bool]]) -> None:
    records, models = FakeRecords(), FakeModels()
    line = pipeline(models=models, records=records)
    for number, works in enumerate(rounds):
        models.outcomes = {
            version: prediction(confidence=0.5 + number / 100) if up else model_failure()
            for version, up in works.items()
        }
        stored = classify(line)
    firsts = {
        version: next((number for number, works in enumerate(rounds) if works[version]), None) for version in VERSIONS
    }
    for version, first in firsts.items():
        outcome = stored.predictions[version]
        if first is None:
            assert not isinstance(outcome, Prediction)
        else:
            assert isinstance(outcome, Prediction)
            assert outcome.confidence == pytest.approx(0.5 + first / 100)
    assert len(records.items) == 1


def test_time_of_the_attempt_is_stored() -> None:
    moment = datetime(2026, 11, 22, 12, 0, 2, tzinfo=UTC)
    stored = classify(pipeline(now=lambda: moment), upload(event_time=moment - timedelta(seconds=2)))
    assert stored.as_dict()["classified_at"] == "2026-11-22T12:00:02.000Z"
