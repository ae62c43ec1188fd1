"""Protects: only the user who started the console sees documents; no other page, process or user does."""

import pytest
from fastapi.testclient import TestClient

from tests.unit.triptych.console.conftest import HOME, KEY, PORT


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1:9999", "localhost", ""])
def test_foreign_host_name_is_rejected(browser: TestClient, host: str) -> None:
    answer = browser.get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "Content-Security-Policy" in answer.headers


def test_localhost_is_accepted(browser: TestClient) -> None:
    # The client would not send the cookie of 127.0.0.1 to localhost.
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer = browser.get("/", headers={"Host": f"localhost:{PORT}", "Cookie": cookie})
    assert answer.status_code == 200


class TestKey:
    @pytest.mark.parametrize("path", ["/", "/review", "/versions", "/documents", "/static/console.css", "/picture"])
    def test_pages_require_the_key(self, anonymous: TestClient, path: str) -> None:
        answer = anonymous.get(path)
        assert answer.status_code == 403
        assert "triptych console" in answer.text

    def test_wrong_key_is_rejected(self, anonymous: TestClient) -> None:
        assert anonymous.get("/?key=guessed").status_code == 403
        anonymous.cookies.set(f"triptych-console-{PORT}", "guessed")
        assert anonymous.get("/").status_code == 403

    def test_sign_in_removes_the_key_from_the_address_and_sets_a_protected_cookie(self, anonymous: TestClient) -> None:
        answer = anonymous.get(f"/?key={KEY}")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert anonymous.get("/").status_code == 200

    def test_malformed_cookie_of_another_application_is_ignored(self, browser: TestClient) -> None:
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        assert browser.get("/", headers={"Cookie": f"a[b]=(broken; {cookie}"}).status_code == 200


class TestForgery:
    PATHS = ("/drop", "/review/label", "/review/undo", "/review/skip", "/document/label", "/versions/promote")

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": f"https://127.0.0.1:{PORT}"},
            {"Origin": "http://127.0.0.1:3000"},  # another local application: the same site, so SameSite does not apply
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {},
        ],
    )
    def test_other_pages_are_rejected(self, browser: TestClient, path: str, headers: dict[str, str]) -> None:
        del browser.headers["Origin"]
        assert browser.post(path, headers=headers, data={}).status_code == 403

    def test_own_pages_are_accepted(self, browser: TestClient) -> None:
        assert browser.post("/review/undo").status_code == 200
        del browser.headers["Origin"]
        assert browser.post("/review/undo", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200

    def test_links_cannot_change_anything(self, browser: TestClient) -> None:
        for path in self.PATHS:
            assert browser.get(path).status_code == 405

    def test_request_size_is_checked_before_reading(self, browser: TestClient) -> None:
        too_much = browser.post("/drop", headers={"Content-Length": str(10**9)}, content=b"")
        assert too_much.status_code == 413
        assert browser.post("/drop", content=iter([b"x"])).status_code == 411


def test_pages_have_a_strict_content_security_policy(browser: TestClient) -> None:
    for path in ("/", "/review", "/versions", "/versions/report", "/document?document=nothing"):
        answer = browser.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for inline in ("<style", " style=", " onclick=", "javascript:", "<script>"):
            assert inline not in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert HOME not in answer.text
