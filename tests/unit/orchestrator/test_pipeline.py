"""Protects: whatever fails, an upload ends in one true record, and nothing that is known is asked or lost again."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.pipeline import Budget, Pipeline, merge
from records.errors import DocumentRejected, DocumentUnavailable, RecordConflict, RecordsUnavailable
from records.outcomes import Outcome, Prediction
from records.policy import DEFAULT_POLICY, Policy
from records.record import BEYOND_READING, Reason, Record, Status
from records.reviews import Queue, Review
from records.uploads import LATE_AFTER, Upload
from tests.support.uploads import NOON, FixedPolicy, model_failure, policy, prediction, record, upload

VERSIONS = ("v1", "v2", "v3")
LATER = NOON + 2 * LATE_AFTER


class Shelf:
    """Documents, as bytes or as the error that reading them raises."""

    def __init__(self, content: bytes | Exception = b"%PDF-") -> None:
        self.content = content
        self.reads = 0

    def read(self, upload: Upload) -> bytes:
        self.reads += 1
        if isinstance(self.content, Exception):
            raise self.content
        return self.content

    def describe(self, bucket: str, key: str, version_id: str | None) -> Upload:
        """As a backfill knows it: by a stand-in sequencer."""
        if isinstance(self.content, Exception):
            raise self.content
        return upload(key, version_id=version_id, sequencer="00BF", backfilled=True)


class Panel:
    """Three versions that answer as they are told."""

    versions = VERSIONS

    def __init__(self, **outcomes: Outcome) -> None:
        self.outcomes: dict[str, Outcome] = {**{version: prediction() for version in VERSIONS}, **outcomes}
        self.asked: list[list[str]] = []
        self.deadlines: list[float] = []

    def predict(
        self, document: bytes, *, versions: Iterable[str], deadline: float, trace_id: str = ""
    ) -> Mapping[str, Outcome]:
        wanted = list(versions)
        self.asked.append(wanted)
        self.deadlines.append(deadline)
        return {version: self.outcomes[version] for version in wanted}


class Ledger:
    """A record store in memory, with the real one's condition. `rival` is saved by somebody else before our
    write, and `meanwhile` is done then."""

    def __init__(self, *, rival: Record | None = None, blind: bool = False) -> None:
        self.items: dict[tuple[str, str], Record] = {}
        self.rival = rival
        self.blind = blind
        self.meanwhile: Callable[[], object] | None = None
        self.saves = 0

    def find(self, upload: Upload) -> Record | None:
        if self.blind:
            self.blind = False
            raise RecordsUnavailable("throttled")
        return self.items.get((upload.document, upload.sort_key))

    def find_same(self, upload: Upload) -> Record | None:
        return next((record for record in self.items.values() if record.upload.same_object(upload)), None)

    def save(self, record: Record, *, replacing: Record | None) -> None:
        if self.meanwhile:
            another, self.meanwhile = self.meanwhile, None
            another()
        key = (record.upload.document, record.upload.sort_key)
        if self.rival:
            self.items[key], self.rival = self.rival, None
        standing = self.items.get(key)
        if (standing.revision if standing else None) != (replacing.revision if replacing else None):
            raise RecordConflict("changed")
        self.items[key] = record
        self.saves += 1


def pipeline(shelf: Shelf, panel: Panel, ledger: Ledger, *, now: datetime = NOON) -> Pipeline:
    return Pipeline(shelf, panel, ledger, FixedPolicy(), budget=Budget(3.0, 0.3), clock=lambda: 100.0, now=lambda: now)


def test_a_document_is_read_once_asked_of_every_version_and_written() -> None:
    shelf, panel, ledger = Shelf(), Panel(), Ledger()
    stored = pipeline(shelf, panel, ledger).classify(upload(), trace_id="Root=1")
    assert stored.status is Status.COMPLETE
    assert (shelf.reads, panel.asked, ledger.saves) == (1, [list(VERSIONS)], 1)
    assert (stored.trace_id, stored.classified_at, stored.revision) == ("Root=1", NOON, 1)


def test_the_versions_leave_time_for_the_write() -> None:
    panel = Panel()
    pipeline(Shelf(), panel, Ledger()).classify(upload())
    assert panel.deadlines == [pytest.approx(100.0 + 3.0 - 0.3)]


def test_a_missing_version_is_data_and_a_retry_asks_only_for_it() -> None:
    panel, ledger = Panel(v2=model_failure("unreachable")), Ledger()
    line = pipeline(Shelf(), panel, ledger)
    first = line.classify(upload())
    assert (first.status, set(first.answered())) == (Status.PARTIAL, {"v1", "v3"})
    panel.outcomes["v2"] = prediction("receipt")
    second = line.classify(upload())
    assert (second.status, second.revision) == (Status.COMPLETE, 2)
    assert panel.asked == [list(VERSIONS), ["v2"]]
    assert len(ledger.items) == 1


@pytest.mark.parametrize("status", [Status.COMPLETE, Status.REJECTED])
def test_a_repeated_event_does_no_second_work_where_a_final_record_stands(status: Status) -> None:
    panel, ledger = Panel(), Ledger()
    standing = record({version: prediction() for version in VERSIONS}, status=status)
    ledger.save(standing, replacing=None)
    assert pipeline(Shelf(), panel, ledger).classify(upload()) == standing
    assert panel.asked == []


def test_an_unreadable_object_is_a_rejected_record_that_asks_nobody() -> None:
    panel, ledger = Panel(), Ledger()
    stored = pipeline(Shelf(DocumentRejected("empty", "no bytes")), panel, ledger).classify(upload())
    assert (stored.status, stored.reason) == (Status.REJECTED, Reason("empty", "no bytes"))
    assert panel.asked == []
    assert len(ledger.items) == 1


def test_an_object_that_cannot_be_read_just_now_is_failed_and_tried_again() -> None:
    shelf, ledger = Shelf(DocumentUnavailable("storage-error", "slow down")), Ledger()
    line = pipeline(shelf, Panel(), ledger)
    assert line.classify(upload()).status is Status.FAILED
    shelf.content = b"%PDF-"
    assert line.classify(upload()).status is Status.COMPLETE


def test_predictions_of_an_earlier_attempt_outlive_the_object() -> None:
    shelf, ledger = Shelf(), Ledger()
    line = pipeline(shelf, Panel(v3=model_failure()), ledger)
    line.classify(upload())
    shelf.content = DocumentRejected("deleted", "gone")
    stored = line.classify(upload())
    assert (stored.status, set(stored.answered())) == (Status.PARTIAL, {"v1", "v2"})
    assert stored.reason == Reason("deleted", "gone")


@pytest.mark.parametrize("kind", sorted(BEYOND_READING))
def test_a_partial_record_whose_object_is_gone_has_come_to_its_end(kind: str) -> None:
    shelf, panel, ledger = Shelf(), Panel(v3=model_failure()), Ledger()
    line = pipeline(shelf, panel, ledger)
    assert not line.classify(upload()).final
    shelf.content = DocumentRejected(kind, "not to be read any more")
    stored = line.classify(upload())
    assert stored.final
    assert line.classify(upload()) == stored
    assert (len(panel.asked), ledger.saves) == (1, 2)


def test_a_partial_record_whose_object_cannot_be_read_just_now_is_tried_again() -> None:
    shelf, ledger = Shelf(), Ledger()
    line = pipeline(shelf, Panel(v3=model_failure()), ledger)
    line.classify(upload())
    shelf.content = DocumentUnavailable("storage-error", "slow down")
    assert not line.classify(upload()).final


def test_an_object_that_took_all_the_time_to_read_is_no_version_s_fault() -> None:
    times = [100.0]

    class Slow(Shelf):
        def read(self, upload: Upload) -> bytes:
            times.append(102.8)
            return super().read(upload)

    panel = Panel()
    line = Pipeline(
        Slow(), panel, Ledger(), FixedPolicy(), budget=Budget(3.0, 0.3), clock=lambda: times[-1], now=lambda: NOON
    )
    stored = line.classify(upload())
    assert (stored.status, stored.predictions) == (Status.FAILED, {})
    assert stored.reason is not None
    assert stored.reason.kind == "storage-slow"
    assert panel.asked == []


def test_two_handlers_of_one_upload_end_in_one_record_with_what_both_know() -> None:
    rival = record({"v1": prediction(), "v2": model_failure(), "v3": model_failure()})
    ledger = Ledger(rival=rival)
    stored = pipeline(Shelf(), Panel(v1=model_failure(), v2=prediction("receipt")), ledger).classify(upload())
    assert stored.status is Status.COMPLETE
    assert stored.predictions["v1"] == rival.predictions["v1"]
    assert list(ledger.items.values()) == [stored]


def test_a_rival_s_final_record_stands() -> None:
    rival = record({version: prediction() for version in VERSIONS})
    ledger = Ledger(rival=rival)
    assert pipeline(Shelf(), Panel(v1=model_failure()), ledger).classify(upload()) == rival
    assert list(ledger.items.values()) == [rival]


def test_a_rival_that_came_too_late_to_read_does_not_undo_what_the_versions_said() -> None:
    """The object was deleted after we had read it, and before the rival did."""
    rejected = record({}, status=Status.REJECTED, reason=Reason("deleted", "gone"))
    ledger = Ledger(rival=rejected)
    stored = pipeline(Shelf(), Panel(), ledger).classify(upload())
    assert (stored.status, len(stored.answered())) == (Status.COMPLETE, len(VERSIONS))
    assert list(ledger.items.values()) == [stored]
    ended = record(
        {"v1": prediction("receipt"), "v2": model_failure(), "v3": model_failure()},
        status=Status.PARTIAL,
        reason=Reason("deleted", "gone"),
    )
    stored = pipeline(Shelf(), Panel(), Ledger(rival=ended)).classify(upload())
    assert (stored.status, stored.predictions["v1"]) == (Status.COMPLETE, ended.predictions["v1"])


class Slow(Ledger):
    """A table that does not answer the look-up of `slow` before the test is over, and takes writes."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()
        self.told = False

    def find(self, upload: Upload) -> Record | None:
        if upload.key == "slow":
            self.over.wait(30)
            self.told = True
        return super().find(upload)


@pytest.fixture
def slow_ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    monkeypatch.setattr("orchestrator.pipeline.LOOK_UP_PATIENCE_S", 0.05)
    ledger = Slow()
    yield ledger
    ledger.over.set()


def test_a_slow_look_up_costs_no_version_its_answer(slow_ledger: Slow) -> None:
    assert pipeline(Shelf(), Panel(), slow_ledger).classify(upload("slow")).status is Status.COMPLETE


def test_a_late_event_is_not_guessed_about_when_its_look_up_is_slow(slow_ledger: Slow) -> None:
    line = Pipeline(
        Shelf(), Panel(), slow_ledger, FixedPolicy(), budget=Budget(0.5, 0.3), clock=lambda: 0.0, now=lambda: LATER
    )
    with pytest.raises(RecordsUnavailable, match="in time"):
        line.classify(upload("slow"))
    assert slow_ledger.items == {}


def test_a_look_up_that_hangs_does_not_hold_up_the_next_document(slow_ledger: Slow) -> None:
    """The next one's is waited for, for it is late: in the hung one's thread it would never begin."""
    ours = pipeline(Shelf(), Panel(), slow_ledger)
    ours.classify(upload("slow"))
    ours._now = lambda: LATER
    assert ours.classify(upload("next")).status is Status.COMPLETE


def test_a_late_event_s_look_up_may_take_longer_than_a_version_would_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    class Patient(Ledger):
        def find_same(self, upload: Upload) -> Record | None:
            time.sleep(0.3)
            return super().find_same(upload)

    monkeypatch.setattr("orchestrator.pipeline.LOOK_UP_PATIENCE_S", 0.05)
    assert pipeline(Shelf(), Panel(), Patient(), now=LATER).classify(upload()).status is Status.COMPLETE


def test_a_slow_table_takes_no_more_than_half_of_the_versions_time(
    slow_ledger: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.pipeline.LOOK_UP_PATIENCE_S", 60.0)
    line = Pipeline(
        Shelf(), Panel(), slow_ledger, FixedPolicy(), budget=Budget(0.6, 0.2), clock=lambda: 0.0, now=lambda: NOON
    )
    assert line.classify(upload("slow")).status is Status.COMPLETE
    assert not slow_ledger.told


def test_the_same_bytes_uploaded_anew_are_classified_though_they_were_gone_before() -> None:
    """In a bucket without versions the ETag alone tells uploads apart, and a late event finds what was before."""
    gone = Reason("deleted", "gone")
    ended = record(
        {"v1": prediction(), "v2": model_failure(), "v3": model_failure()}, status=Status.PARTIAL, reason=gone
    )
    for seen in (ended, record({}, status=Status.REJECTED, reason=gone)):
        before = replace(seen, upload=upload(etag="same", sequencer="00AA"))
        ledger = Ledger()
        ledger.save(before, replacing=None)
        stored = pipeline(Shelf(), Panel(), ledger, now=LATER).classify(upload(etag="same"))
        assert (stored.status, stored.upload) == (Status.COMPLETE, before.upload)
        assert len(ledger.items) == 1


def test_a_table_that_cannot_be_read_costs_no_document() -> None:
    ledger = Ledger(blind=True)
    assert pipeline(Shelf(), Panel(), ledger).classify(upload()).status is Status.COMPLETE
    assert len(ledger.items) == 1


@pytest.mark.parametrize("first", ["event", "backfill"])
def test_a_late_event_and_a_backfill_of_one_upload_have_one_record(first: str) -> None:
    announced = upload(version_id="one")
    ways = [announced, Shelf().describe(announced.bucket, announced.key, "one")]
    ledger, panel = Ledger(), Panel()
    for way in ways if first == "event" else reversed(ways):
        pipeline(Shelf(), panel, ledger, now=LATER).classify(way)
    assert len(ledger.items) == 1
    assert panel.asked == [list(VERSIONS)]


def test_a_late_event_and_a_backfill_at_the_same_moment_have_one_record() -> None:
    announced = upload(version_id="one")
    described = Shelf().describe(announced.bucket, announced.key, "one")
    for mine, other in ((announced, described), (described, announced)):
        ledger = Ledger()
        line = pipeline(Shelf(), Panel(), ledger, now=LATER)
        ledger.meanwhile = partial(line.classify, other)
        line.classify(mine)
        assert len(ledger.items) == 1


def test_a_late_event_whose_history_cannot_be_read_is_not_guessed_about() -> None:
    ledger = Ledger(blind=True)
    with pytest.raises(RecordsUnavailable):
        pipeline(Shelf(), Panel(), ledger, now=LATER).classify(upload())
    assert ledger.items == {}


def test_a_late_event_of_an_object_that_is_gone_keeps_its_own_key() -> None:
    gone = Shelf(DocumentRejected("deleted", "gone"))
    stored = pipeline(gone, Panel(), Ledger(), now=LATER).classify(upload())
    assert (stored.upload, stored.status) == (upload(), Status.REJECTED)


def test_a_stale_rejection_does_not_complete_what_the_other_left_partial() -> None:
    ours = record({}, status=Status.REJECTED, reason=Reason("deleted", "gone"))
    theirs = record({"v1": prediction(), "v2": model_failure(), "v3": model_failure()})
    merged = merge(ours, theirs, DEFAULT_POLICY)
    assert (merged.status, merged.reason, merged.final) == (Status.PARTIAL, ours.reason, True)
    other_way = merge(
        replace(theirs, predictions={"v2": prediction(), "v1": model_failure(), "v3": model_failure()}),
        merged,
        DEFAULT_POLICY,
    )
    assert (set(other_way.answered()), other_way.final) == ({"v1", "v2"}, True)


SAID = Review("invoice", "ann", NOON, Queue.REVIEW)


@pytest.mark.parametrize("first", ["event", "backfill"])
def test_a_late_event_or_a_backfill_keeps_the_label_of_what_it_completes(first: str) -> None:
    """The record stands under the other's key; a person labelled it while versions were missing."""
    announced = upload(version_id="one")
    ways = [announced, Shelf().describe(announced.bucket, announced.key, "one")]
    one, other = ways if first == "event" else ways[::-1]
    ledger = Ledger()
    partial = pipeline(Shelf(), Panel(v1=model_failure(), v2=model_failure()), ledger, now=LATER).classify(one)
    labelled = partial.with_review(SAID).next_revision(partial)
    ledger.save(labelled, replacing=partial)
    stored = pipeline(Shelf(), Panel(), ledger, now=LATER).classify(other)
    assert (stored.status, stored.review, stored.revision) == (Status.COMPLETE, SAID, labelled.revision + 1)
    assert len(ledger.items) == 1


def test_a_label_given_while_the_versions_were_asked_is_kept() -> None:
    ledger = Ledger()
    partial = record({"v1": prediction(), "v2": model_failure(), "v3": model_failure()})
    ledger.save(partial, replacing=None)
    ledger.rival = partial.with_review(SAID).next_revision(partial)
    stored = pipeline(Shelf(), Panel(), ledger).classify(upload())
    assert (stored.status, stored.review) == (Status.COMPLETE, SAID)


def test_a_document_that_is_gone_keeps_its_label() -> None:
    shelf, ledger = Shelf(), Ledger()
    partial = pipeline(shelf, Panel(v3=model_failure()), ledger).classify(upload())
    ledger.save(partial.with_review(SAID).next_revision(partial), replacing=partial)
    shelf.content = DocumentRejected("deleted", "gone")
    assert pipeline(shelf, Panel(), ledger).classify(upload()).review == SAID


def test_a_verdict_is_made_under_the_policy_that_holds_and_says_so() -> None:
    standing = FixedPolicy(policy(1, weights={"v2": 1.0}, champion="v2"))
    panel, ledger = Panel(v2=prediction("receipt", 0.7), v3=model_failure()), Ledger()
    line = Pipeline(Shelf(), panel, ledger, standing, budget=Budget(3, 0.3), clock=lambda: 0.0, now=lambda: NOON)
    first = line.classify(upload())
    assert first.verdict is not None
    assert (first.verdict.label, first.policy) == ("receipt", "p1")
    standing.policy = policy(2, weights={"v1": 1.0}, champion="v1")
    panel.outcomes["v3"] = prediction()
    second = line.classify(upload())  # completed under another policy than it was begun
    assert second.verdict is not None
    assert (second.verdict.label, second.policy) == ("invoice", "p2")
    standing.policy = policy(3, weights={"v2": 1.0}, champion="v2")
    assert line.classify(upload()).policy == "p2"  # what is final stays as it is


@pytest.mark.parametrize(("share", "audited"), [(0.0, False), (1.0, True)])
def test_what_nothing_speaks_against_is_audited_as_often_as_the_policy_says(share: float, audited: bool) -> None:
    standing = FixedPolicy(policy(1, weights={}, champion="", audit_share=share))
    calm, torn = Panel(), Panel(v2=prediction("receipt"))
    for panel, expected in ((calm, audited), (torn, False)):
        line = Pipeline(Shelf(), panel, Ledger(), standing, budget=Budget(3, 0.3), clock=lambda: 0.0, now=lambda: NOON)
        assert line.classify(upload()).audit is expected
    rejected = Shelf(DocumentRejected("empty", "no bytes"))
    line = Pipeline(rejected, calm, Ledger(), standing, budget=Budget(3, 0.3), clock=lambda: 0.0, now=lambda: NOON)
    stored = line.classify(upload())
    assert (stored.audit, stored.policy) == (False, "")


def test_a_policy_is_waited_for_no_longer_than_the_budget_lasts() -> None:
    """The versions took all the time there was."""
    waits: list[float] = []

    class Slow(FixedPolicy):
        def get(self, patience: float) -> Policy:
            waits.append(patience)
            return super().get(patience)

    times = iter([100.0, 102.5, 102.6, 102.7, 102.7])
    line = Pipeline(
        Shelf(), Panel(), Ledger(), Slow(), budget=Budget(3.0, 0.3), clock=lambda: next(times), now=lambda: NOON
    )
    line.classify(upload())
    assert waits == [pytest.approx(0.0)]


attempts = st.lists(st.fixed_dictionaries({version: st.booleans() for version in VERSIONS}), min_size=1, max_size=6)


@given(attempts)
def test_attempts_in_any_order_keep_every_first_prediction(rounds: list[dict[str, bool]]) -> None:
    ledger, panel = Ledger(), Panel()
    line = pipeline(Shelf(), panel, ledger)
    for number, answers in enumerate(rounds):
        panel.outcomes = {
            version: prediction(confidence=0.5 + number / 100) if up else model_failure()
            for version, up in answers.items()
        }
        stored = line.classify(upload())
    firsts = {
        version: next((number for number, answers in enumerate(rounds) if answers[version]), None)
        for version in VERSIONS
    }
    for version, first in firsts.items():
        said = stored.predictions[version]
        if first is None:
            assert not isinstance(said, Prediction)
        else:
            assert isinstance(said, Prediction)
            assert said.confidence == pytest.approx(0.5 + first / 100)
    assert len(ledger.items) == 1


def test_the_time_of_day_is_stored_as_it_is_given() -> None:
    later = datetime(2026, 11, 22, 12, 0, 2, tzinfo=UTC)
    line = Pipeline(
        Shelf(), Panel(), Ledger(), FixedPolicy(), budget=Budget(3, 0.3), clock=lambda: 0.0, now=lambda: later
    )
    assert line.classify(upload()).as_dict()["classified_at"] == "2026-11-22T12:00:02.000Z"
