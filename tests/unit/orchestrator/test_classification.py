"""Protects: a document that the versions read themselves is not read before, and its record is as if it had been."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.converter import Converted
from orchestrator.pipeline import Budget
from orchestrator.preparation import Preparation
from orchestrator.request_body import Content
from records.conversions import Parent
from records.derived import member_key
from records.errors import DocumentRejected, DocumentUnavailable
from records.outcomes import ModelFailure, Outcome
from records.record import Reason, Record, Status
from records.uploads import LATE_AFTER, Upload
from tests.support.pipelines import (
    MAX_BYTES,
    VERSIONS,
    FakeDerived,
    FakeDocuments,
    FakeModels,
    FakeRecords,
    HangingDocuments,
    pipeline,
)
from tests.support.uploads import NOON, model_failure, prediction, record, upload

ONE = upload(version_id="one")
DELETED = DocumentRejected("deleted", "gone")
GONE = model_failure("rejected", "deleted or replaced", 422, "object-gone")
DENIED = model_failure("failed", "may not read it", 403, "object-denied")
CORRUPT = model_failure("rejected", "damaged", 422, "corrupt-document")
MAIL = b"From: ann@example.com\r\nSubject: Order\r\nMIME-Version: 1.0\r\n\r\nThree boxes.\r\n"
PAGES = b"%PDF-1.7 converted"


class ReadingModels(FakeModels):
    """Versions that read documents themselves."""

    by_address = True


def by_content_record(
    of: Upload = ONE, content: bytes | Exception = b"%PDF-", outcomes: Mapping[str, Outcome] | None = None
) -> Record:
    """Return the record of a document that is read first."""
    return pipeline(FakeDocuments(content), FakeModels(**outcomes or {})).classify(of).record


def test_first_attempt_does_not_read_what_the_versions_read() -> None:
    documents, models = FakeDocuments(), ReadingModels()
    stored = pipeline(documents, models).classify(ONE).record
    assert (documents.reads, models.calls, models.addresses) == (0, [list(VERSIONS)], [ONE.address])
    assert len(models.documents[0]) == ONE.size
    assert stored == by_content_record()


def test_etag_identifies_the_content_as_well() -> None:
    documents = FakeDocuments()
    pipeline(documents, ReadingModels()).classify(upload(etag="abc"))
    assert documents.reads == 0


@pytest.mark.parametrize("of", [upload(), upload(version_id="one", size=None)], ids=["no version", "no size"])
def test_upload_that_the_event_does_not_describe_is_read_first(of: Upload) -> None:
    documents, models = FakeDocuments(), ReadingModels()
    stored = pipeline(documents, models).classify(of).record
    assert (documents.reads, models.documents) == (1, [b"%PDF-"])
    assert stored == by_content_record(of)
    assert stored.upload.size == 5


def test_late_upload_without_a_size_is_read_first() -> None:
    """Its description has a size, but the content that is sent is that of the event."""
    documents, of = FakeDocuments(), replace(ONE, size=None)
    stored = pipeline(documents, ReadingModels(), now=lambda: NOON + 2 * LATE_AFTER).classify(of).record
    assert (stored.status, documents.reads) == (Status.COMPLETE, 1)


@pytest.mark.parametrize(("size", "kind"), [(0, "empty"), (MAX_BYTES + 1, "too-large")])
def test_size_that_is_rejected_calls_no_version(size: int, kind: str) -> None:
    models, of = ReadingModels(), replace(ONE, size=size)
    stored = pipeline(FakeDocuments(DocumentRejected(kind, "no")), models).classify(of).record
    assert (stored.status, stored.reason, models.calls) == (Status.REJECTED, Reason(kind, "no"), [])


def test_record_is_looked_up_before_the_versions_are_called() -> None:
    """Otherwise each repeated event would call them."""
    events: list[str] = []

    class NotedRecords(FakeRecords):
        def find(self, upload: Upload) -> Record | None:
            time.sleep(0.05)
            events.append("find")
            return super().find(upload)

    class NotedModels(ReadingModels):
        def predict(self, *args: Any, **kwargs: Any) -> Mapping[str, Outcome]:
            events.append("predict")
            return super().predict(*args, **kwargs)

    documents = FakeDocuments()
    line = pipeline(documents, NotedModels(), NotedRecords())
    first, repeated = line.classify(ONE), line.classify(ONE)
    assert events == ["find", "predict", "find"]
    assert (repeated.written, repeated.record, documents.reads) == (False, first.record, 0)


def test_retry_reads_first_and_calls_only_the_missing_version() -> None:
    documents, models = FakeDocuments(), ReadingModels(v2=model_failure("unreachable"))
    line = pipeline(documents, models)
    assert line.classify(ONE).record.status is Status.PARTIAL
    assert documents.reads == 0
    models.outcomes["v2"] = prediction("receipt")
    assert line.classify(ONE).record.status is Status.COMPLETE
    assert (documents.reads, models.calls[1:], models.documents[1:]) == (1, [["v2"]], [b"%PDF-"])


def test_object_that_became_readable_again_is_classified() -> None:
    records, models = FakeRecords(), ReadingModels()
    archived = record({}, ONE, status=Status.REJECTED, reason=Reason("archived", "restore it"))
    records.save(archived, replacing=None)
    line = pipeline(FakeDocuments(DocumentRejected("archived", "restore it")), models, records)
    assert line.classify(ONE).written is False
    assert pipeline(FakeDocuments(), models, records).classify(ONE).record.status is Status.COMPLETE


def test_late_event_shares_the_record_of_a_backfill_without_a_read() -> None:
    documents, records = FakeDocuments(), FakeRecords()
    line = pipeline(documents, ReadingModels(), records, now=lambda: NOON + 2 * LATE_AFTER)
    described = documents.describe(ONE.bucket, ONE.key, "one")
    first, second = line.classify(ONE), line.classify(described)
    assert (first.record.upload, second.written, len(records.items)) == (described, False, 1)
    assert documents.reads == 0


@pytest.mark.parametrize(
    "failure",
    [CORRUPT, model_failure("timeout"), model_failure("overloaded"), model_failure("failed", status=500)],
    ids=lambda failure: failure.kind,
)
@pytest.mark.parametrize("failing", [("v3",), VERSIONS])
def test_failure_that_the_content_does_not_change_costs_no_read(
    failure: ModelFailure, failing: tuple[str, ...]
) -> None:
    documents, outcomes = FakeDocuments(), dict.fromkeys(failing, failure)
    attempt = pipeline(documents, ReadingModels(**outcomes)).classify(ONE)
    assert documents.reads == 0
    assert attempt.record == by_content_record(outcomes=outcomes)
    assert set(attempt.outcomes) == set(VERSIONS)


@pytest.mark.parametrize("failure", [GONE, DENIED, model_failure("overloaded", problem="unavailable")])
@pytest.mark.parametrize(
    "error", [DELETED, DocumentRejected("archived", "restore it"), DocumentUnavailable("access-denied", "no")]
)
def test_object_that_nobody_can_read_has_the_reason_of_the_orchestrator(
    failure: ModelFailure, error: DocumentRejected | DocumentUnavailable
) -> None:
    """No version is blamed for it, so that it neither counts as their fault nor makes a record of failures."""
    outcomes = dict.fromkeys(VERSIONS, failure)
    attempt = pipeline(FakeDocuments(error), ReadingModels(**outcomes)).classify(ONE)
    assert attempt.record == by_content_record(content=error)
    assert (attempt.record.reason, attempt.record.predictions, attempt.outcomes) == (error.reason, {}, {})


def test_object_deleted_while_the_versions_read_it_keeps_the_predictions() -> None:
    documents = FakeDocuments(DELETED)
    attempt = pipeline(documents, ReadingModels(v3=GONE)).classify(ONE)
    assert (attempt.record.status, attempt.record.reason) == (Status.PARTIAL, DELETED.reason)
    assert (set(attempt.record.answered()), set(attempt.outcomes)) == ({"v1", "v2"}, {"v1", "v2"})
    assert attempt.record.final
    assert attempt.record.predictions["v3"] == GONE


def test_version_that_gets_neither_the_object_nor_the_content_is_retried() -> None:
    """The content may be larger than a request."""
    documents = FakeDocuments()
    stored = pipeline(documents, ReadingModels(v3=DENIED)).classify(ONE).record
    assert (documents.reads, stored) == (1, by_content_record(outcomes={"v3": DENIED}))
    assert not stored.final


def test_failure_that_is_not_due_to_the_object_is_still_that_of_the_version() -> None:
    broken = model_failure("failed", status=500)
    attempt = pipeline(FakeDocuments(DELETED), ReadingModels(v1=broken, v3=GONE)).classify(ONE)
    assert (set(attempt.outcomes), attempt.record.reason) == ({"v1", "v2"}, DELETED.reason)


def test_failures_at_the_deadline_are_not_replaced_by_a_read_that_comes_too_late() -> None:
    clock = [100.0]

    class SlowModels(ReadingModels):
        def predict(self, *args: Any, **kwargs: Any) -> Mapping[str, Outcome]:
            clock[0] = kwargs["deadline"] + 0.01
            return super().predict(*args, **kwargs)

    documents, slow = FakeDocuments(), dict.fromkeys(("v1", "v2"), model_failure("timeout"))
    stored = pipeline(documents, SlowModels(**slow, v3=DENIED), clock=lambda: clock[0]).classify(ONE).record
    assert (set(stored.predictions), stored.reason and stored.reason.kind) == (set(VERSIONS), "versions-missing")
    assert documents.reads == 0


def test_member_that_was_deleted_is_rejected_for_that() -> None:
    """Its parent cannot be found out either, which alone would be a reason to try again."""

    class LostDerived(FakeDerived):
        def find_parent(self, upload: Upload) -> Parent | None:
            raise DocumentUnavailable("storage-error", "no parent")

    for content, kind in ((DELETED, "deleted"), (b"%PDF-", "storage-error")):
        preparation = Preparation(None, LostDerived(), lambda: 100.0)
        line = pipeline(FakeDocuments(content), ReadingModels(), preparation=preparation)
        reason = line.classify(ONE).record.reason
        assert reason is not None
        assert reason.kind == kind


class WaitingModels(ReadingModels):
    """Versions that could not read the object, and wait for its content."""

    def predict(self, document: Content, *, versions: Iterable[str], **_: Any) -> Mapping[str, Outcome]:
        assert not isinstance(document, bytes)
        document.result()
        return dict.fromkeys(versions, model_failure("timeout"))


def test_content_that_does_not_arrive_is_not_a_timeout_of_a_version(hanging: HangingDocuments) -> None:
    line = pipeline(hanging, WaitingModels(), budget=Budget(0.3, 0.1), clock=time.monotonic)
    stored = line.classify(ONE).record
    assert (stored.status, stored.predictions) == (Status.FAILED, {})
    assert stored.reason
    assert stored.reason.kind == "storage-slow"


class OfficeStack:
    """A pipeline with a converter, whose versions receive addresses."""

    def __init__(self, content: bytes | Exception, models: FakeModels | None = None) -> None:
        self.documents, self.models, self.derived = FakeDocuments(content), models or ReadingModels(), FakeDerived()
        self.conversions = 0
        preparation = Preparation(self, self.derived, lambda: 100.0)
        self.pipeline = pipeline(self.documents, self.models, preparation=preparation)

    def convert(self, document: bytes, *, deadline: float, trace_id: str = "") -> Converted:
        self.conversions += 1
        return Converted("zip", PAGES, (), (), 250.0)

    def classify(self, key: str) -> Record:
        return self.pipeline.classify(upload(key, version_id="one")).record


@pytest.mark.parametrize("key", ["scan.pdf", "photo.JPG", "fax.tiff"])
def test_document_that_is_not_converted_is_read_while_the_versions_read_it(key: str) -> None:
    line = OfficeStack(b"%PDF-")
    stored = line.classify(key)
    assert stored == by_content_record(upload(key, version_id="one"))
    assert (line.models.calls, line.documents.reads, line.conversions) == ([list(VERSIONS)], 1, 0)
    assert not isinstance(line.models.documents[0], bytes)


def test_no_prediction_of_a_document_that_is_converted_counts() -> None:
    """A version could read a part of this mail, whatever the key promises."""
    line, usual = OfficeStack(MAIL), OfficeStack(MAIL, FakeModels())
    line.models.outcomes["v1"] = prediction("receipt")
    usual.models.outcomes["v1"] = prediction("receipt")
    assert line.classify("scan.pdf") == usual.classify("scan.pdf")
    assert (line.documents.reads, line.conversions, line.models.documents[-1]) == (1, 1, PAGES)
    assert line.models.calls == [list(VERSIONS)] * 2


@pytest.mark.parametrize("key", ["letter.docx", "mail.eml", "notes.txt", "archive.zip", "no-suffix", "pdf/0001"])
def test_versions_are_not_called_before_the_content_if_the_key_suggests_a_conversion(key: str) -> None:
    line = OfficeStack(MAIL)
    assert line.classify(key).conversion
    assert (line.models.documents, line.documents.reads) == ([PAGES], 1)


def test_repeated_event_of_a_stack_with_a_converter_reads_nothing() -> None:
    line = OfficeStack(b"%PDF-")
    assert line.classify("scan.pdf") == line.classify("scan.pdf")
    assert line.documents.reads == 1


def test_predictions_do_not_count_if_it_is_unknown_whether_the_document_is_converted() -> None:
    line = OfficeStack(DELETED)
    stored = line.classify("scan.pdf")
    assert (stored.status, stored.reason, stored.predictions) == (Status.REJECTED, DELETED.reason, {})


def test_member_is_not_read_either_and_has_its_parent() -> None:
    line, parent = OfficeStack(b"%PDF-"), Parent("documents/mail.eml", "00AA", 1, 10)
    key = member_key(ONE, 1, "scan.pdf")
    line.derived.members[key] = b"%PDF-", parent
    assert line.classify(key).parent == parent


def test_member_whose_parent_is_unknown_is_retried() -> None:
    class Undescribed(FakeDerived):
        def find_parent(self, upload: Upload) -> Parent | None:
            raise DocumentUnavailable("storage-error", "slow down")

    models = ReadingModels()
    stored = pipeline(models=models, preparation=Preparation(None, Undescribed(), lambda: 100.0)).classify(ONE).record
    assert (stored.status, stored.reason) == (Status.FAILED, Reason("storage-error", "slow down"))
    assert models.calls == []
