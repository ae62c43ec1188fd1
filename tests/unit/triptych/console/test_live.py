"""Protects: what is on the page is what the table says, newest first, by queries alone; and every name is only text."""

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from records.outcomes import Outcome
from records.record import Reason, Status
from records.table import RecordTable
from tests.support.uploads import model_failure, record, upload
from tests.unit.triptych.console.conftest import AGREED, TORN, drop
from triptych.console.filters import PAGE
from triptych.console.live import key_of
from triptych.storage.connection import StackConnection

HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}.pdf"


def names(text: str) -> list[str]:
    """The names on a page, in their order."""
    return [part.split("</p>")[0].split(">")[-1] for part in text.split('<p class="name"')[1:]]


def test_documents_stand_newest_first_with_all_that_matters(browser: TestClient, stack: StackConnection) -> None:
    drop(stack, "older.pdf", AGREED, minutes_ago=5)
    partial: dict[str, Outcome] = {**AGREED, "v2": model_failure("timeout")}
    drop(stack, "newer.pdf", partial)
    page = browser.get("/").text
    assert names(page) == ["newer.pdf", "older.pdf"]
    for words in (
        "invoice",
        "90\N{NARROW NO-BREAK SPACE}%",
        "unanimous",
        "partial",
        "timeout",
        "12 KB",
        "20 ms",
        "40 ms",
    ):
        assert words in page


def test_a_rejected_document_says_why(browser: TestClient, stack: StackConnection) -> None:
    reason = Reason("corrupt-document", "The JPEG file is damaged.")
    made = record({}, of=upload("torn.jpg", bucket="inbox"), status=Status.REJECTED, reason=reason)
    RecordTable(stack.table).save(made, replacing=None)
    assert "The JPEG file is damaged." in browser.get("/").text


def test_names_and_errors_are_text_and_nothing_else(browser: TestClient, stack: StackConnection) -> None:
    said: dict[str, Outcome] = {**AGREED, "v3": model_failure("failed", "<script>alert(2)</script>")}
    made = drop(stack, HOSTILE, said)
    address = {"document": made.upload.document, "sequencer": made.upload.sort_key}
    for page in (browser.get("/"), browser.get("/document", params=address), browser.get("/review")):
        assert page.status_code == 200
        assert "<img src=x" not in page.text
        assert "<script>alert" not in page.text
        assert "&lt;img src=x onerror" in page.text
        assert "{{7*7}}" in page.text


class TestQuestions:
    @pytest.mark.parametrize(
        ("show", "expected"),
        [
            ("", ["agreed.pdf", "torn.pdf"]),
            ("review", ["torn.pdf"]),
            ("label:receipt", ["torn.pdf"]),
            ("label:invoice", ["agreed.pdf"]),
            ("status:COMPLETE", ["agreed.pdf", "torn.pdf"]),
            ("status:FAILED", []),
            ("reviewed", []),
            ("status:nonsense", ["agreed.pdf", "torn.pdf"]),
        ],
    )
    def test_each_is_an_index_of_the_table(
        self, browser: TestClient, stack: StackConnection, show: str, expected: list[str]
    ) -> None:
        drop(stack, "torn.pdf", TORN, minutes_ago=1)
        drop(stack, "agreed.pdf", AGREED)
        page = browser.get("/", params={"show": show}).text
        assert names(page) == expected
        assert bool(expected) != ("Nothing matches" in page)

    def test_within_a_time(self, browser: TestClient, stack: StackConnection) -> None:
        drop(stack, "old.pdf", AGREED, minutes_ago=90)
        drop(stack, "new.pdf", AGREED)
        assert names(browser.get("/?within=1h").text) == ["new.pdf"]
        assert names(browser.get("/?within=24h").text) == ["new.pdf", "old.pdf"]

    def test_older_pages_go_on_where_the_newer_ended(self, browser: TestClient, stack: StackConnection) -> None:
        for number in range(PAGE + 5):
            drop(stack, f"scan-{number:02}.pdf", AGREED, minutes_ago=number)
        first = browser.get("/").text
        assert names(first) == [f"scan-{number:02}.pdf" for number in range(PAGE)]
        address = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        second = browser.get(address).text
        assert names(second) == [f"scan-{number:02}.pdf" for number in range(PAGE, PAGE + 5)]
        assert "tick" not in second  # what is past does not change by itself

    def test_a_page_of_one_moment_does_not_hide_what_came_before(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        """A backfill has the bucket's whole seconds for times: more of them than a page may be one moment's."""
        for number in range(PAGE + 5):
            drop(stack, f"copied-{number:02}.pdf", AGREED, minutes_ago=1)
        drop(stack, "newest.pdf", AGREED)
        for number in range(2):
            drop(stack, f"older-{number}.pdf", AGREED, minutes_ago=2 + number)
        address, seen = "/", list[str]()
        for _ in range(3):
            page = browser.get(address).text
            seen += names(page)
            if 'rel="next"' not in page:
                break
            address = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        assert set(seen) >= {f"copied-{number:02}.pdf" for number in range(PAGE + 5)}
        assert seen[0] == "newest.pdf"
        assert seen[-2:] == ["older-0.pdf", "older-1.pdf"]

    def test_nothing_is_ever_scanned_and_a_page_asks_each_shard_once(
        self, browser: TestClient, stack: StackConnection, console: object
    ) -> None:
        drop(stack, "a.pdf", AGREED)
        asked: list[str] = []
        table = console.access().results._table  # type: ignore[attr-defined]
        table.meta.client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
        browser.get("/")
        assert asked == ["Query"] * 8


class TestFreshness:
    def test_what_the_browser_has_seen_is_not_sent_again(self, browser: TestClient, stack: StackConnection) -> None:
        drop(stack, "a.pdf", AGREED)
        seen = browser.get("/").text.split('{"seen": "')[1].split('"')[0]
        assert browser.get("/documents", params={"seen": seen}).status_code == 204
        drop(stack, "b.pdf", AGREED)
        fresh = browser.get("/documents", params={"seen": seen})
        assert fresh.status_code == 200
        assert names(fresh.text) == ["b.pdf", "a.pdf"]
        assert "<html" not in fresh.text

    def test_a_label_changes_the_page(self, browser: TestClient, stack: StackConnection) -> None:
        made = drop(stack, "a.pdf", AGREED)
        seen = browser.get("/").text.split('{"seen": "')[1].split('"')[0]
        given = {"document": made.upload.document, "sequencer": made.upload.sort_key, "label": "invoice"}
        assert browser.post("/document/label", data=given).status_code == 303
        assert "labelled" in browser.get("/documents", params={"seen": seen}).text


def test_no_documents_yet_says_what_to_do(browser: TestClient) -> None:
    page = browser.get("/").text
    assert "No documents yet" in page
    assert "triptych put samples/documents" in page


class TestDrop:
    def test_a_file_goes_into_the_bucket_under_its_own_name(
        self, browser: TestClient, stack: StackConnection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("triptych.console.live._PATIENCE", 0.05)
        answer = browser.post("/drop", files={"file": ("scan <1>.pdf", b"content", "application/pdf")})
        assert answer.status_code == 200
        stored = stack.s3.get_object(Bucket="inbox", Key="scan <1>.pdf")
        assert (stored["Body"].read(), stored["ContentType"]) == (b"content", "application/pdf")
        # No orchestrator runs here: the page goes on asking.
        assert "is being classified" in answer.text
        assert "scan &lt;1&gt;.pdf" in answer.text
        assert 'hx-get="/dropped"' in answer.text

    def test_its_entry_turns_into_the_verdict_once_there_is_one(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        made = drop(stack, "a.pdf", AGREED).upload
        asked = {"key": "a.pdf", "etag": "", "version": made.version_id or "", "at": "2026-11-22T12:00:00+00:00"}
        answer = browser.get("/dropped", params=asked)
        assert "invoice" in answer.text
        assert "hx-get" not in answer.text
        assert browser.get("/dropped", params={**asked, "version": "another"}).status_code == 204

    @given(st.text(max_size=400))
    def test_a_name_becomes_a_key_that_a_person_can_see_and_type(self, name: str) -> None:
        key = key_of(name)
        assert key
        assert len(key) <= 200
        assert "/" not in key
        assert "\\" not in key
        assert key.isprintable() or not key.isascii()

    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("a/b/scan.pdf", "scan.pdf"),
            (r"C:\docs\scan.pdf", "scan.pdf"),
            ("..", ".."),
            ("", "document"),
            ("a\nb", "ab"),
        ],
    )
    def test_folders_and_control_characters_are_left_out(self, name: str, key: str) -> None:
        assert key_of(name) == key
