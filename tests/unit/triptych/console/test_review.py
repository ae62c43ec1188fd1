"""Protects: no label is lost, doubled or given to the wrong document, and nothing is dealt twice."""

from fastapi.testclient import TestClient

from records.record import Record
from records.reviews import NONE_OF_THESE, Queue
from tests.unit.triptych.console.conftest import AGREED, TORN, drop
from triptych.console.context import Console
from triptych.review.reviews import Reviews
from triptych.storage.connection import StackConnection


def given(of: Record, label: str) -> dict[str, str]:
    return {"document": of.upload.document, "sequencer": of.upload.sort_key, "label": label}


def lying(text: str) -> str:
    """The document on the desk."""
    return text.split('name="document" value="')[1].split('"')[0]


def stored(stack: StackConnection, of: Record) -> Record:
    found = Reviews(stack.table).find(of.upload.document, of.upload.sort_key)
    assert found is not None
    return found


class TestPage:
    def test_one_key_a_label_and_nothing_of_what_the_versions_say_before(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        drop(stack, "torn.pdf", TORN)
        page = browser.get("/review").text
        assert lying(page) == "inbox/torn.pdf"
        assert "<kbd>1</kbd><span>invoice</span>" in page
        assert "<kbd>2</kbd><span>receipt</span>" in page
        assert "<kbd>0</kbd><span>none of these</span>" in page
        said = page.index('<details class="said">')  # closed until asked for
        assert "<details open" not in page
        assert page.index("v2") > said

    def test_a_label_is_written_with_who_when_and_how_long_and_the_next_document_follows(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        both = {made.upload.document: made for made in (drop(stack, "a.pdf", TORN), drop(stack, "b.pdf", AGREED))}
        first = both[lying(browser.get("/review").text)]
        answer = browser.post("/review/label", data=given(first, "invoice"))
        review = stored(stack, first).review
        assert review is not None
        assert (review.label, review.by) == ("invoice", "ann")
        assert review.queue in (Queue.REVIEW, Queue.AUDIT)
        assert review.seconds is not None
        [other] = [name for name in both if name != first.upload.document]
        assert lying(answer.text) == other
        assert "<b>1</b> labelled" in answer.text

    def test_afterwards_it_says_which_versions_were_right(self, browser: TestClient, stack: StackConnection) -> None:
        made = drop(stack, "torn.pdf", TORN)
        browser.get("/review")
        answer = browser.post("/review/label", data=given(made, "receipt")).text
        assert answer.count('<span class="right') == 2
        assert answer.count('<span class="wrong') == 1

    def test_no_label_may_fit(self, browser: TestClient, stack: StackConnection) -> None:
        made = drop(stack, "torn.pdf", TORN)
        browser.get("/review")
        browser.post("/review/label", data=given(made, NONE_OF_THESE))
        review = stored(stack, made).review
        assert review is not None
        assert review.label == NONE_OF_THESE

    def test_undo_takes_the_label_back_and_shows_the_document_again(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        made = drop(stack, "torn.pdf", TORN)
        browser.get("/review")
        browser.post("/review/label", data=given(made, "invoice"))
        answer = browser.post("/review/undo")
        assert lying(answer.text) == "inbox/torn.pdf"
        assert stored(stack, made).review is None
        assert stored(stack, made).queue is Queue.REVIEW
        assert "<b>0</b> labelled" in answer.text
        browser.post("/review/label", data=given(made, "receipt"))
        review = stored(stack, made).review
        assert review is not None
        assert review.label == "receipt"

    def test_undo_with_nothing_done_changes_nothing(self, browser: TestClient, stack: StackConnection) -> None:
        drop(stack, "torn.pdf", TORN)
        assert lying(browser.post("/review/undo").text) == "inbox/torn.pdf"

    def test_next_leaves_the_document_waiting_and_does_not_deal_it_again(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        made = drop(stack, "torn.pdf", TORN)
        browser.get("/review")
        answer = browser.post("/review/skip", data=given(made, ""))
        assert "Nothing waits for you" in answer.text
        assert "Nothing waits for you" in browser.get("/review").text
        assert stored(stack, made).queue is Queue.REVIEW

    def test_nothing_waiting_says_what_comes_here(self, browser: TestClient) -> None:
        page = browser.get("/review").text
        assert "Nothing waits for you" in page
        assert "random sample" in page


class TestDesk:
    def test_what_somebody_else_labelled_meanwhile_is_not_shown(self, console: Console, stack: StackConnection) -> None:
        for key in ("a.pdf", "b.pdf"):
            drop(stack, key, TORN)
        first = console.desk.current()
        assert first is not None
        [second] = console.desk.ahead()
        Reviews(stack.table).label(second.upload.document, second.upload.sort_key, "invoice", "bob")
        console.desk.label(first.upload.document, first.upload.sort_key, "invoice")
        assert console.desk.current() is None

    def test_time_away_is_no_time_spent(self, console: Console, stack: StackConnection) -> None:
        now = 0.0
        console.desk.clock = lambda: now
        for key in ("a.pdf", "b.pdf"):
            drop(stack, key, TORN)
        labelled = []
        for passed in (2.5, 4000.0):
            record = console.desk.current()
            assert record is not None
            now += passed
            labelled.append(console.desk.label(record.upload.document, record.upload.sort_key, "invoice"))
        assert [record.review.seconds for record in labelled if record.review] == [2.5, None]

    def test_the_pace_is_of_the_documents_that_were_looked_at(self, console: Console, stack: StackConnection) -> None:
        now = 0.0
        console.desk.clock = lambda: now
        for number in range(4):
            drop(stack, f"{number}.pdf", TORN)
        for _ in range(4):
            record = console.desk.current()
            assert record is not None
            now += 6
            console.desk.label(record.upload.document, record.upload.sort_key, "invoice")
        assert console.desk.pace() == 600

    def test_a_deck_is_dealt_with_few_queries(self, console: Console, stack: StackConnection) -> None:
        for number in range(12):
            drop(stack, f"{number}.pdf", TORN)
        asked: list[str] = []
        for table in (console.access().results._table, console.access().reviews._results._table):
            table.meta.client.meta.events.register(
                "before-call.dynamodb", lambda model, **_: asked.append(model.name), unique_id="counted"
            )
        for _ in range(12):
            record = console.desk.current()
            assert record is not None
            console.desk.label(record.upload.document, record.upload.sort_key, "invoice")
        assert asked.count("Query") == 16  # one deal: two queues of eight shards
        assert "Scan" not in asked
