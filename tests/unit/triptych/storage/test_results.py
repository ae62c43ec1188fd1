"""Protects: every question is answered by queries alone, newest first, whole, and within its time range."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from records.keys import shard_of
from records.record import Reason, Record, Status
from records.table import RecordTable
from tests.support.uploads import NOON, model_failure, prediction, record, upload
from triptych.storage.connection import StackConnection
from triptych.storage.inbox import StoredObject
from triptych.storage.results import RecordQuery, Results, poll_changes

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}
TORN = {"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": prediction("receipt", 0.6)}


def fill(stack: StackConnection, count: int = 40) -> list[Record]:
    """Records a minute apart: every fourth torn, every tenth rejected."""
    records = []
    for number in range(count):
        at = NOON + timedelta(minutes=number)
        of = upload(f"scan-{number}.pdf", bucket="inbox", event_time=at, sequencer=f"{number:016X}")
        if number % 10 == 9:
            made = record({}, of=of, status=Status.REJECTED, reason=Reason("empty", "no bytes"))
        else:
            made = record(TORN if number % 4 == 0 else AGREED, of=of)
        RecordTable(stack.table).save(made, replacing=None)
        records.append(made)
    return records


def keys(records: list[Record]) -> list[str]:
    return [found.upload.key for found in records]


def test_all_records_come_newest_first_from_every_shard(stack: StackConnection) -> None:
    expected = keys(fill(stack))[::-1]
    results = Results(stack.table)
    assert keys(results.newest(RecordQuery.where(), limit=100)) == expected
    assert keys(results.newest(RecordQuery.where(), limit=7)) == expected[:7]


def test_a_label_a_status_and_the_review_queue_are_questions_of_their_own(stack: StackConnection) -> None:
    records = fill(stack)
    results = Results(stack.table)
    for question, wanted in (
        (RecordQuery.where(label="receipt"), [r for r in records if r.verdict and r.verdict.label == "receipt"]),
        (RecordQuery.where(status=Status.REJECTED), [r for r in records if r.status is Status.REJECTED]),
        (RecordQuery.where(review=True), [r for r in records if r.verdict and r.verdict.needs_review]),
    ):
        assert wanted
        assert keys(results.newest(question, limit=100)) == keys(wanted)[::-1]


def test_a_time_range_holds_both_its_ends(stack: StackConnection) -> None:
    fill(stack)
    question = RecordQuery.where(since=NOON + timedelta(minutes=3), until=NOON + timedelta(minutes=5))
    assert keys(Results(stack.table).newest(question, limit=100)) == ["scan-5.pdf", "scan-4.pdf", "scan-3.pdf"]


def test_questions_that_no_index_answers_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be combined"):
        RecordQuery.where(label="invoice", review=True)


def test_nothing_is_ever_scanned(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(stack, 3)
    table = stack.table
    operations: list[str] = []
    table.meta.client.meta.events.register("before-call.dynamodb", lambda model, **_: operations.append(model.name))
    results = Results(table)
    results.newest(RecordQuery.where(review=True), limit=5)
    results.history("inbox/scan-1.pdf")
    assert set(operations) == {"Query"}


def test_a_page_that_dynamodb_cuts_short_is_followed_by_the_next(stack: StackConnection) -> None:
    large = {"v1": replace(prediction(), probabilities={f"label-{'x' * 100}-{n}": 0.001 for n in range(1000)})}
    for number in range(25):  # each about 130 KB, so that a megabyte holds seven
        of = upload("same-name.pdf", bucket="inbox", sequencer=f"{number:016X}")
        RecordTable(stack.table).save(record(large, of=of), replacing=None)
    found = Results(stack.table).history("inbox/same-name.pdf")
    assert [item.upload.sequencer for item in found] == sorted((r.upload.sequencer for r in found), reverse=True)
    assert len(found) == 25


def test_the_newest_may_all_be_in_one_shard(stack: StackConnection) -> None:
    names = [f"scan-{number}.pdf" for number in range(400) if shard_of(f"inbox/scan-{number}.pdf") == 3]
    for number, name in enumerate(names):
        of = upload(name, bucket="inbox", event_time=NOON + timedelta(minutes=number))
        RecordTable(stack.table).save(record(AGREED, of=of), replacing=None)
    results = Results(stack.table)
    assert keys(results.newest(RecordQuery.where(), limit=len(names) - 3)) == names[:2:-1]
    assert keys(results.newest_of_each_shard(RecordQuery.where(), limit=7)) == names[:-8:-1]


def test_the_history_of_a_name_has_one_record_an_upload(stack: StackConnection) -> None:
    for sequencer in ("00A1", "00B2"):
        of = upload("cv.pdf", bucket="inbox", sequencer=sequencer)
        RecordTable(stack.table).save(record(AGREED, of=of), replacing=None)
    history = Results(stack.table).history("inbox/cv.pdf")
    assert [item.upload.sequencer.rstrip("0") for item in history] == ["00B2", "00A1"]


def dropped(version_id: str | None, at: datetime = NOON) -> StoredObject:
    return StoredObject("inbox", "cv.pdf", etag="abc", version_id=version_id, at=at)


def test_one_upload_of_a_name_is_told_from_the_others_by_its_version(stack: StackConnection) -> None:
    results = Results(stack.table)
    for number, version_id in enumerate(("first", "second")):
        of = upload("cv.pdf", bucket="inbox", sequencer=f"00{number}", version_id=version_id, etag="abc")
        RecordTable(stack.table).save(record(AGREED, of=of), replacing=None)
    found = results.find(dropped("first"))
    assert found is not None
    assert found.upload.version_id == "first"
    assert results.find(dropped("third")) is None


def test_without_versions_an_upload_is_told_by_its_content_and_time(stack: StackConnection) -> None:
    of = upload("cv.pdf", bucket="inbox", etag="abc")
    RecordTable(stack.table).save(record(AGREED, of=of), replacing=None)
    results = Results(stack.table)
    assert results.find(dropped(None)) is not None
    assert results.find(dropped(None, at=NOON + timedelta(hours=1))) is None


def test_arrivals_are_given_once_and_again_when_they_change() -> None:
    partial = record({"v1": prediction(), "v2": model_failure()})
    complete = replace(record(AGREED), revision=2)
    looks: Iterator[list[Record]] = iter([[partial], [partial], [complete]])
    pauses: list[float] = []
    seen = poll_changes(lambda: next(looks), pause=1.5, sleep=pauses.append)
    assert [next(seen), next(seen), next(seen)] == [[partial], [], [complete]]
    assert pauses == [1.5, 1.5]
