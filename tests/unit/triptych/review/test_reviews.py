"""Protects: the queue is a random sample, no label is lost to concurrent writes, and nothing scans the table."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest

from records.assembly import with_verdict
from records.errors import MAX_CONFLICTS, RecordConflict
from records.keys import shard_of
from records.labels import NONE_OF_THESE
from records.outcomes import Prediction
from records.policy import DEFAULT_POLICY, POLICY_KEY
from records.record import Reason, Record, Status
from records.reviews import Queue
from records.table import RecordTable
from records.uploads import audit_number
from tests.support.uploads import NOON, model_failure, policy, prediction, record, upload
from triptych.errors import TriptychError
from triptych.review import reviews as module
from triptych.review.reviews import CannotReview, QueueCounts, Reviews
from triptych.storage.connection import StackConnection
from triptych.storage.results import RecordQuery, Results

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}
DISAGREED = {"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": prediction("receipt", 0.6)}
HALF = policy(1, weights={}, champion="", audit_share=0.5)


def store(stack: StackConnection, key: str, predictions: dict[str, Prediction], minute: int = 0) -> Record:
    of = upload(key, bucket="inbox", event_time=NOON + timedelta(minutes=minute), sequencer="00AA".ljust(32, "0"))
    stored = with_verdict(record(predictions, of=of), HALF)
    RecordTable(stack.table).save(stored, replacing=None)
    return stored


def fill(stack: StackConnection, count: int = 40) -> list[Record]:
    """Store records: the versions disagree on every fourth; about half of the others are in the audit sample."""
    return [store(stack, f"scan-{n}.pdf", DISAGREED if n % 4 == 0 else AGREED, n) for n in range(count)]


def key_of(of: Record) -> tuple[str, str]:
    return of.upload.document, of.upload.sort_key


def number_of(of: Record) -> float:
    return audit_number(*key_of(of))


class TestQueue:
    def test_doubtful_verdicts_and_audits_alternate_in_pseudorandom_order(self, stack: StackConnection) -> None:
        records = fill(stack)
        doubtful = sorted((r for r in records if r.queue is Queue.REVIEW), key=number_of)
        audits = sorted((r for r in records if r.queue is Queue.AUDIT), key=number_of)
        assert len(doubtful) == 10
        assert 0 < len(audits) < 30
        queue = [each.record for each in Reviews(stack.table).deal(100)]
        assert [key_of(r) for r in queue if r.queue is Queue.REVIEW] == [key_of(r) for r in doubtful]
        assert [key_of(r) for r in queue if r.queue is Queue.AUDIT] == [key_of(r) for r in audits]
        turns = [r.queue for r in queue[: 2 * min(len(doubtful), len(audits))]]
        assert turns == [Queue.REVIEW, Queue.AUDIT] * (len(turns) // 2)
        assert [key_of(each.record) for each in Reviews(stack.table).deal(5)] == [key_of(r) for r in queue[:5]]

    def test_audits_are_drawn_from_undisputed_verdicts(self, stack: StackConnection) -> None:
        for one in fill(stack):
            assert one.audit == (one.verdict is not None and not one.verdict.needs_review and number_of(one) < 0.5)

    def test_only_the_newest_waiting_records_are_in_the_queue(
        self, stack: StackConnection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "WINDOW", 2)
        shards: dict[int, list[Record]] = defaultdict(list)
        for one in fill(stack, 100):
            if one.queue is Queue.REVIEW:
                shards[shard_of(one.upload.document)].append(one)
        queue = [each.record for each in Reviews(stack.table).deal(2) if each.draw.queue is Queue.REVIEW]
        newest = [one for shard in shards.values() for one in shard[-2:]]
        assert [key_of(r) for r in queue] == [key_of(min(newest, key=number_of))]

    def test_a_labelled_record_leaves_the_queue_and_returns_after_undo(self, stack: StackConnection) -> None:
        doubtful_record, reviews = store(stack, "disagreed.pdf", DISAGREED), Reviews(stack.table)
        reviews.label(*key_of(doubtful_record), "receipt", "ann")
        assert reviews.deal() == []
        assert [r.upload.key for r in reviews.labelled()] == ["disagreed.pdf"]
        assert Results(stack.table).newest(RecordQuery.where(review=True), limit=10) == []
        reviews.undo(*key_of(doubtful_record), "ann")
        assert [each.record.upload.key for each in reviews.deal()] == ["disagreed.pdf"]
        assert reviews.labelled() == []


class TestLabel:
    def test_a_label_has_reviewer_time_queue_and_duration(self, stack: StackConnection) -> None:
        doubtful_record = store(stack, "disagreed.pdf", DISAGREED)
        labelled = Reviews(stack.table, now=lambda: NOON).label(*key_of(doubtful_record), "receipt", "ann", seconds=2.5)
        assert labelled.as_dict()["review"] == {
            "label": "receipt",
            "by": "ann",
            "at": "2026-11-22T12:00:00.000Z",
            "queue": "review",
            "seconds": 2.5,
        }
        assert labelled.revision == doubtful_record.revision + 1
        found = Reviews(stack.table).find(*key_of(doubtful_record))
        assert found is not None
        assert found.as_dict() == labelled.as_dict()
        assert found.as_dict()["label"] == doubtful_record.as_dict()["label"]  # the verdict does not change

    def test_the_latest_label_counts_and_earlier_ones_are_kept(self, stack: StackConnection) -> None:
        doubtful_record, reviews = store(stack, "disagreed.pdf", DISAGREED), Reviews(stack.table)
        reviews.label(*key_of(doubtful_record), "receipt", "ann")
        labelled = reviews.label(*key_of(doubtful_record), NONE_OF_THESE, "bo", picked=True)
        assert labelled.review is not None
        assert (labelled.review.label, labelled.review.by) == (NONE_OF_THESE, "bo")
        assert [(r.label, r.by) for r in labelled.earlier_reviews] == [("receipt", "ann")]
        assert labelled.review.queue is Queue.REVIEW  # the queue of the first label
        again = reviews.undo(*key_of(doubtful_record), "bo")
        assert again.review is not None
        assert (again.review.label, again.earlier_reviews) == ("receipt", ())

    def test_only_ones_own_label_can_be_undone(self, stack: StackConnection) -> None:
        doubtful_record, reviews = store(stack, "disagreed.pdf", DISAGREED), Reviews(stack.table)
        with pytest.raises(CannotReview, match="no label"):
            reviews.undo(*key_of(doubtful_record), "ann")
        reviews.label(*key_of(doubtful_record), "receipt", "bo")
        with pytest.raises(CannotReview, match="now bo's"):
            reviews.undo(*key_of(doubtful_record), "ann")

    def test_a_label_keeps_the_queue_of_its_record(self, stack: StackConnection) -> None:
        reviews = Reviews(stack.table)
        records = fill(stack)
        audit = next(r for r in records if r.queue is Queue.AUDIT)
        undisputed = next(r for r in records if r.queue is None)
        doubtful_record, picked = [r for r in records if r.queue is Queue.REVIEW][:2]
        queues = [
            labelled.review.queue
            for labelled in (
                reviews.label(*key_of(audit), "invoice", "ann"),
                reviews.label(*key_of(undisputed), "invoice", "ann"),
                reviews.label(*key_of(doubtful_record), "invoice", "ann"),
                reviews.label(*key_of(picked), "invoice", "ann", picked=True),
            )
            if labelled.review
        ]
        assert queues == [Queue.AUDIT, Queue.OTHER, Queue.REVIEW, Queue.OTHER]

    def test_an_unknown_label_is_rejected_and_known_ones_are_listed(self, stack: StackConnection) -> None:
        doubtful_record = store(stack, "disagreed.pdf", DISAGREED)
        with pytest.raises(CannotReview, match="invoice, receipt or none-of-these"):
            Reviews(stack.table).label(*key_of(doubtful_record), "recipt", "ann")

    def test_two_spellings_of_a_label_are_one_label(self, stack: StackConnection) -> None:
        composed, decomposed = "Gr\u00fc\u00dfe", "Gru\u0308\u00dfe"
        of = store(stack, "letter.pdf", {"v1": prediction(composed), "v2": prediction(decomposed)})
        labelled = Reviews(stack.table).label(*key_of(of), decomposed, "ann")
        assert labelled.review is not None
        assert labelled.review.label == composed
        assert labelled.labels() == [composed, "invoice"]

    def test_a_label_that_only_a_later_version_knows_is_accepted(self, stack: StackConnection) -> None:
        fourth = {**AGREED, "v4": prediction("contract", 0.7, probabilities={"contract": 0.7, "invoice": 0.3})}
        of = store(stack, "four.pdf", fourth)
        labelled = Reviews(stack.table).label(*key_of(of), "contract", "ann")
        assert labelled.review is not None
        assert labelled.review.label == "contract"

    @pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED])
    def test_a_record_without_verdict_cannot_be_labelled(self, stack: StackConnection, status: Status) -> None:
        of = upload("broken.pdf", bucket="inbox")
        failed = record({"v1": model_failure("rejected")}, of=of, status=status, reason=Reason("corrupt", "no"))
        RecordTable(stack.table).save(failed, replacing=None)
        with pytest.raises(CannotReview, match="no version predicted a label"):
            Reviews(stack.table).label(*key_of(failed), NONE_OF_THESE, "ann")

    def test_a_label_needs_a_record_and_a_reviewer(self, stack: StackConnection) -> None:
        doubtful_record = store(stack, "disagreed.pdf", DISAGREED)
        stack.table.put_item(Item=HALF.to_item())
        for document, sequencer in (("inbox/other.pdf", "00"), (POLICY_KEY, "000000000001"), (POLICY_KEY, "")):
            with pytest.raises(CannotReview, match="No record"):
                Reviews(stack.table).label(document, sequencer, "receipt", "ann")
        with pytest.raises(CannotReview, match="name of its reviewer"):
            Reviews(stack.table).label(*key_of(doubtful_record), "receipt", "  ")

    def test_without_a_sequencer_the_newest_upload_is_labelled(self, stack: StackConnection) -> None:
        for sequencer in ("00A1", "00B2"):
            of = upload("cv.pdf", bucket="inbox", sequencer=sequencer.ljust(32, "0"))
            RecordTable(stack.table).save(record(DISAGREED, of=of), replacing=None)
        labelled = Reviews(stack.table).label("inbox/cv.pdf", "", "receipt", "ann")
        assert labelled.upload.sequencer.startswith("00B2")
        older = Reviews(stack.table).find("inbox/cv.pdf", "00A1".ljust(32, "0"))
        assert older is not None
        assert older.review is None

    def test_a_partial_record_keeps_its_label_when_it_is_completed(self, stack: StackConnection) -> None:
        of = upload("slow.pdf", bucket="inbox")
        partial = record({"v1": prediction(), "v2": model_failure(), "v3": model_failure()}, of=of)
        RecordTable(stack.table).save(partial, replacing=None)
        labelled = Reviews(stack.table).label(*key_of(partial), "invoice", "ann")
        complete = replace(with_verdict(record(AGREED, of=of), DEFAULT_POLICY), review=labelled.review).next_revision(
            labelled
        )
        RecordTable(stack.table).save(complete, replacing=labelled)
        assert [r.status for r in Reviews(stack.table).labelled()] == [Status.COMPLETE]
        assert Reviews(stack.table).deal() == []


def test_counts_cover_queues_and_labelled_records_up_to_the_limit(stack: StackConnection) -> None:
    records, reviews = fill(stack), Reviews(stack.table)
    audits = sum(r.queue is Queue.AUDIT for r in records)
    doubtful_record = next(r for r in records if r.queue is Queue.REVIEW)
    reviews.label(*key_of(doubtful_record), "receipt", "ann")
    assert reviews.counts() == QueueCounts(review=9, evidence=0, audit=audits, reviewed=1, most=1000)
    assert reviews.counts(most=3) == QueueCounts(review=3, evidence=0, audit=3, reviewed=1, most=3)
    assert [reviews.waiting(most) for most in (1, 9, 10, 1000)] == [1, 9, 10, 9 + audits]


def test_labelled_records_are_selected_by_time(stack: StackConnection) -> None:
    reviews = Reviews(stack.table)
    for one in fill(stack, 12):
        reviews.label(*key_of(one), "invoice", "ann")
    found = reviews.labelled(since=NOON + timedelta(minutes=3), until=NOON + timedelta(minutes=5))
    assert [r.upload.key for r in found] == ["scan-5.pdf", "scan-4.pdf", "scan-3.pdf"]
    assert [r.upload.key for r in reviews.labelled(limit=2)] == ["scan-11.pdf", "scan-10.pdf"]


def test_reviews_never_scan_the_table(stack: StackConnection) -> None:
    doubtful_record = store(stack, "disagreed.pdf", DISAGREED)
    table = stack.table
    operations: list[str] = []
    table.meta.client.meta.events.register("before-call.dynamodb", lambda model, **_: operations.append(model.name))
    reviews = Reviews(table)
    reviews.deal()
    reviews.label(*key_of(doubtful_record), "receipt", "ann")
    reviews.undo(*key_of(doubtful_record), "ann")
    reviews.labelled()
    reviews.counts()
    assert set(operations) == {"Query", "GetItem", "PutItem"}


def test_two_labels_written_at_the_same_time_are_both_kept(stack: StackConnection) -> None:
    """The second reviewer writes between the first one's read and write; the condition of the write detects it."""
    doubtful_record = store(stack, "disagreed.pdf", DISAGREED)
    other = Reviews(stack.table)

    class Interrupted(RecordTable):
        def save(self, record: Record, *, replacing: Record | None) -> None:
            if replacing and replacing.review is None:
                other.label(*key_of(doubtful_record), "invoice", "bo")
            super().save(record, replacing=replacing)

    labelled = Reviews(stack.table, store=Interrupted(stack.table)).label(*key_of(doubtful_record), "receipt", "ann")
    assert labelled.review is not None
    assert [r.by for r in (*labelled.earlier_reviews, labelled.review)] == ["bo", "ann"]
    assert labelled.revision == doubtful_record.revision + 2


def test_label_that_loses_every_conflict_fails_after_a_limited_number(stack: StackConnection) -> None:
    class ContestedTable(RecordTable):
        saves = 0

        def save(self, record: Record, *, replacing: Record | None) -> None:
            self.saves += 1
            raise RecordConflict("changed")

    labelled, contested = store(stack, "scan.pdf", DISAGREED), ContestedTable(stack.table)
    with pytest.raises(TriptychError, match="try again"):
        Reviews(stack.table, store=contested).label(*key_of(labelled), "invoice", "ann")
    assert contested.saves == MAX_CONFLICTS
