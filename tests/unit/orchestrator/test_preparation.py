"""Protects: converted documents get records like others, members are never lost, duplicated or unpacked without end."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.converter import Converted
from orchestrator.pipeline import Pipeline
from orchestrator.preparation import Preparation
from records.conversions import MAX_DEPTH, MAX_DESCENDANTS, MAX_LISTED, Parent
from records.derived import member_key, pages_key
from records.errors import DocumentUnavailable
from records.outcomes import ModelFailure
from records.record import Record, Status
from tests.support.pipelines import FakeDerived, FakeDocuments, FakeModels, FakeRecords, pipeline
from tests.support.uploads import model_failure, prediction, upload

OFFICE = b"PK\x03\x04 an office document"
PDF = b"%PDF-1.7 converted"


@dataclass
class FakeConverter:
    """A converter with a fixed answer."""

    answer: Converted | ModelFailure
    deadline: float = 0.0
    calls: int = 0

    def convert(self, document: bytes, *, deadline: float, trace_id: str = "") -> Converted | ModelFailure:
        self.calls += 1
        self.deadline = deadline
        return self.answer


def converted(pages: bytes | None = PDF, *members: str) -> Converted:
    return Converted("eml", pages, tuple((name, f"content of {name}".encode()) for name in members), (), 250.0)


class Line:
    """A pipeline with a converter, and what it works on."""

    def __init__(self, answer: Converted | ModelFailure, content: bytes = OFFICE) -> None:
        self.converter, self.derived, self.models = FakeConverter(answer), FakeDerived(), FakeModels()
        self.records = FakeRecords()
        self.pipeline: Pipeline = pipeline(
            FakeDocuments(content),
            self.models,
            self.records,
            preparation=Preparation(self.converter, self.derived, lambda: 100.0),
        )

    def classify(self, key: str = "letter.docx") -> Record:
        return self.pipeline.classify(upload(key)).record


def test_an_office_document_is_converted_once_and_its_pages_are_kept() -> None:
    line = Line(converted())

    record = line.classify()

    assert record.status is Status.COMPLETE
    assert record.conversion is not None
    assert (record.conversion.format, record.conversion.latency_ms) == ("eml", 250.0)
    assert line.converter.calls == 1
    assert line.derived.pages == {record.conversion.pages_key: PDF}
    assert record.conversion.pages_key == pages_key(record.upload)


@pytest.mark.parametrize("content", [b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"plain text"])
def test_other_documents_are_not_converted(content: bytes) -> None:
    line = Line(converted(), content)

    record = line.classify()

    assert line.converter.calls == 0
    assert record.conversion is None


def test_the_versions_have_time_left_after_a_slow_conversion() -> None:
    line = Line(converted())

    line.classify()

    [deadline] = line.models.deadlines
    assert line.converter.deadline - 100 == pytest.approx(0.7 * (deadline - 100))


@pytest.mark.parametrize("kind", ["unreachable", "timeout", "overloaded", "failed", "invalid_answer"])
def test_a_converter_that_is_down_is_retried_like_a_version(kind: str) -> None:
    line = Line(model_failure(kind))

    failed = line.classify()
    line.converter.answer = converted()
    record = line.classify()

    assert failed.status is Status.FAILED
    assert not failed.final
    assert {outcome.kind for outcome in failed.failures().values()} == {kind}
    assert line.models.calls == [["v1", "v2", "v3"]]
    assert record.status is Status.COMPLETE


def test_a_retry_uses_the_pages_of_the_first_attempt() -> None:
    line = Line(converted())
    line.models.outcomes["v2"] = model_failure("unreachable")
    first = line.classify()
    line.models.outcomes["v2"] = prediction()

    record = line.classify()

    assert record.status is Status.COMPLETE
    assert line.converter.calls == 1
    assert line.models.documents == [PDF, PDF]
    assert record.conversion == first.conversion


def test_versions_get_the_address_of_what_they_classify() -> None:
    """Some receive large documents by their address only."""
    plain, office = Line(converted(), b"%PDF-1.7"), Line(converted())
    office.models.outcomes["v2"] = model_failure("unreachable")

    record = plain.classify()
    office.classify()
    office.classify()

    assert plain.models.addresses == [record.upload.address]
    first, second = office.models.addresses
    assert first == second
    assert first
    assert first.key == pages_key(upload("letter.docx"))


def test_pages_of_an_attempt_that_was_killed_are_what_the_versions_classify() -> None:
    """Another conversion may result in other bytes, and the address names only one of them."""
    line = Line(converted(b"%PDF-1.7 another"))
    line.derived.write_pages(upload("letter.docx"), PDF)

    assert line.classify().status is Status.COMPLETE

    assert line.models.documents == [PDF]
    assert line.models.addresses == [line.derived.read_pages(upload("letter.docx"))[1]]  # type: ignore[index]


def test_pages_that_cannot_be_written_have_no_address() -> None:
    line = Line(converted())
    line.derived.error = DocumentUnavailable("storage-error", "slow down")

    assert line.classify().status is Status.COMPLETE

    assert (line.models.documents, line.models.addresses) == ([PDF], [None])


def test_a_converter_that_is_down_costs_no_prediction() -> None:
    line = Line(converted())
    line.models.outcomes["v2"] = model_failure("unreachable")
    line.classify()
    line.derived.pages.clear()
    line.converter.answer = model_failure("unreachable")

    record = line.classify()

    assert record.status is Status.PARTIAL
    assert set(record.answered()) == {"v1", "v3"}
    assert record.conversion is not None


def test_a_document_that_cannot_be_converted_is_rejected_with_the_reason() -> None:
    line = Line(replace(model_failure("rejected"), problem="encrypted-document", detail="It requires a password."))

    record = line.classify()

    assert record.status is Status.REJECTED
    assert record.reason is not None
    assert record.reason.kind == "encrypted-document"
    assert record.reason.detail == "Converter: It requires a password."


def test_a_document_that_is_too_slow_to_convert_is_final() -> None:
    line = Line(replace(model_failure("rejected"), problem="decoder-timeout"))

    record = line.classify()

    assert record.reason is not None
    assert (record.status, record.reason.kind) == (Status.REJECTED, "too-slow")


def test_attachments_are_uploaded_with_a_link_to_their_parent() -> None:
    line = Line(converted(b"the message", "bill.pdf", "../scan 1.png"))

    record = line.classify("mail.eml")

    assert record.conversion is not None
    first, second = record.conversion.members
    assert first == member_key(record.upload, 1, "bill.pdf")
    assert second.endswith("/002-scan 1.png")
    content, parent = line.derived.members[first]
    assert content == b"content of bill.pdf"
    assert (parent.document, parent.sequencer, parent.depth) == (record.upload.document, record.upload.sort_key, 1)
    assert line.classify(first).parent == parent


def test_an_archive_is_final_and_its_members_are_uploaded() -> None:
    line = Line(converted(None, "a.pdf", "b.pdf"))

    record = line.classify("scans.zip")

    assert record.final
    assert record.reason is not None
    assert (record.status, record.reason.kind) == (Status.REJECTED, "archive")
    assert "2 documents" in record.reason.detail
    assert len(line.derived.members) == 2
    assert not line.models.calls


def test_a_repeated_event_writes_no_member_again() -> None:
    line = Line(converted(None, "a.pdf"))

    line.classify()
    line.classify()

    assert line.derived.writes == 1
    assert line.converter.calls == 1


def test_members_are_completed_if_the_first_attempt_ended_half_way() -> None:
    line = Line(converted(b"the message", "a.pdf", "b.pdf"))
    line.derived.error = DocumentUnavailable("storage-error", "slow down")

    failed = line.classify()
    line.derived.error = None
    record = line.classify()

    assert failed.status is Status.FAILED
    assert not failed.final
    assert failed.reason is not None
    assert failed.reason.kind == "storage-error"
    assert record.status is Status.COMPLETE
    assert len(line.derived.members) == 2


def test_pages_that_cannot_be_kept_cost_no_record() -> None:
    line = Line(converted())
    line.derived.error = DocumentUnavailable("storage-error", "slow down")

    assert line.classify().status is Status.COMPLETE


def test_an_archive_that_contains_itself_comes_to_an_end() -> None:
    line = Line(converted(None, *[f"{number}.zip" for number in range(20)]))
    waiting, processed = ["quine.zip"], 0

    while waiting:
        record = line.classify(waiting.pop())
        processed += 1
        assert record.final
        assert record.conversion is not None
        waiting += record.conversion.members

    assert processed <= MAX_DESCENDANTS + 1
    assert max(parent.depth for _, parent in line.derived.members.values()) <= MAX_DEPTH


def test_members_beyond_the_limits_are_listed_up_to_a_number() -> None:
    """An archive whose members were all listed by name would exceed the size of an item, and never get a record."""
    answer = converted(None, *(f"{number:04}{'x' * 200}.pdf" for number in range(MAX_DESCENDANTS)))
    line = Line(answer)
    line.derived.members["deep.zip"] = b"", Parent("inbox/outer.zip", "0", MAX_DEPTH)

    record = line.classify("deep.zip")

    assert record.conversion is not None
    assert record.conversion.members == ()
    assert len(record.conversion.skipped) == MAX_LISTED
    assert record.conversion.skipped[0][1] == "documents are nested too deep"
    assert record.conversion.skipped[-1] == (f"{MAX_DESCENDANTS - MAX_LISTED + 1} others", "not listed")


@given(st.integers(0, 100), st.integers(0, MAX_DEPTH), st.integers(0, MAX_DESCENDANTS))
def test_the_members_of_a_document_share_its_allowance(count: int, depth: int, allowance: int) -> None:
    line = Line(converted(None, *map(str, range(count))))
    key = member_key(upload("outer.zip"), 1, "inner.zip")
    line.derived.members[key] = (b"", Parent("documents/outer.zip", "00", depth, allowance))

    record = line.classify(key)

    assert record.conversion is not None
    written = [line.derived.members[member][1] for member in record.conversion.members]
    assert len(written) + sum(parent.allowance for parent in written) <= allowance
    assert len(record.conversion.skipped) == min(count - len(written), MAX_LISTED)
