"""Who may ask the console: a browser of the person who started it, from the console's own pages, and nobody else.

The console listens on loopback, where others listen too: other people's processes on a shared machine, and every
web page that the person's browser opens. So a request must

- name the console's own host, else a foreign name that resolves to 127.0.0.1 could read it (DNS rebinding);
- carry the key of this start, in a cookie that the first visit sets: other people on the machine do not know it;
- if it changes something, come from one of the console's own pages (cross-site request forgery).
"""

import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024 * 1024
"""Bytes of a request; the model services read documents of up to 40 MiB."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""The content security policy: no script or style but the console's own files, whatever a document's name says."""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Middleware that lets the rightful requests through and gives every answer its security headers.

    Args:
        app: what it guards.
        port: where the console listens: part of its name, and of its cookie's.
        key: the secret of this start.
    """

    def __init__(self, app: ASGIApp, *, port: int, key: str) -> None:
        self._app = app
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"triptych-console-{port}"  # cookies do not heed ports: two consoles must not share one
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")  # documents are nobody else's business
            await send(message)

        answer = self._refusal(scope) or self._entry(scope)
        await (answer or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, method = Headers(scope=scope), scope["method"]
        if headers.get("host") not in self._hosts:
            return PlainTextResponse("This host is not the console.", 421)
        if method in _SAFE:
            return None
        if not _is_ours(headers):
            return PlainTextResponse("Only the console's own pages may do that.", 403)
        length = headers.get("content-length", "")
        if not length.isascii() or not length.isdigit():
            return PlainTextResponse("Content-Length is missing.", 411)
        if int(length) > MAX_BODY:
            return PlainTextResponse(f"More than {MAX_BODY:,} bytes.", 413)
        return None

    def _entry(self, scope: Scope) -> Response | None:
        """None for who has been here before; a redirect for who brings the key; else a refusal."""
        if self._is_key(_cookies(Headers(scope=scope)).get(self._cookie, "")):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if scope["method"] == "GET" and any(self._is_key(given) for given in query.get("key", ())):
            welcome = RedirectResponse("/", 303)  # which takes the key out of the address bar and the history
            welcome.set_cookie(self._cookie, self._key, httponly=True, samesite="strict")
            return welcome
        return PlainTextResponse(
            "This console does not know your browser. Open the address that `triptych console` printed, "
            "with the key in it.",
            403,
        )

    def _is_key(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._key.encode())


def _is_ours(headers: Headers) -> bool:
    """Whether one of our own pages sent the request. Browsers tell, and pages cannot forge it."""
    if (origin := headers.get("origin")) is not None:
        return urlsplit(origin).scheme == "http" and urlsplit(origin).netloc == headers["host"]
    return headers.get("sec-fetch-site") == "same-origin"


def _cookies(headers: Headers) -> dict[str, str]:
    return dict(_morsels(headers.getlist("cookie")))


def _morsels(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        for part in line.split(";"):  # one at a time: SimpleCookie gives up at the first that it cannot read
            jar: SimpleCookie = SimpleCookie()
            try:
                jar.load(part)
            except CookieError:
                continue
            for name, morsel in jar.items():
                yield name, morsel.value
