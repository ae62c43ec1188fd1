"""Protects: the page says what the report says, and a promotion is recorded with who, when and why."""

from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from records.policy import DEFAULT_POLICY
from records.table import PolicyTable
from tests.unit.triptych.console.conftest import AGREED, TORN, drop
from triptych.console.access import Opened
from triptych.console.context import Console
from triptych.console.versions import Reporter
from triptych.review.reports import build_report
from triptych.storage.connection import StackConnection

WISH = {
    "version": ["v1", "v2", "v3"],
    "weight": ["0", "1", "3"],
    "champion": "v3",
    "audits": "20",
    "why": "it is better",
}


def test_the_page_shows_the_policy_at_once_and_the_evidence_after(browser: TestClient, stack: StackConnection) -> None:
    drop(stack, "a.pdf", AGREED)
    page = browser.get("/versions").text
    assert "Policy <b>p0</b>" in page
    assert page.count('name="weight"') == 3
    assert 'hx-get="/versions/report"' in page


def test_the_evidence_is_that_of_the_command(browser: TestClient, stack: StackConnection, console: Console) -> None:
    for number in range(6):
        drop(stack, f"{number}.pdf", TORN if number % 2 else AGREED)
    console.desk.label("inbox/1.pdf", "0055AED6DCD90281E5".ljust(32, "0"), "receipt", picked=True)
    opened = Opened.of(stack)
    told = build_report(opened.results, opened.reviews, opened.policies)
    page = browser.get("/versions/report").text
    assert told.advice.sentence.split(":")[0] in page
    for pair in told.pairs:
        assert pair.sentence.split(":")[0] in page
    assert f"{told.population} documents" in page


def test_with_no_document_it_still_stands(browser: TestClient) -> None:
    assert browser.get("/versions").status_code == 200
    assert browser.get("/versions/report").status_code == 200


class TestPromotion:
    def test_it_is_recorded_with_who_when_and_why(self, browser: TestClient, stack: StackConnection) -> None:
        drop(stack, "a.pdf", AGREED)
        answer = browser.post("/versions/promote", data=WISH)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/versions")
        made = PolicyTable(stack.table).newest()
        assert (made.weights, made.champion, made.audit_share) == ({"v2": 1.0, "v3": 3.0}, "v3", 0.2)
        assert (made.by, made.why) == ("ann", "it is better")
        assert made.at is not None
        page = browser.get("/versions").text
        assert "Policy <b>p1</b>, champion <b>v3</b>, made by ann" in page
        assert "75\N{NARROW NO-BREAK SPACE}%" in page

    def test_htmx_is_sent_to_the_page_anew(self, browser: TestClient, stack: StackConnection) -> None:
        drop(stack, "a.pdf", AGREED)
        answer = browser.post("/versions/promote", data=WISH, headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/versions")

    def test_what_makes_no_sense_is_told_and_changes_nothing(self, browser: TestClient, stack: StackConnection) -> None:
        drop(stack, "a.pdf", AGREED)
        for changed, told in (
            ({"why": " "}, "why"),
            ({"weight": ["0", "0", "0"]}, "somebody must decide"),
            ({"champion": "v1"}, "champion v1 needs a weight"),
            ({"version": ["v1", "v2", "v9"]}, "v9"),
            ({"audits": "1000"}, "share of audits"),
        ):
            answer = browser.post("/versions/promote", data={**WISH, **changed}, headers={"HX-Request": "true"})
            assert answer.status_code == 409, changed
            assert told in answer.text
            assert answer.headers["HX-Retarget"] == "#notice"
        assert PolicyTable(stack.table).newest() == DEFAULT_POLICY


def test_a_report_is_made_once_a_minute_or_when_something_changed(stack: StackConnection) -> None:
    opened, made, now = Opened.of(stack), [], 0.0

    def make(of: Opened) -> Any:
        made.append(of)
        return len(made)

    reporter: Callable[[Opened, str], Any] = Reporter(make, clock=lambda: now)
    assert [reporter(opened, "a"), reporter(opened, "a"), reporter(opened, "b")] == [1, 1, 2]
    now = 61.0
    assert reporter(opened, "b") == 3
