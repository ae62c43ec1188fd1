"""Protects: the queue deals fairly, a label is kept whoever else writes, and nothing is ever scanned."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from records.assembly import with_verdict
from records.keys import shard_of
from records.outcomes import Prediction
from records.policy import DEFAULT_POLICY, POLICY_KEY
from records.record import Reason, Record, Status
from records.reviews import NONE_OF_THESE, Queue
from records.table import RecordTable
from records.uploads import audit_number
from tests.support.uploads import NOON, model_failure, policy, prediction, record, upload
from triptych.review import reviews as module
from triptych.review.reviews import CannotReview, Counts, Reviews
from triptych.storage.connection import StackConnection
from triptych.storage.results import RecordQuery, Results

if TYPE_CHECKING:
    pass

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}
TORN = {"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": prediction("receipt", 0.6)}
HALF = policy(1, weights={}, champion="", audit_share=0.5)


def stored(stack: StackConnection, key: str, said: dict[str, Prediction], minute: int = 0) -> Record:
    of = upload(key, bucket="inbox", event_time=NOON + timedelta(minutes=minute), sequencer="00AA".ljust(32, "0"))
    made = with_verdict(record(said, of=of), HALF)
    RecordTable(stack.table).save(made, replacing=None)
    return made


def fill(stack: StackConnection, count: int = 40) -> list[Record]:
    """Every fourth document is torn; of the others about half are drawn for an audit."""
    return [stored(stack, f"scan-{n}.pdf", TORN if n % 4 == 0 else AGREED, n) for n in range(count)]


def place(of: Record) -> tuple[str, str]:
    return of.upload.document, of.upload.sort_key


def drawn(of: Record) -> float:
    return audit_number(*place(of))


class TestQueue:
    def test_doubts_and_audits_come_in_turn_each_in_the_order_of_the_draw(self, stack: StackConnection) -> None:
        records = fill(stack)
        doubts = sorted((r for r in records if r.queue is Queue.REVIEW), key=drawn)
        audits = sorted((r for r in records if r.queue is Queue.AUDIT), key=drawn)
        assert len(doubts) == 10
        assert 0 < len(audits) < 30
        dealt = Reviews(stack.table).queue(100)
        assert [place(r) for r in dealt if r.queue is Queue.REVIEW] == [place(r) for r in doubts]
        assert [place(r) for r in dealt if r.queue is Queue.AUDIT] == [place(r) for r in audits]
        turns = [r.queue for r in dealt[: 2 * min(len(doubts), len(audits))]]
        assert turns == [Queue.REVIEW, Queue.AUDIT] * (len(turns) // 2)
        assert [place(r) for r in Reviews(stack.table).queue(5)] == [place(r) for r in dealt[:5]]

    def test_an_audit_is_drawn_from_what_nothing_speaks_against(self, stack: StackConnection) -> None:
        for one in fill(stack):
            assert one.audit == (one.verdict is not None and not one.verdict.needs_review and drawn(one) < 0.5)

    def test_only_the_newest_that_wait_are_dealt(self, stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "WINDOW", 2)
        shards: dict[int, list[Record]] = defaultdict(list)
        for one in fill(stack, 100):
            if one.queue is Queue.REVIEW:
                shards[shard_of(one.upload.document)].append(one)
        dealt = [r for r in Reviews(stack.table).queue(2) if r.queue is Queue.REVIEW]
        newest = [one for shard in shards.values() for one in shard[-2:]]
        assert [place(r) for r in dealt] == [place(min(newest, key=drawn))]

    def test_what_is_labelled_leaves_the_queue_and_comes_back_when_taken_back(self, stack: StackConnection) -> None:
        torn, reviews = stored(stack, "torn.pdf", TORN), Reviews(stack.table)
        reviews.label(*place(torn), "receipt", "ann")
        assert reviews.queue() == []
        assert [r.upload.key for r in reviews.labelled()] == ["torn.pdf"]
        assert Results(stack.table).newest(RecordQuery.where(review=True), limit=10) == []
        reviews.undo(*place(torn), "ann")
        assert [r.upload.key for r in reviews.queue()] == ["torn.pdf"]
        assert reviews.labelled() == []


class TestLabel:
    def test_a_label_says_who_when_why_and_how_long(self, stack: StackConnection) -> None:
        torn = stored(stack, "torn.pdf", TORN)
        made = Reviews(stack.table, now=lambda: NOON).label(*place(torn), "receipt", "ann", seconds=2.5)
        assert made.as_dict()["review"] == {
            "label": "receipt",
            "by": "ann",
            "at": "2026-11-22T12:00:00.000Z",
            "queue": "review",
            "seconds": 2.5,
        }
        assert made.revision == torn.revision + 1
        found = Reviews(stack.table).find(*place(torn))
        assert found is not None
        assert found.as_dict() == made.as_dict()
        assert found.as_dict()["label"] == torn.as_dict()["label"]  # the verdict stays the versions' own

    def test_the_last_of_two_people_stands_and_the_first_is_kept(self, stack: StackConnection) -> None:
        torn, reviews = stored(stack, "torn.pdf", TORN), Reviews(stack.table)
        reviews.label(*place(torn), "receipt", "ann")
        made = reviews.label(*place(torn), NONE_OF_THESE, "bo", picked=True)
        assert made.review is not None
        assert (made.review.label, made.review.by) == (NONE_OF_THESE, "bo")
        assert [(r.label, r.by) for r in made.earlier_reviews] == [("receipt", "ann")]
        assert made.review.queue is Queue.REVIEW  # how it was chosen at first
        again = reviews.undo(*place(torn), "bo")
        assert again.review is not None
        assert (again.review.label, again.earlier_reviews) == ("receipt", ())

    def test_only_one_s_own_label_can_be_taken_back(self, stack: StackConnection) -> None:
        torn, reviews = stored(stack, "torn.pdf", TORN), Reviews(stack.table)
        with pytest.raises(CannotReview, match="no label"):
            reviews.undo(*place(torn), "ann")
        reviews.label(*place(torn), "receipt", "bo")
        with pytest.raises(CannotReview, match="bo's now"):
            reviews.undo(*place(torn), "ann")

    def test_how_a_document_was_chosen_is_remembered(self, stack: StackConnection) -> None:
        reviews = Reviews(stack.table)
        records = fill(stack)
        audit = next(r for r in records if r.queue is Queue.AUDIT)
        calm = next(r for r in records if r.queue is None)
        torn, looked_up = [r for r in records if r.queue is Queue.REVIEW][:2]
        queues = [
            made.review.queue
            for made in (
                reviews.label(*place(audit), "invoice", "ann"),
                reviews.label(*place(calm), "invoice", "ann"),
                reviews.label(*place(torn), "invoice", "ann"),
                reviews.label(*place(looked_up), "invoice", "ann", picked=True),
            )
            if made.review
        ]
        assert queues == [Queue.AUDIT, Queue.OTHER, Queue.REVIEW, Queue.OTHER]

    def test_a_label_that_no_version_knows_is_refused_with_those_that_are(self, stack: StackConnection) -> None:
        torn = stored(stack, "torn.pdf", TORN)
        with pytest.raises(CannotReview, match="invoice, receipt or none-of-these"):
            Reviews(stack.table).label(*place(torn), "recipt", "ann")

    def test_a_label_of_a_version_that_came_later_counts_where_that_version_answered(
        self, stack: StackConnection
    ) -> None:
        fourth = {**AGREED, "v4": prediction("contract", 0.7, probabilities={"contract": 0.7, "invoice": 0.3})}
        of = stored(stack, "four.pdf", fourth)
        made = Reviews(stack.table).label(*place(of), "contract", "ann")
        assert made.review is not None
        assert made.review.label == "contract"

    @pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED])
    def test_without_a_verdict_there_is_nothing_to_compare_a_label_with(
        self, stack: StackConnection, status: Status
    ) -> None:
        of = upload("broken.pdf", bucket="inbox")
        made = record({"v1": model_failure("rejected")}, of=of, status=status, reason=Reason("corrupt", "no"))
        RecordTable(stack.table).save(made, replacing=None)
        with pytest.raises(CannotReview, match="compared with nothing"):
            Reviews(stack.table).label(*place(made), NONE_OF_THESE, "ann")

    def test_a_label_needs_a_record_and_a_name(self, stack: StackConnection) -> None:
        torn = stored(stack, "torn.pdf", TORN)
        stack.table.put_item(Item=HALF.to_item())
        for document, sequencer in (("inbox/other.pdf", "00"), (POLICY_KEY, "000000000001"), (POLICY_KEY, "")):
            with pytest.raises(CannotReview, match="no record"):
                Reviews(stack.table).label(document, sequencer, "receipt", "ann")
        with pytest.raises(CannotReview, match="name"):
            Reviews(stack.table).label(*place(torn), "receipt", "  ")

    def test_without_a_sequencer_the_newest_upload_is_meant(self, stack: StackConnection) -> None:
        for sequencer in ("00A1", "00B2"):
            of = upload("cv.pdf", bucket="inbox", sequencer=sequencer.ljust(32, "0"))
            RecordTable(stack.table).save(record(TORN, of=of), replacing=None)
        made = Reviews(stack.table).label("inbox/cv.pdf", "", "receipt", "ann")
        assert made.upload.sequencer.startswith("00B2")
        older = Reviews(stack.table).find("inbox/cv.pdf", "00A1".ljust(32, "0"))
        assert older is not None
        assert older.review is None

    def test_a_partial_record_keeps_its_label_when_it_is_completed(self, stack: StackConnection) -> None:
        of = upload("slow.pdf", bucket="inbox")
        partial = record({"v1": prediction(), "v2": model_failure(), "v3": model_failure()}, of=of)
        RecordTable(stack.table).save(partial, replacing=None)
        labelled = Reviews(stack.table).label(*place(partial), "invoice", "ann")
        complete = replace(with_verdict(record(AGREED, of=of), DEFAULT_POLICY), review=labelled.review).next_revision(
            labelled
        )
        RecordTable(stack.table).save(complete, replacing=labelled)
        assert [r.status for r in Reviews(stack.table).labelled()] == [Status.COMPLETE]
        assert Reviews(stack.table).queue() == []


def test_the_counts_are_of_the_three_kinds_and_end_where_they_are_told_to(stack: StackConnection) -> None:
    records, reviews = fill(stack), Reviews(stack.table)
    audits = sum(r.queue is Queue.AUDIT for r in records)
    torn = next(r for r in records if r.queue is Queue.REVIEW)
    reviews.label(*place(torn), "receipt", "ann")
    assert reviews.counts() == Counts(review=9, audit=audits, reviewed=1, most=1000)
    assert reviews.counts(most=3) == Counts(review=3, audit=3, reviewed=1, most=3)


def test_what_is_labelled_is_found_by_time(stack: StackConnection) -> None:
    reviews = Reviews(stack.table)
    for one in fill(stack, 12):
        reviews.label(*place(one), "invoice", "ann")
    found = reviews.labelled(since=NOON + timedelta(minutes=3), until=NOON + timedelta(minutes=5))
    assert [r.upload.key for r in found] == ["scan-5.pdf", "scan-4.pdf", "scan-3.pdf"]
    assert [r.upload.key for r in reviews.labelled(limit=2)] == ["scan-11.pdf", "scan-10.pdf"]


def test_nothing_is_ever_scanned(stack: StackConnection) -> None:
    torn = stored(stack, "torn.pdf", TORN)
    table = stack.table
    operations: list[str] = []
    table.meta.client.meta.events.register("before-call.dynamodb", lambda model, **_: operations.append(model.name))
    reviews = Reviews(table)
    reviews.queue()
    reviews.label(*place(torn), "receipt", "ann")
    reviews.undo(*place(torn), "ann")
    reviews.labelled()
    reviews.counts()
    assert set(operations) == {"Query", "GetItem", "PutItem"}


def test_two_that_label_at_the_same_moment_are_both_kept(stack: StackConnection) -> None:
    """The second writes between the first's look and its write; the real table's condition decides."""
    torn = stored(stack, "torn.pdf", TORN)
    other = Reviews(stack.table)

    class Interrupted(RecordTable):
        def save(self, record: Record, *, replacing: Record | None) -> None:
            if replacing and replacing.review is None:
                other.label(*place(torn), "invoice", "bo")
            super().save(record, replacing=replacing)

    made = Reviews(stack.table, store=Interrupted(stack.table)).label(*place(torn), "receipt", "ann")
    assert made.review is not None
    assert [r.by for r in (*made.earlier_reviews, made.review)] == ["bo", "ann"]
    assert made.revision == torn.revision + 2
