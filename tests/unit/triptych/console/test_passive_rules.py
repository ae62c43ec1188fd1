"""Protects: what the passive rules of the ZAP baseline scan look for in every response of the console.

ZAP itself needs Java and a browser. Each check names the rule of its list (https://www.zaproxy.org/docs/alerts/) that
it takes the place of. Left out are rules about HTTPS (the console serves loopback only), about other servers (Java,
ASP.NET, WSDL), and about anti-CSRF tokens, for which the console checks `Origin` (`test_security.py`).
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.unit.triptych.console.conftest import AGREED, DISAGREED, KEY, add_document
from tests.unit.triptych.console.test_probe import ENDPOINTS
from triptych.console.security import CONTENT_SECURITY_POLICY
from triptych.storage.connection import StackConnection


class Elements(HTMLParser):
    """The elements and comments of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.comments: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def values(self, *names: str) -> Iterator[str]:
        """Yield the values of attributes."""
        for _, attributes in self.elements:
            yield from (attributes[name] for name in names if name in attributes)


_collected: dict[str, Response] = {}


@pytest.fixture
def responses(request: pytest.FixtureRequest) -> dict[str, Response]:
    """The response to a GET request of each route, of each kind of file, and of each kind of refusal."""
    if not _collected:  # once for all tests, because it takes longer than they do
        _collected.update(collect(request.getfixturevalue("browser"), request.getfixturevalue("stack")))
    return _collected


def collect(browser: TestClient, stack: StackConnection) -> dict[str, Response]:
    """Return the responses by path, or by what was refused."""
    document = add_document(stack, "scan.png", AGREED).upload
    add_document(stack, "doubtful.png", DISAGREED)
    address = {"name": document.document, "sequencer": document.sort_key, "document": document.document}
    found = {each.path: browser.get(each.path, params=address) for each in ENDPOINTS if each.method == "GET"}
    files = ("/static/console.css", "/static/console.js", "/static/icon.svg", "/static/missing.js", "/nowhere")
    found |= {path: browser.get(path) for path in files}
    found["wrong host"] = browser.get("/", headers={"Host": "evil.example"})
    found["foreign origin"] = browser.post("/drop", headers={"Origin": "https://evil.example"})
    browser.cookies.clear()
    found["not signed in"] = browser.get("/")
    found["sign-in"] = browser.get(f"/?key={KEY}")
    return found


def test_responses_cover_pages_files_and_refusals(responses: dict[str, Response]) -> None:
    assert {response.status_code for response in responses.values()} >= {200, 303, 403, 404, 421}
    assert sum("text/html" in response.headers.get("Content-Type", "") for response in responses.values()) >= 4


def test_each_response_has_the_headers_that_protect_it(responses: dict[str, Response]) -> None:
    for name, response in responses.items():
        headers = response.headers
        assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY, name  # 10038, 10020
        assert headers["X-Content-Type-Options"] == "nosniff", name  # 10021
        assert headers["Permissions-Policy"].startswith("camera=()"), name  # 10063
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", name  # 90004
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp", name  # 90004
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin", name  # 90004
        assert headers["Referrer-Policy"] == "same-origin", name  # 10025
        assert "Access-Control-Allow-Origin" not in headers, name  # 10098
        if response.content:
            assert "Content-Type" in headers, name  # 10019
            if headers["Content-Type"].startswith("text/"):
                assert "charset=utf-8" in headers["Content-Type"], name  # 90011


def test_responses_do_not_name_the_server(responses: dict[str, Response]) -> None:
    named = (
        "Server",
        "X-Powered-By",
        "X-Backend-Server",
        "X-ChromeLogger-Data",
        "X-Debug-Token",
    )  # 10036, 10037, 10039
    for name, response in responses.items():
        assert not [header for header in named if header in response.headers], name


def test_only_files_of_the_program_are_cached(responses: dict[str, Response]) -> None:
    for name, response in responses.items():  # 10015, 10049
        assert response.headers["Cache-Control"] == "no-store" or name.startswith("/static/") or name == "/picture", (
            name
        )
        assert "public" not in response.headers["Cache-Control"], name


def test_content_security_policy_has_no_gap() -> None:
    directives = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))
    assert not re.search(r"\*|unsafe-|data:|http", CONTENT_SECURITY_POLICY)  # 10055
    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    assert directives["form-action"] == "'self'"


def test_cookies_are_for_this_site_and_not_for_scripts(responses: dict[str, Response]) -> None:
    cookies = [cookie.lower() for each in responses.values() for cookie in each.headers.get_list("Set-Cookie")]
    assert cookies
    for cookie in cookies:
        assert "httponly" in cookie  # 10010
        assert "samesite=strict" in cookie  # 10054
        assert "domain=" not in cookie  # 90033


def test_pages_load_and_send_nothing_elsewhere(responses: dict[str, Response]) -> None:
    for name, response in responses.items():
        found = Elements(response.text if "html" in response.headers.get("Content-Type", "") else "")
        links = found.values("src", "href", "action", "hx-get", "hx-post", "formaction")
        assert not [link for link in links if re.match(r"[a-z]+:|//", link)], name  # 10017, 10028, 10040, 90003
        assert not [value for _, attributes in found.elements for value in attributes if value.startswith("on")], name
        assert not [tag for tag, attributes in found.elements if tag == "script" and "src" not in attributes], name
        assert "_blank" not in found.values("target"), name  # 10108
        assert not [form for form in found.elements if form[0] == "input" and form[1].get("type") == "password"], name


def test_responses_disclose_nothing_about_the_program_or_the_session(responses: dict[str, Response]) -> None:
    disclosed = r"Traceback \(most recent|File \"/|/site-packages/|Index of /|BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}"
    for name, response in responses.items():
        text = response.text if not response.headers.get("Content-Type", "").startswith("image/png") else ""
        assert not re.search(disclosed, text), name  # 10023, 10099, 90022, 10033
        assert KEY not in text, name  # 10024, 3
        assert KEY not in response.headers.get("Location", ""), name
        assert not Elements(text if "html" in response.headers.get("Content-Type", "") else "").comments, name  # 10027
