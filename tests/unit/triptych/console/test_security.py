"""Protects: documents are shown to the person who started the console, and to no other page, process or person."""

import pytest
from fastapi.testclient import TestClient

from tests.unit.triptych.console.conftest import HOME, KEY, PORT


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1:9999", "localhost", ""])
def test_a_foreign_name_that_resolves_to_loopback_is_refused(browser: TestClient, host: str) -> None:
    answer = browser.get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "Content-Security-Policy" in answer.headers


def test_localhost_is_a_name_of_ours_too(browser: TestClient) -> None:
    # The cookie belongs to 127.0.0.1, so it is sent by hand here.
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer = browser.get("/", headers={"Host": f"localhost:{PORT}", "Cookie": cookie})
    assert answer.status_code == 200


class TestKey:
    @pytest.mark.parametrize("path", ["/", "/review", "/versions", "/documents", "/static/console.css", "/picture"])
    def test_without_the_key_nothing_is_shown(self, stranger: TestClient, path: str) -> None:
        answer = stranger.get(path)
        assert answer.status_code == 403
        assert "triptych console" in answer.text

    def test_a_wrong_key_is_no_key(self, stranger: TestClient) -> None:
        assert stranger.get("/?key=guessed").status_code == 403
        stranger.cookies.set(f"triptych-console-{PORT}", "guessed")
        assert stranger.get("/").status_code == 403

    def test_the_key_leaves_the_address_and_the_cookie_is_no_scripts_business(self, stranger: TestClient) -> None:
        answer = stranger.get(f"/?key={KEY}")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert stranger.get("/").status_code == 200

    def test_a_cookie_of_another_page_on_loopback_does_no_harm(self, browser: TestClient) -> None:
        ours = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        assert browser.get("/", headers={"Cookie": f"a[b]=(broken; {ours}"}).status_code == 200


class TestForgery:
    PATHS = ("/drop", "/review/label", "/review/undo", "/review/skip", "/document/label", "/versions/promote")

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": f"https://127.0.0.1:{PORT}"},
            {"Origin": "http://127.0.0.1:3000"},  # another local page: the same site, which SameSite does not hold back
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {},
        ],
    )
    def test_nothing_is_changed_for_another_page(self, browser: TestClient, path: str, headers: dict[str, str]) -> None:
        del browser.headers["Origin"]
        assert browser.post(path, headers=headers, data={}).status_code == 403

    def test_our_own_pages_may(self, browser: TestClient) -> None:
        assert browser.post("/review/undo").status_code == 200
        del browser.headers["Origin"]
        assert browser.post("/review/undo", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200

    def test_nothing_is_changed_by_a_link(self, browser: TestClient) -> None:
        for path in self.PATHS:
            assert browser.get(path).status_code == 405

    def test_a_body_is_bounded_before_it_is_read(self, browser: TestClient) -> None:
        too_much = browser.post("/drop", headers={"Content-Length": str(10**9)}, content=b"")
        assert too_much.status_code == 413
        assert browser.post("/drop", content=iter([b"x"])).status_code == 411


def test_no_script_or_style_but_our_own_files_can_run(browser: TestClient) -> None:
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
