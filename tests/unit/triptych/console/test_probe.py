"""A scripted probe of every route of the console, as a scanner does it: foreign hosts and origins, missing keys, paths
out of its folders, and injected headers. A new route is probed without a change here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from tests.unit.triptych.console.conftest import AGREED, HOME, KEY, PORT, add_document
from triptych.console.app import create_app
from triptych.console.context import Console
from triptych.storage.connection import StackConnection

HOSTILE = (
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "file:///etc/passwd",
    "%2e%2e%2fetc%2fpasswd",
    "~policy",
    "a\r\nSet-Cookie: stolen=1\r\n\r\n<script>alert(1)</script>",
    "\x00",
    "<script>alert(1)</script>",
    "' OR '1'='1",
    "{{7*7}}",
    "\u202efdp.exe",
    "9" * 5000,
)


@dataclass(frozen=True)
class Endpoint:
    """A route of the console, and the names of what it reads."""

    path: str
    method: str
    query: tuple[str, ...]
    form: tuple[str, ...]


def endpoints() -> Iterator[Endpoint]:
    """Yield the routes that the application's schema lists."""
    app: Any = create_app(Console(None, user="ann", stack="none"), port=PORT, key=KEY)._app  # type: ignore[arg-type] # noqa: SLF001
    schema = app.openapi()
    forms = {
        name: tuple(form.get("properties", {}))
        for name, form in schema.get("components", {}).get("schemas", {}).items()
    }
    for path, methods in schema["paths"].items():
        for method, route in methods.items():
            query = tuple(each["name"] for each in route.get("parameters", ()) if each["in"] == "query")
            content = route.get("requestBody", {}).get("content", {})
            names = [each["schema"].get("$ref", "").rpartition("/")[2] for each in content.values()]
            yield Endpoint(path, method.upper(), query, tuple(field for name in names for field in forms.get(name, ())))


ENDPOINTS = tuple(endpoints())
each = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")


def test_probe_finds_the_routes() -> None:
    found = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert {("GET", "/picture"), ("POST", "/drop"), ("POST", "/versions/promote"), ("POST", "/review/label")} <= found


@each
def test_foreign_host_and_missing_key_are_rejected(anonymous: TestClient, endpoint: Endpoint) -> None:
    rebound = anonymous.request(endpoint.method, endpoint.path, headers={"Host": "evil.example"})
    assert rebound.status_code == 421
    assert anonymous.request(endpoint.method, endpoint.path, headers={"Origin": HOME}).status_code in (403, 411)


@each
@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"http://evil.example:{PORT}", "null", f"{HOME}.evil.example"]
)
def test_foreign_page_cannot_change_anything(browser: TestClient, endpoint: Endpoint, origin: str) -> None:
    if endpoint.method == "POST":
        assert browser.post(endpoint.path, data={"x": "y"}, headers={"Origin": origin}).status_code == 403


@each
def test_hostile_values_cause_no_error_and_no_injection(
    browser: TestClient, stack: StackConnection, endpoint: Endpoint, full: bool
) -> None:
    add_document(stack, "scan.png", AGREED)
    for value in HOSTILE if full else HOSTILE[::2]:
        names = endpoint.query if endpoint.method == "GET" else endpoint.form
        url = f"{endpoint.path}?{'&'.join(f'{name}={quote(value)}' for name in endpoint.query)}"
        form = None if endpoint.method == "GET" else dict.fromkeys(names or ("x",), value)
        answer = browser.request(endpoint.method, url, data=form)
        assert answer.status_code < 500, (value, answer.text)
        assert "stolen" not in answer.headers.get("Set-Cookie", "")
        assert "\n" not in answer.headers.get("Location", "")
        assert "root:" not in answer.text
        if "json" not in answer.headers.get("Content-Type", ""):  # which browsers do not render, because of nosniff
            assert "<script>alert(1)" not in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "....//app.py", "/etc/passwd", "%00", "..%5capp.py"]
)
def test_static_files_stay_in_their_folder(browser: TestClient, path: str) -> None:
    answer = browser.get(f"/static/{path}")
    assert answer.status_code in (400, 404)
    assert "create_app" not in answer.text
