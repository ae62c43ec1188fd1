"""Protects: no label is lost, duplicated or assigned to the wrong document, and no document is shown twice."""

import re

import pytest
from fastapi.testclient import TestClient

from records.labels import NONE_OF_THESE
from records.record import Record
from records.reviews import Queue
from tests.support.uploads import prediction
from tests.unit.triptych.console.conftest import AGREED, DISAGREED, add_document
from triptych.console.context import Console
from triptych.console.review import LABEL_KEYS
from triptych.review.reviews import Reviews
from triptych.storage.connection import StackConnection


def form(of: Record, label: str) -> dict[str, str]:
    return {"document": of.upload.document, "sequencer": of.upload.sort_key, "label": label}


def current_document(text: str) -> str:
    """Return the current document of a page."""
    return text.split('name="document" value="')[1].split('"')[0]


def stored(stack: StackConnection, of: Record) -> Record:
    found = Reviews(stack.table).find(of.upload.document, of.upload.sort_key)
    assert found is not None
    return found


class TestPage:
    def test_page_has_one_key_per_label_and_hides_predictions(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        add_document(stack, "disagreed.pdf", DISAGREED)
        page = browser.get("/review").text
        assert current_document(page) == "inbox/disagreed.pdf"
        assert "<kbd>1</kbd><span>invoice</span>" in page
        assert "<kbd>2</kbd><span>receipt</span>" in page
        assert "<kbd>0</kbd><span>none of these</span>" in page
        predictions = page.index('<details class="predictions">')
        assert "<details open" not in page
        assert page.index("v2") > predictions

    def test_label_is_written_and_the_next_document_follows(self, browser: TestClient, stack: StackConnection) -> None:
        both = {
            made.upload.document: made
            for made in (add_document(stack, "a.pdf", DISAGREED), add_document(stack, "b.pdf", AGREED))
        }
        first = both[current_document(browser.get("/review").text)]
        answer = browser.post("/review/label", data=form(first, "invoice"))
        review = stored(stack, first).review
        assert review is not None
        assert (review.label, review.by) == ("invoice", "ann")
        assert review.queue in (Queue.REVIEW, Queue.AUDIT)
        assert review.seconds is not None
        [other] = [name for name in both if name != first.upload.document]
        assert current_document(answer.text) == other
        assert "<b>1</b> labelled" in answer.text

    def test_response_shows_which_versions_were_right(self, browser: TestClient, stack: StackConnection) -> None:
        made = add_document(stack, "disagreed.pdf", DISAGREED)
        browser.get("/review")
        answer = browser.post("/review/label", data=form(made, "receipt")).text
        assert answer.count('<span class="right') == 2
        assert answer.count('<span class="wrong') == 1

    def test_none_of_these_can_be_assigned(self, browser: TestClient, stack: StackConnection) -> None:
        made = add_document(stack, "disagreed.pdf", DISAGREED)
        browser.get("/review")
        browser.post("/review/label", data=form(made, NONE_OF_THESE))
        review = stored(stack, made).review
        assert review is not None
        assert review.label == NONE_OF_THESE

    def test_undo_removes_the_label_and_shows_the_document_again(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        made = add_document(stack, "disagreed.pdf", DISAGREED)
        browser.get("/review")
        browser.post("/review/label", data=form(made, "invoice"))
        answer = browser.post("/review/undo")
        assert current_document(answer.text) == "inbox/disagreed.pdf"
        assert stored(stack, made).review is None
        assert stored(stack, made).queue is Queue.REVIEW
        assert "<b>0</b> labelled" in answer.text
        browser.post("/review/label", data=form(made, "receipt"))
        review = stored(stack, made).review
        assert review is not None
        assert review.label == "receipt"

    def test_undo_without_labels_changes_nothing(self, browser: TestClient, stack: StackConnection) -> None:
        add_document(stack, "disagreed.pdf", DISAGREED)
        assert current_document(browser.post("/review/undo").text) == "inbox/disagreed.pdf"

    def test_skipped_document_stays_in_the_queue_and_is_not_shown_again(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        made = add_document(stack, "disagreed.pdf", DISAGREED)
        browser.get("/review")
        answer = browser.post("/review/skip", data=form(made, ""))
        assert "The review queue is empty" in answer.text
        assert "The review queue is empty" in browser.get("/review").text
        assert stored(stack, made).queue is Queue.REVIEW

    def test_empty_queue_explains_itself(self, browser: TestClient) -> None:
        page = browser.get("/review").text
        assert "The review queue is empty" in page
        assert "random sample" in page


class TestManyLabels:
    """With more labels than keys, a field completes what the reviewer types."""

    LABELS = tuple(f"kind_{number:02}" for number in range(40))

    def add(self, stack: StackConnection) -> Record:
        probabilities = dict.fromkeys(self.LABELS, 0.01) | {"kind_07": 0.61}
        outcome = prediction("kind_07", 0.61, probabilities=probabilities, abstained=True)
        return add_document(stack, "many.pdf", {"v1": outcome, "v2": outcome, "v3": outcome})

    def test_every_label_is_offered(self, browser: TestClient, stack: StackConnection) -> None:
        self.add(stack)
        page = browser.get("/review").text
        options = re.findall('<option value="([^"]+)">', page)
        assert options == [*self.LABELS, NONE_OF_THESE]
        buttons = re.findall('name="label" value="([^"]+)" data-key="(.)"', page)
        assert buttons == [*zip(self.LABELS, LABEL_KEYS, strict=False), (NONE_OF_THESE, "0")]
        assert 'list="all-labels" data-key="/"' in page

    @pytest.mark.parametrize("text", ["kind_39", "KIND 39", "kind-39", "39"])
    def test_label_without_a_key_can_be_typed(self, browser: TestClient, stack: StackConnection, text: str) -> None:
        made = self.add(stack)
        browser.get("/review")
        answer = browser.post("/review/typed", data={**form(made, ""), "text": text})
        assert answer.status_code == 200
        review = stored(stack, made).review
        assert review is not None
        assert review.label == "kind_39"
        assert review.seconds is not None

    @pytest.mark.parametrize(
        ("text", "reason"), [("kind_3", "type more of the label"), ("poem", "No label starts with")]
    )
    def test_text_that_does_not_identify_one_label_is_rejected(
        self, browser: TestClient, stack: StackConnection, text: str, reason: str
    ) -> None:
        made = self.add(stack)
        answer = browser.post("/review/typed", data={**form(made, ""), "text": text})
        assert answer.status_code == 409
        assert reason in answer.text
        assert stored(stack, made).review is None

    def test_field_is_absent_if_every_label_has_a_key(self, browser: TestClient, stack: StackConnection) -> None:
        add_document(stack, "few.pdf", DISAGREED)
        assert "all-labels" not in browser.get("/review").text


class TestReviewSession:
    def test_document_labelled_by_another_reviewer_is_not_shown(self, console: Console, stack: StackConnection) -> None:
        for key in ("a.pdf", "b.pdf"):
            add_document(stack, key, DISAGREED)
        first = console.review_session.current()
        assert first is not None
        [second] = console.review_session.upcoming()
        Reviews(stack.table).label(second.upload.document, second.upload.sort_key, "invoice", "bob")
        console.review_session.label(first.upload.document, first.upload.sort_key, "invoice")
        assert console.review_session.current() is None

    def test_long_times_are_not_recorded(self, console: Console, stack: StackConnection) -> None:
        now = 0.0
        console.review_session.clock = lambda: now
        for key in ("a.pdf", "b.pdf"):
            add_document(stack, key, DISAGREED)
        labelled = []
        for passed in (2.5, 4000.0):
            record = console.review_session.current()
            assert record is not None
            now += passed
            labelled.append(console.review_session.label(record.upload.document, record.upload.sort_key, "invoice"))
        assert [record.review.seconds for record in labelled if record.review] == [2.5, None]

    def test_pace_is_calculated_from_recorded_times(self, console: Console, stack: StackConnection) -> None:
        now = 0.0
        console.review_session.clock = lambda: now
        for number in range(4):
            add_document(stack, f"{number}.pdf", DISAGREED)
        for _ in range(4):
            record = console.review_session.current()
            assert record is not None
            now += 6
            console.review_session.label(record.upload.document, record.upload.sort_key, "invoice")
        assert console.review_session.documents_per_hour() == 600

    def test_documents_are_fetched_in_batches(
        self, operations: list[str], console: Console, stack: StackConnection
    ) -> None:
        for number in range(12):
            add_document(stack, f"{number}.pdf", DISAGREED)
        operations.clear()
        for _ in range(12):
            record = console.review_session.current()
            assert record is not None
            console.review_session.label(record.upload.document, record.upload.sort_key, "invoice")
        # One fetch of eight shards each: three queues and the newest records, which contain the labels. And the policy.
        assert operations.count("Query") == 33
        assert "Scan" not in operations
