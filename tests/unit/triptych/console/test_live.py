"""Protects: the page shows the table's records, newest first, by queries alone; names cannot affect the page."""

import html
import re

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from records.outcomes import Outcome
from records.record import Reason, Status
from records.table import RecordTable
from tests.support.uploads import model_failure, record, upload
from tests.unit.triptych.console.conftest import AGREED, DISAGREED, add_document
from triptych.console.filters import PAGE_SIZE
from triptych.console.live import object_key
from triptych.storage.connection import StackConnection

DECEPTIVE = "invoice\u202efdp\u2066.exe"
HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}.pdf"


def names(text: str) -> list[str]:
    """Return the names on a page, in order."""
    return [part.split("</p>")[0].split(">")[-1] for part in text.split('<p class="name"')[1:]]


def test_documents_are_listed_newest_first(browser: TestClient, stack: StackConnection) -> None:
    add_document(stack, "older.pdf", AGREED, minutes_ago=5)
    partial: dict[str, Outcome] = {**AGREED, "v2": model_failure("timeout")}
    add_document(stack, "newer.pdf", partial)
    page = browser.get("/").text
    assert names(page) == ["newer.pdf", "older.pdf"]
    for text in (
        "invoice",
        "90\N{NARROW NO-BREAK SPACE}%",
        "unanimous",
        "partial",
        "timeout",
        "12 KB",
        "20 ms",
        "40 ms",
    ):
        assert text in page


def test_rejected_document_shows_the_reason(browser: TestClient, stack: StackConnection) -> None:
    reason = Reason("corrupt-document", "The JPEG file is damaged.")
    made = record({}, of=upload("torn.jpg", bucket="inbox"), status=Status.REJECTED, reason=reason)
    RecordTable(stack.table).save(made, replacing=None)
    assert "The JPEG file is damaged." in browser.get("/").text


def test_names_and_errors_are_escaped(browser: TestClient, stack: StackConnection) -> None:
    outcomes: dict[str, Outcome] = {**AGREED, "v3": model_failure("failed", "<script>alert(2)</script>")}
    made = add_document(stack, HOSTILE, outcomes)
    query = {"document": made.upload.document, "sequencer": made.upload.sort_key}
    for page in (browser.get("/"), browser.get("/document", params=query), browser.get("/review")):
        assert page.status_code == 200
        assert "<img src=x" not in page.text
        assert "<script>alert" not in page.text
        assert "&lt;img src=x onerror" in page.text
        assert "{{7*7}}" in page.text


def test_control_and_bidirectional_characters_in_names_are_replaced(
    browser: TestClient, stack: StackConnection
) -> None:
    """They could make `exe.pdf` look like `pdf.exe`, or hide text; forms and links keep the real name."""
    made = add_document(stack, DECEPTIVE, {**DISAGREED, "v1": model_failure("failed", "re\u202evers\x1bed")})
    query = {"document": made.upload.document, "sequencer": made.upload.sort_key}
    pages = [browser.get("/"), browser.get("/document", params=query), browser.get("/review")]
    for page in pages:
        assert page.status_code == 200
        text = re.sub(r'(href|src|value)="[^"]*"', "", page.text)
        assert not any(character in text for character in "\u202e\u2066\u200f\x07\x1b\x85")
        assert "invoice\ufffdfdp\ufffd.exe" in text
    assert f'value="{made.upload.document}"' in pages[2].text
    [card] = [part for part in pages[0].text.split('href="') if part.startswith("/document?")]
    assert browser.get(html.unescape(card.split('"')[0])).status_code == 200


class TestFilters:
    @pytest.mark.parametrize(
        ("show", "expected"),
        [
            ("", ["agreed.pdf", "disagreed.pdf"]),
            ("review", ["disagreed.pdf"]),
            ("label:receipt", ["disagreed.pdf"]),
            ("label:invoice", ["agreed.pdf"]),
            ("status:COMPLETE", ["agreed.pdf", "disagreed.pdf"]),
            ("status:FAILED", []),
            ("reviewed", []),
            ("status:nonsense", ["agreed.pdf", "disagreed.pdf"]),
        ],
    )
    def test_each_filter_queries_an_index(
        self, browser: TestClient, stack: StackConnection, show: str, expected: list[str]
    ) -> None:
        add_document(stack, "disagreed.pdf", DISAGREED, minutes_ago=1)
        add_document(stack, "agreed.pdf", AGREED)
        page = browser.get("/", params={"show": show}).text
        assert names(page) == expected
        assert bool(expected) != ("No matching documents" in page)

    def test_time_range_is_applied(self, browser: TestClient, stack: StackConnection) -> None:
        add_document(stack, "old.pdf", AGREED, minutes_ago=90)
        add_document(stack, "new.pdf", AGREED)
        assert names(browser.get("/?within=1h").text) == ["new.pdf"]
        assert names(browser.get("/?within=24h").text) == ["new.pdf", "old.pdf"]

    def test_older_page_continues_where_the_newer_ended(self, browser: TestClient, stack: StackConnection) -> None:
        for number in range(PAGE_SIZE + 5):
            add_document(stack, f"scan-{number:02}.pdf", AGREED, minutes_ago=number)
        first = browser.get("/").text
        assert names(first) == [f"scan-{number:02}.pdf" for number in range(PAGE_SIZE)]
        address = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        second = browser.get(address).text
        assert names(second) == [f"scan-{number:02}.pdf" for number in range(PAGE_SIZE, PAGE_SIZE + 5)]
        assert "tick" not in second  # older pages do not poll

    def test_more_documents_of_one_second_than_a_page_do_not_hide_older_ones(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        """A backfill stores whole seconds, so many documents can have the same time."""
        for number in range(PAGE_SIZE + 5):
            add_document(stack, f"copied-{number:02}.pdf", AGREED, minutes_ago=1)
        add_document(stack, "newest.pdf", AGREED)
        for number in range(2):
            add_document(stack, f"older-{number}.pdf", AGREED, minutes_ago=2 + number)
        address, seen = "/", list[str]()
        for _ in range(3):
            page = browser.get(address).text
            seen += names(page)
            if 'rel="next"' not in page:
                break
            address = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        assert set(seen) >= {f"copied-{number:02}.pdf" for number in range(PAGE_SIZE + 5)}
        assert seen[0] == "newest.pdf"
        assert seen[-2:] == ["older-0.pdf", "older-1.pdf"]

    def test_page_queries_each_shard_once_and_never_scans(
        self, operations: list[str], browser: TestClient, stack: StackConnection
    ) -> None:
        add_document(stack, "a.pdf", AGREED)
        operations.clear()
        browser.get("/")
        assert operations == ["Query"] * 8


class TestPolling:
    def test_unchanged_documents_are_not_sent_again(self, browser: TestClient, stack: StackConnection) -> None:
        add_document(stack, "a.pdf", AGREED)
        seen = browser.get("/").text.split('{"seen": "')[1].split('"')[0]
        assert browser.get("/documents", params={"seen": seen}).status_code == 204
        add_document(stack, "b.pdf", AGREED)
        fresh = browser.get("/documents", params={"seen": seen})
        assert fresh.status_code == 200
        assert names(fresh.text) == ["b.pdf", "a.pdf"]
        assert "<html" not in fresh.text

    def test_label_changes_the_page(self, browser: TestClient, stack: StackConnection) -> None:
        made = add_document(stack, "a.pdf", AGREED)
        seen = browser.get("/").text.split('{"seen": "')[1].split('"')[0]
        given = {"document": made.upload.document, "sequencer": made.upload.sort_key, "label": "invoice"}
        assert browser.post("/document/label", data=given).status_code == 303
        assert "labelled" in browser.get("/documents", params={"seen": seen}).text


def test_empty_page_states_what_to_do(browser: TestClient) -> None:
    page = browser.get("/").text
    assert "No documents yet" in page
    assert "triptych put samples/documents" in page


class TestUpload:
    def test_file_is_stored_under_its_name(
        self, browser: TestClient, stack: StackConnection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("triptych.console.live._WAIT_SECONDS", 0.05)
        answer = browser.post("/drop", files={"file": ("scan <1>.pdf", b"content", "application/pdf")})
        assert answer.status_code == 200
        stored = stack.s3.get_object(Bucket="inbox", Key="scan <1>.pdf")
        assert (stored["Body"].read(), stored["ContentType"]) == (b"content", "application/pdf")
        # No orchestrator is running, so the page polls.
        assert "Classifying" in answer.text
        assert "scan &lt;1&gt;.pdf" in answer.text
        assert 'hx-get="/dropped"' in answer.text

    def test_entry_shows_the_verdict_when_available(self, browser: TestClient, stack: StackConnection) -> None:
        made = add_document(stack, "a.pdf", AGREED).upload
        query = {"key": "a.pdf", "etag": "", "version": made.version_id or "", "at": "2026-11-22T12:00:00+00:00"}
        answer = browser.get("/dropped", params=query)
        assert "invoice" in answer.text
        assert "hx-get" not in answer.text
        assert browser.get("/dropped", params={**query, "version": "another"}).status_code == 204

    @given(st.text(max_size=400))
    def test_object_key_is_visible_and_bounded(self, name: str) -> None:
        key = object_key(name)
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
    def test_object_key_omits_folders_and_control_characters(self, name: str, key: str) -> None:
        assert object_key(name) == key
