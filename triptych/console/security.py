"""Access control: only the browser of the user who started the console, and only from the console's own pages.

The console listens on loopback, which processes of other users on a shared machine can reach, and every web page that
the user's browser opens. A request must therefore

- name the console's own host, or a foreign name that resolves to 127.0.0.1 could read it (DNS rebinding);
- carry the key of this start, in a cookie set at sign-in, which other users of the machine do not know;
- come from one of the console's own pages if it changes anything (cross-site request forgery).
"""

import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024 * 1024
"""Maximum size of a request in bytes. The model services accept documents of up to 40 MiB."""

CONTENT_SECURITY_POLICY = "; ".join(
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
"""Allows scripts and styles from the console's own files only, even if a document's name contains some."""

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Middleware that rejects unauthorized requests and adds security headers to every response.

    Args:
        app: The protected application.
        port: Port of the console, part of its host name and of its cookie's name.
        key: Secret of this start.
    """

    def __init__(self, app: ASGIApp, *, port: int, key: str) -> None:
        self._app = app
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"triptych-console-{port}"  # cookies ignore ports, and two consoles must not share one
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")  # documents are confidential
            await send(message)

        response = self._reject(scope) or self._sign_in(scope)
        await (response or self._app)(scope, receive, send_with_headers)

    def _reject(self, scope: Scope) -> Response | None:
        """Return an error response for a forbidden or malformed request."""
        headers, method = Headers(scope=scope), scope["method"]
        if headers.get("host") not in self._hosts:
            return PlainTextResponse("Wrong host name for this console.", 421)
        if method in _SAFE:
            return None
        if not _is_same_origin(headers):
            return PlainTextResponse("Only the console's own pages can send this request.", 403)
        length = headers.get("content-length", "")
        if not length.isascii() or not length.isdigit():
            return PlainTextResponse("The Content-Length header is missing.", 411)
        if int(length) > MAX_BODY:
            return PlainTextResponse(f"The request exceeds {MAX_BODY:,} bytes.", 413)
        return None

    def _sign_in(self, scope: Scope) -> Response | None:
        """Return None for a signed-in browser, a redirect that signs in for one with the key, else an error."""
        if self._is_key(_cookies(Headers(scope=scope)).get(self._cookie, "")):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if scope["method"] == "GET" and any(self._is_key(given) for given in query.get("key", ())):
            response = RedirectResponse("/", 303)  # removes the key from the address bar and the history
            response.set_cookie(self._cookie, self._key, httponly=True, samesite="strict")
            return response
        return PlainTextResponse(
            "This browser is not signed in. Open the address that `triptych console` printed, including its key.",
            403,
        )

    def _is_key(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._key.encode())


def _is_same_origin(headers: Headers) -> bool:
    """Return whether one of the console's own pages sent the request, by headers that pages cannot forge."""
    if (origin := headers.get("origin")) is not None:
        return urlsplit(origin).scheme == "http" and urlsplit(origin).netloc == headers["host"]
    return headers.get("sec-fetch-site") == "same-origin"


def _cookies(headers: Headers) -> dict[str, str]:
    return dict(_morsels(headers.getlist("cookie")))


def _morsels(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        for part in line.split(";"):  # separately, because SimpleCookie stops at the first invalid cookie
            jar: SimpleCookie = SimpleCookie()
            try:
                jar.load(part)
            except CookieError:
                continue
            for name, morsel in jar.items():
                yield name, morsel.value
