"""Protects: the page shows the report, and a promotion is recorded with user, time and reason."""

from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from records.policy import DEFAULT_POLICY
from records.table import PolicyTable
from tests.unit.triptych.console.conftest import AGREED, DISAGREED, add_document
from triptych.console.access import ConnectedStack
from triptych.console.context import Console
from triptych.console.versions import ReportCache
from triptych.review.reports import build_report
from triptych.storage.connection import StackConnection

FORM = {
    "version": ["v1", "v2", "v3"],
    "weight": ["0", "1", "3"],
    "champion": "v3",
    "audits": "20",
    "why": "it is better",
}


def test_page_shows_policy_first_and_loads_the_report(browser: TestClient, stack: StackConnection) -> None:
    add_document(stack, "a.pdf", AGREED)
    page = browser.get("/versions").text
    assert "Policy <b>p0</b>" in page
    assert page.count('name="weight"') == 3
    assert 'hx-get="/versions/report"' in page


def test_report_equals_that_of_the_command(browser: TestClient, stack: StackConnection, console: Console) -> None:
    for number in range(6):
        add_document(stack, f"{number}.pdf", DISAGREED if number % 2 else AGREED)
    console.review_session.label("inbox/1.pdf", "0055AED6DCD90281E5".ljust(32, "0"), "receipt", picked=True)
    connected = ConnectedStack.open(stack)
    report = build_report(connected.results, connected.reviews, connected.policies)
    page = browser.get("/versions/report").text
    assert report.advice.sentence.split(":")[0] in page
    for pair in report.pairs:
        assert pair.sentence.split(":")[0] in page
    assert f"{report.population} documents" in page


def test_page_without_documents_works(browser: TestClient) -> None:
    assert browser.get("/versions").status_code == 200
    assert browser.get("/versions/report").status_code == 200


class TestPromotion:
    def test_promotion_is_recorded_with_user_time_and_reason(self, browser: TestClient, stack: StackConnection) -> None:
        add_document(stack, "a.pdf", AGREED)
        answer = browser.post("/versions/promote", data=FORM)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/versions")
        policy = PolicyTable(stack.table).newest()
        assert (policy.weights, policy.champion, policy.audit_share) == ({"v2": 1.0, "v3": 3.0}, "v3", 0.2)
        assert (policy.by, policy.why) == ("ann", "it is better")
        assert policy.at is not None
        page = browser.get("/versions").text
        assert "Policy <b>p1</b>, champion <b>v3</b>, by ann" in page
        assert "75\N{NARROW NO-BREAK SPACE}%" in page

    def test_htmx_is_redirected_to_the_page(self, browser: TestClient, stack: StackConnection) -> None:
        add_document(stack, "a.pdf", AGREED)
        answer = browser.post("/versions/promote", data=FORM, headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/versions")

    def test_invalid_promotion_is_rejected_with_a_reason(self, browser: TestClient, stack: StackConnection) -> None:
        add_document(stack, "a.pdf", AGREED)
        for changed, message in (
            ({"why": " "}, "a reason"),
            ({"weight": ["0", "0", "0"]}, "a weight greater than 0"),
            ({"champion": "v1"}, "champion v1 needs a weight"),
            ({"version": ["v1", "v2", "v9"]}, "v9"),
            ({"audits": "1000"}, "share of audits"),
        ):
            answer = browser.post("/versions/promote", data={**FORM, **changed}, headers={"HX-Request": "true"})
            assert answer.status_code == 409, changed
            assert message in answer.text
            assert answer.headers["HX-Retarget"] == "#notice"
        assert PolicyTable(stack.table).newest() == DEFAULT_POLICY


def test_report_is_cached_for_a_minute_unless_state_changes(stack: StackConnection) -> None:
    connected, built, now = ConnectedStack.open(stack), [], 0.0

    def build(of: ConnectedStack) -> Any:
        built.append(of)
        return len(built)

    get: Callable[[ConnectedStack, str], Any] = ReportCache(build, clock=lambda: now).get
    assert [get(connected, "a"), get(connected, "a"), get(connected, "b")] == [1, 1, 2]
    now = 61.0
    assert get(connected, "b") == 3
