"""Protects: a replay loses no answer when it is killed, answers each document once, and changes no record."""

import json
from pathlib import Path

import pytest

from records.errors import DocumentRejected, DocumentUnavailable
from records.outcomes import ModelFailure, Outcome
from records.record import Record
from records.uploads import Upload
from tests.support.uploads import NOON, prediction, record, upload
from triptych.errors import TriptychError, UsageError
from triptych.review.replay import (
    ReplayAnswers,
    ReplayedVersion,
    ReplayRun,
    documents_to_replay,
    in_order,
    pending,
    replay,
)

HEADER = {"bucket": "inbox", "table": "records", "version": "v4", "model_sha256": "ab" * 32}
RUN = ReplayRun(10, NOON, NOON)
RECORDS = in_order(record({"v1": prediction()}, of=upload(f"scan-{number}.png")) for number in range(12))


def read(of: Upload) -> bytes:
    return of.key.encode()


def classify(document: bytes) -> Outcome:
    return prediction("memo", 0.75, timings_ms={"document": float(len(document))})


def opened(path: Path) -> ReplayAnswers:
    answers = ReplayAnswers.load(path, HEADER)
    answers.open(HEADER)
    return answers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "replay" / "v4.jsonl"


def test_answers_are_read_back_as_they_were_given(path: Path) -> None:
    answers = opened(path)
    answers.begin(RUN)
    assert replay(RECORDS, answers, read, classify, workers=4) == []
    answers.close()
    again = ReplayAnswers.load(path, HEADER)
    assert (again.outcomes, again.run) == (answers.outcomes, RUN)
    assert set(again.labels().values()) == {"memo"}
    assert all(again.of(each) == classify(read(each.upload)) for each in RECORDS)
    assert pending(RECORDS, again) == []


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_killed_replay_resumes_without_the_line_that_was_cut_off(path: Path, cut: int) -> None:
    answers = opened(path)
    answers.begin(RUN)
    replay(RECORDS[:6], answers, read, classify, workers=1)
    answers.close()
    path.write_bytes(path.read_bytes()[:-cut])
    resumed = opened(path)
    assert pending(RECORDS, resumed) == RECORDS[5:]
    asked: list[bytes] = []

    def count(document: bytes) -> Outcome:
        asked.append(document)
        return classify(document)

    replay(RECORDS, resumed, read, count, workers=1)
    resumed.close()
    assert asked == [read(each.upload) for each in RECORDS[5:]]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    keys = [line["document"] for line in lines if "document" in line]
    assert sorted(keys) == sorted(each.upload.document for each in RECORDS)


def test_interrupt_keeps_every_answer(path: Path) -> None:
    answers = opened(path)
    asked: list[bytes] = []

    def interrupt(document: bytes) -> Outcome:
        asked.append(document)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return classify(document)

    with pytest.raises(KeyboardInterrupt):
        replay(RECORDS, answers, read, interrupt, workers=2)
    answers.close()
    assert len(ReplayAnswers.load(path, HEADER).outcomes) == len(asked) - 1


def test_document_whose_object_is_gone_is_not_asked_for_again(path: Path) -> None:
    def gone(of: Upload) -> bytes:
        raise DocumentRejected("deleted", "The object was deleted.")

    answers = opened(path)
    assert replay(RECORDS[:1], answers, gone, classify, workers=1) == []
    assert answers.of(RECORDS[0]) == ModelFailure("deleted", "The object was deleted.", 0.0)
    assert (answers.labels(), pending(RECORDS[:1], answers)) == ({}, [])
    answers.close()


@pytest.mark.parametrize("error", [DocumentUnavailable("storage-slow", "S3 is slow."), TriptychError("no decoder")])
def test_temporary_failure_is_reported_and_tried_again(path: Path, error: Exception) -> None:
    def fail(_: bytes) -> Outcome:
        raise error

    answers = opened(path)
    [message] = replay(RECORDS[:1], answers, read, fail, workers=1)
    assert message == f"documents/{RECORDS[0].upload.key}: {error}"
    assert pending(RECORDS[:1], answers) == RECORDS[:1]
    answers.close()


def test_only_one_replay_writes_a_file(path: Path) -> None:
    answers = opened(path)
    with pytest.raises(TriptychError, match="Another replay"):
        opened(path)
    answers.close()
    opened(path).close()


def test_file_of_another_version_or_format_is_refused(path: Path) -> None:
    opened(path).close()
    with pytest.raises(UsageError, match="another version or stack"):
        ReplayAnswers.load(path, {**HEADER, "model_sha256": "cd" * 32})
    path.write_text("not JSON\n")
    with pytest.raises(UsageError, match="--restart"):
        ReplayAnswers.load(path, HEADER)


def test_labelled_documents_are_replayed_once_and_those_without_a_verdict_never() -> None:
    failed = record({}, of=upload("failed.png"))
    assert documents_to_replay([*RECORDS[:3], failed], RECORDS[2:4]) == RECORDS[:4]


def test_order_is_the_pseudorandom_one_of_the_queues() -> None:
    def backwards(records: list[Record]) -> list[Record]:
        return list(reversed(records))

    assert in_order(backwards(RECORDS)) == RECORDS
    assert [each.upload.key for each in RECORDS] != sorted(each.upload.key for each in RECORDS)


@pytest.mark.parametrize(
    ("sources", "trained"), [(("inbox/2026", "other"), True), (("inbox",), True), (("inboxes", "x/inbox"), False)]
)
def test_training_on_labelled_documents_of_the_inbox_is_recognised(sources: tuple[str, ...], trained: bool) -> None:
    version = ReplayedVersion("v4", "ab" * 32, NOON, sources)
    assert (version.trained_on("inbox"), version.name) == (trained, "v4@abababa")
