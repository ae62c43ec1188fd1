"""Protects: records are read by queries, never by scans, newest first, complete, and within the time range."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

import triptych
from records.keys import shard_of
from records.record import Reason, Record, Status
from records.table import RecordTable
from tests.support.uploads import NOON, model_failure, prediction, record, upload
from triptych.storage import results as module
from triptych.storage.connection import StackConnection
from triptych.storage.inbox import StoredObject
from triptych.storage.results import RecordQuery, Results, poll_changes

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}
DISAGREED = {"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": prediction("receipt", 0.6)}


def fill(stack: StackConnection, count: int = 40) -> list[Record]:
    """Store records a minute apart: the versions disagree on every fourth, every tenth is rejected."""
    records = []
    for number in range(count):
        at = NOON + timedelta(minutes=number)
        of = upload(f"scan-{number}.pdf", bucket="inbox", event_time=at, sequencer=f"{number:016X}")
        if number % 10 == 9:
            new = record({}, of=of, status=Status.REJECTED, reason=Reason("empty", "no bytes"))
        else:
            new = record(DISAGREED if number % 4 == 0 else AGREED, of=of)
        RecordTable(stack.table).save(new, replacing=None)
        records.append(new)
    return records


def keys(records: list[Record]) -> list[str]:
    return [found.upload.key for found in records]


def test_newest_merges_all_shards_newest_first(stack: StackConnection) -> None:
    expected = keys(fill(stack))[::-1]
    results = Results(stack.table)
    assert keys(results.newest(RecordQuery.where(), limit=100)) == expected
    assert keys(results.newest(RecordQuery.where(), limit=7)) == expected[:7]


@pytest.mark.parametrize("most", [1, 3, 8, 20, 39, 40, 41, 1000])
def test_counting_ends_at_the_limit(stack: StackConnection, most: int) -> None:
    fill(stack)
    assert Results(stack.table).count(RecordQuery.where(), most=most) == min(most, 40)


def test_records_are_selected_by_label_status_or_review_queue(stack: StackConnection) -> None:
    records = fill(stack)
    results = Results(stack.table)
    for query, wanted in (
        (RecordQuery.where(label="receipt"), [r for r in records if r.verdict and r.verdict.label == "receipt"]),
        (RecordQuery.where(status=Status.REJECTED), [r for r in records if r.status is Status.REJECTED]),
        (RecordQuery.where(review=True), [r for r in records if r.verdict and r.verdict.needs_review]),
    ):
        assert wanted
        assert keys(results.newest(query, limit=100)) == keys(wanted)[::-1]


def test_a_time_range_includes_both_ends(stack: StackConnection) -> None:
    fill(stack)
    query = RecordQuery.where(since=NOON + timedelta(minutes=3), until=NOON + timedelta(minutes=5))
    assert keys(Results(stack.table).newest(query, limit=100)) == ["scan-5.pdf", "scan-4.pdf", "scan-3.pdf"]


def test_filters_that_no_index_covers_are_rejected() -> None:
    with pytest.raises(ValueError, match="cannot be combined"):
        RecordQuery.where(label="invoice", review=True)


def test_reads_never_scan_the_table(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(stack, 3)
    table = stack.table
    operations: list[str] = []
    table.meta.client.meta.events.register("before-call.dynamodb", lambda model, **_: operations.append(model.name))
    results = Results(table)
    results.newest(RecordQuery.where(review=True), limit=5)
    results.history("inbox/scan-1.pdf")
    assert set(operations) == {"Query"}


def test_history_reads_all_pages_of_a_large_result(stack: StackConnection) -> None:
    large = {"v1": replace(prediction(), probabilities={f"label-{'x' * 100}-{n}": 0.001 for n in range(1000)})}
    table = RecordTable(stack.table)
    for number in range(12):  # about 130 KB each, so that a page of one megabyte holds seven
        of = upload("same-name.pdf", bucket="inbox", sequencer=f"{number:016X}")
        table.save(record(large, of=of), replacing=None)
    found = Results(stack.table).history("inbox/same-name.pdf")
    assert [item.upload.sequencer for item in found] == sorted((r.upload.sequencer for r in found), reverse=True)
    assert len(found) == 12


def test_newest_is_complete_if_all_records_are_in_one_shard(stack: StackConnection) -> None:
    names = [f"scan-{number}.pdf" for number in range(400) if shard_of(f"inbox/scan-{number}.pdf") == 3]
    table = RecordTable(stack.table)
    for number, name in enumerate(names):
        of = upload(name, bucket="inbox", event_time=NOON + timedelta(minutes=number))
        table.save(record(AGREED, of=of), replacing=None)
    results = Results(stack.table)
    assert keys(results.newest(RecordQuery.where(), limit=len(names) - 3)) == names[:2:-1]
    assert keys(results.newest_of_each_shard(RecordQuery.where(), limit=7)) == names[:-8:-1]


def test_history_has_one_record_per_upload(stack: StackConnection) -> None:
    for sequencer in ("00A1", "00B2"):
        of = upload("cv.pdf", bucket="inbox", sequencer=sequencer)
        RecordTable(stack.table).save(record(AGREED, of=of), replacing=None)
    history = Results(stack.table).history("inbox/cv.pdf")
    assert [item.upload.sequencer.rstrip("0") for item in history] == ["00B2", "00A1"]


def stored(version_id: str | None, at: datetime = NOON) -> StoredObject:
    return StoredObject("inbox", "cv.pdf", etag="abc", version_id=version_id, at=at)


def test_find_identifies_an_upload_by_its_version_id(stack: StackConnection) -> None:
    results = Results(stack.table)
    for number, version_id in enumerate(("first", "second")):
        of = upload("cv.pdf", bucket="inbox", sequencer=f"00{number}", version_id=version_id, etag="abc")
        RecordTable(stack.table).save(record(AGREED, of=of), replacing=None)
    found = results.find(stored("first"))
    assert found is not None
    assert found.upload.version_id == "first"
    assert results.find(stored("third")) is None


def test_find_identifies_an_upload_without_version_by_etag_and_time(stack: StackConnection) -> None:
    of = upload("cv.pdf", bucket="inbox", etag="abc")
    RecordTable(stack.table).save(record(AGREED, of=of), replacing=None)
    results = Results(stack.table)
    assert results.find(stored(None)) is not None
    assert results.find(stored(None, at=NOON + timedelta(hours=1))) is None


@pytest.mark.parametrize("early_by", [timedelta(milliseconds=950), timedelta(seconds=2)])
def test_find_tolerates_an_event_time_just_before_the_date_header(stack: StackConnection, early_by: timedelta) -> None:
    """The header has whole seconds: an event of 12:00:00.050 can belong to an upload answered at 12:00:01."""
    of = upload("cv.pdf", bucket="inbox", etag="abc", event_time=NOON)
    RecordTable(stack.table).save(record(AGREED, of=of), replacing=None)
    assert Results(stack.table).find(stored(None, at=NOON + early_by)) is not None


def test_poll_changes_yields_a_record_once_and_again_when_it_changes() -> None:
    partial = record({"v1": prediction(), "v2": model_failure()})
    complete = replace(record(AGREED), revision=2)
    fetched: Iterator[list[Record]] = iter([[partial], [partial], [complete]])
    pauses: list[float] = []
    seen = poll_changes(lambda: next(fetched), pause=1.5, sleep=pauses.append)
    assert [next(seen), next(seen), next(seen)] == [[partial], [], [complete]]
    assert pauses == [1.5, 1.5]


class TestIterators:
    """The public way to read records in other programs."""

    def test_every_iterator_returns_what_its_query_returns(self, stack: StackConnection) -> None:
        fill(stack)
        results = Results(stack.table)
        for iterator, query in (
            (results.all(), RecordQuery.where()),
            (results.by_label("receipt"), RecordQuery.where(label="receipt")),
            (results.by_status("REJECTED"), RecordQuery.where(status=Status.REJECTED)),
            (results.by_queue("review"), RecordQuery.where(review=True)),
            (results.labelled(), RecordQuery.where(reviewed=True)),
        ):
            assert keys(list(iterator)) == keys(results.newest(query, limit=100))

    def test_iterators_select_by_time_of_upload(self, stack: StackConnection) -> None:
        expected = keys(fill(stack)[5:11])[::-1]
        since, until = NOON + timedelta(minutes=5), NOON + timedelta(minutes=10)
        assert keys(list(Results(stack.table).all(since=since, until=until))) == expected

    def test_iterator_reads_further_pages_only_when_needed(self, stack: StackConnection, operations: list[str]) -> None:
        fill(stack)
        operations.clear()
        records = Results(stack.table).matching(RecordQuery.where(), page=1)
        next(records)
        assert operations.count("Query") < 2 * 8
        assert len(list(records)) == 39

    def test_unknown_status_and_queue_are_errors(self, stack: StackConnection) -> None:
        with pytest.raises(ValueError, match="DONE"):
            Results(stack.table).by_status("DONE")
        with pytest.raises(ValueError, match="inbox"):
            Results(stack.table).by_queue("inbox")

    def test_package_exports_results_for_a_named_stack(
        self, stack: StackConnection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stored = fill(stack, 3)
        monkeypatch.setattr(module, "connect", {"production": stack}.__getitem__)
        assert keys(list(triptych.Results(stack="production").all())) == keys(stored)[::-1]
