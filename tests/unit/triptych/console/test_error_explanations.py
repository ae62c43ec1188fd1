"""Protects: error pages state what is wrong and what to do, and recover automatically."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from fastapi.testclient import TestClient

from records.errors import RecordsUnavailable
from tests.unit.triptych.console.conftest import HOME, KEY, PORT
from triptych.console.access import StackAccess
from triptych.console.app import create_app
from triptych.console.context import Console
from triptych.console.error_explanations import explain_error
from triptych.errors import StackUnavailable, TriptychError
from triptych.storage.connection import StackConnection


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "<b>no</b>"}}, "Query")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (StackUnavailable("none is running"), "no-stack", 503),
        (caused(StackUnavailable("cannot be looked up"), client_error("ExpiredToken")), "expired", 401),
        (caused(StackUnavailable("cannot be looked up"), client_error("ValidationError")), "no-stack", 503),
        (client_error("ExpiredTokenException"), "expired", 401),
        (NoCredentialsError(), "expired", 401),
        (client_error("AccessDeniedException"), "denied", 403),
        (client_error("ThrottlingException"), "throttled", 503),
        (client_error("ProvisionedThroughputExceededException"), "throttled", 503),
        (client_error("ResourceNotFoundException"), "gone", 503),
        (client_error("InternalServerError"), "aws", 502),
        (EndpointConnectionError(endpoint_url=HOME), "unreachable", 503),
        (TriptychError("no"), "failed", 409),
        (caused(TriptychError("no"), caused(RecordsUnavailable("no"), client_error("Throttling"))), "throttled", 503),
    ],
)
def test_error_is_explained_by_its_cause(error: Exception, kind: str, status: int) -> None:
    found = explain_error(error)
    assert found is not None
    assert (found.kind, found.status) == (kind, status)
    assert found.title
    assert found.advice


def test_bug_in_the_console_has_no_explanation() -> None:
    assert explain_error(KeyError("x")) is None


class StackLocation:
    """A place where a stack may appear."""

    def __init__(self) -> None:
        self.connection: StackConnection | None = None
        self.error: Exception = StackUnavailable("No local stack is running.")
        self.lookups = 0

    def find(self) -> StackConnection:
        self.lookups += 1
        if self.connection is None:
            raise self.error
        return self.connection


@pytest.fixture
def location() -> StackLocation:
    return StackLocation()


@pytest.fixture
def browser(location: StackLocation) -> Iterator[TestClient]:
    """A browser that is signed in to a console whose stack is at `location`."""
    console = Console(StackAccess(location.find), user="ann", stack="local")
    with TestClient(create_app(console, port=PORT, key=KEY), base_url=HOME, raise_server_exceptions=False) as client:
        client.get(f"/?key={KEY}")
        client.headers["Origin"] = HOME
        yield client


class TestPages:
    @pytest.mark.parametrize("path", ["/", "/review", "/versions", "/document?document=a"])
    def test_every_page_without_a_stack_states_how_to_start_one(self, browser: TestClient, path: str) -> None:
        answer = browser.get(path)
        assert answer.status_code == 503
        assert "triptych up" in answer.text
        assert 'hx-get="/ready"' in answer.text

    def test_page_reloads_when_stack_is_available(
        self, browser: TestClient, location: StackLocation, stack: StackConnection
    ) -> None:
        assert browser.get("/").status_code == 503
        assert "HX-Refresh" not in browser.get("/ready").headers
        location.connection = stack
        assert browser.get("/ready").headers["HX-Refresh"] == "true"
        assert browser.get("/").status_code == 200

    def test_fragment_gets_a_notice_and_keeps_its_content(self, browser: TestClient) -> None:
        answer = browser.get("/documents", headers={"HX-Request": "true"})
        assert answer.status_code == 503
        assert answer.headers["HX-Retarget"] == "#notice"
        assert "<html" not in answer.text

    def test_error_details_are_escaped(self, browser: TestClient, location: StackLocation) -> None:
        location.error = client_error("ExpiredToken")
        answer = browser.get("/")
        assert answer.status_code == 401
        assert "aws sso login" in answer.text
        assert "&lt;b&gt;no" in answer.text

    def test_stack_is_looked_up_again_after_error(
        self, browser: TestClient, location: StackLocation, stack: StackConnection
    ) -> None:
        location.connection = stack
        assert browser.get("/").status_code == 200
        lookups = location.lookups
        assert browser.get("/").status_code == 200
        assert location.lookups == lookups  # looked up once while requests succeed
        stack.table.delete()
        assert browser.get("/").status_code == 503
        browser.get("/")
        assert location.lookups > lookups

    def test_bug_is_reported_as_internal_error(
        self, browser: TestClient, location: StackLocation, stack: StackConnection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        location.connection = stack
        monkeypatch.setattr("triptych.console.live.views.summarize_records", lambda _: 1 / 0)
        answer = browser.get("/")
        assert answer.status_code == 500
        assert "Internal error" in answer.text
