"""Protects: whatever is wrong behind the console, the page says what it is and what to do, and finds back by itself."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from fastapi.testclient import TestClient

from records.errors import RecordsUnavailable
from tests.unit.triptych.console.conftest import HOME, KEY, PORT
from triptych.console.access import Access
from triptych.console.app import create_app
from triptych.console.context import Console
from triptych.console.troubles import trouble
from triptych.errors import StackUnavailable, TriptychError
from triptych.storage.connection import StackConnection


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "<b>no</b>"}}, "Query")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (StackUnavailable("none is running"), "no-stack", 503),
        (caused(StackUnavailable("cannot be looked up"), refused("ExpiredToken")), "expired", 401),
        (caused(StackUnavailable("cannot be looked up"), refused("ValidationError")), "no-stack", 503),
        (refused("ExpiredTokenException"), "expired", 401),
        (NoCredentialsError(), "expired", 401),
        (refused("AccessDeniedException"), "denied", 403),
        (refused("ThrottlingException"), "throttled", 503),
        (refused("ProvisionedThroughputExceededException"), "throttled", 503),
        (refused("ResourceNotFoundException"), "gone", 503),
        (refused("InternalServerError"), "aws", 502),
        (EndpointConnectionError(endpoint_url=HOME), "unreachable", 503),
        (TriptychError("no"), "failed", 409),
        (caused(TriptychError("no"), caused(RecordsUnavailable("no"), refused("Throttling"))), "throttled", 503),
    ],
)
def test_each_is_told_by_its_name(error: Exception, kind: str, status: int) -> None:
    found = trouble(error)
    assert found is not None
    assert (found.kind, found.status) == (kind, status)
    assert found.title
    assert found.advice


def test_a_fault_of_our_own_is_none_of_them() -> None:
    assert trouble(KeyError("x")) is None


class Place:
    """Where a stack may be, or not."""

    def __init__(self) -> None:
        self.target: StackConnection | None = None
        self.error: Exception = StackUnavailable("No local stack is running.")
        self.asked = 0

    def find(self) -> StackConnection:
        self.asked += 1
        if self.target is None:
            raise self.error
        return self.target


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def lost(place: Place) -> Iterator[TestClient]:
    """A browser of a console whose stack is wherever `place` says."""
    console = Console(Access(place.find), who="ann", stack="local")
    with TestClient(create_app(console, port=PORT, key=KEY), base_url=HOME, raise_server_exceptions=False) as client:
        client.get(f"/?key={KEY}")
        client.headers["Origin"] = HOME
        yield client


class TestPages:
    @pytest.mark.parametrize("path", ["/", "/review", "/versions", "/document?document=a"])
    def test_without_a_stack_every_page_says_how_to_start_one(self, lost: TestClient, path: str) -> None:
        answer = lost.get(path)
        assert answer.status_code == 503
        assert "triptych up" in answer.text
        assert 'hx-get="/ready"' in answer.text

    def test_it_is_found_as_soon_as_it_is_there(self, lost: TestClient, place: Place, stack: StackConnection) -> None:
        assert lost.get("/").status_code == 503
        assert "HX-Refresh" not in lost.get("/ready").headers
        place.target = stack
        assert lost.get("/ready").headers["HX-Refresh"] == "true"
        assert lost.get("/").status_code == 200

    def test_a_part_of_a_page_gets_a_notice_and_keeps_what_it_shows(self, lost: TestClient) -> None:
        answer = lost.get("/documents", headers={"HX-Request": "true"})
        assert answer.status_code == 503
        assert answer.headers["HX-Retarget"] == "#notice"
        assert "<html" not in answer.text

    def test_what_the_system_said_is_text(self, lost: TestClient, place: Place) -> None:
        place.error = refused("ExpiredToken")
        answer = lost.get("/")
        assert answer.status_code == 401
        assert "aws sso login" in answer.text
        assert "&lt;b&gt;no" in answer.text

    def test_expired_credentials_are_read_anew(self, lost: TestClient, place: Place, stack: StackConnection) -> None:
        place.target = stack
        assert lost.get("/").status_code == 200
        asked = place.asked
        assert lost.get("/").status_code == 200
        assert place.asked == asked  # while all is well it is looked for once
        stack.table.delete()
        assert lost.get("/").status_code == 503
        lost.get("/")
        assert place.asked > asked

    def test_a_fault_of_our_own_is_told_as_one(
        self, lost: TestClient, place: Place, stack: StackConnection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place.target = stack
        monkeypatch.setattr("triptych.console.live.views.summary", lambda _: 1 / 0)
        answer = lost.get("/")
        assert answer.status_code == 500
        assert "The console failed" in answer.text
