"""A proxy that can be told to meddle: it stands before a server of the local stack, and else passes everything on.

This is how a service is made slow, mute or a liar, and how the table is made to throttle: the emulator's tables know no
throughput, so the proxy between the function and the table answers exactly what DynamoDB does when it has none left.
"""

import http.client
import itertools
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
_OF_THE_CONNECTION = {"connection", "content-length", "keep-alive", "transfer-encoding"}
"""Headers about one connection, which a proxy makes anew (RFC 9110, 7.6.1)."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Forward = Callable[[], Answer]
"""Asks the server behind the proxy."""

Meddle = Callable[[Forward], Answer | None]
"""What becomes of one request: an answer, or None for a connection that closes without a word."""


class Meddler(ThreadingHTTPServer):
    """The proxy before the server on `upstream`. `meddled` counts the requests that were meddled with."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: int) -> None:
        super().__init__((HOST, 0), _Exchange)
        self.upstream = upstream
        self.meddle: Meddle | None = None
        self.meddled = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of callers that died: here they are killed on purpose."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @contextmanager
    def doing(self, meddle: Meddle) -> Iterator[None]:
        """Meddle for a while."""
        self.meddle = meddle
        try:
            yield
        finally:
            self.meddle = None


@contextmanager
def before(upstream: int) -> Iterator[Meddler]:
    """A running proxy before the server on the port `upstream`."""
    proxy = Meddler(upstream)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


def slow(seconds: float) -> Meddle:
    """Answer truly, but late."""

    def meddle(forward: Forward) -> Answer:
        threading.Event().wait(seconds)
        return forward()

    return meddle


def mute(_: Forward) -> None:
    """Take the request and never answer it; the caller has given up long before the connection closes."""
    threading.Event().wait(10)


def throttle(_: Forward) -> Answer:
    """As DynamoDB does where the table's throughput is used up (API reference, "Common errors")."""
    kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
    said = {"__type": kind, "message": "The level of configured provisioned throughput for the table was exceeded."}
    return Answer(400, json.dumps(said).encode(), {"Content-Type": "application/x-amz-json-1.0"})


def lies() -> Meddle:
    """A different lie for each request, in turn."""
    turn = itertools.cycle(_LIES)
    return lambda forward: next(turn)(forward)


def _changed(**changes: object) -> Meddle:
    def meddle(forward: Forward) -> Answer:
        truth = json.loads(forward().body)
        return Answer(200, json.dumps({**truth, **changes}).encode(), {"Content-Type": "application/json"})

    return meddle


def _cut(forward: Forward) -> Answer:
    body = forward().body
    return Answer(200, body[: len(body) // 2], {"Content-Type": "application/json"})


_LIES: tuple[Meddle, ...] = (
    lambda _: Answer(200, b"<html><body>It works!</body></html>", {"Content-Type": "text/html"}),
    _changed(label="cat"),
    lambda _: None,
    _changed(model="v9"),
    lambda _: Answer(500, b"Traceback (most recent call last):"),
    _changed(probabilities={"invoice": 0.9, "receipt": 0.9}),
    _cut,
    _changed(confidence=float("nan")),
    lambda _: Answer(200, b"\x00" * 300_000),
    _changed(pages=0),
)


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Meddler

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        meddle = self.server.meddle
        self.server.meddled += meddle is not None
        try:
            answer = meddle(lambda: self._forward(body)) if meddle else self._forward(body)
        except (OSError, ValueError, http.client.HTTPException):  # the server behind is gone, or gave no JSON
            answer = None
        if answer is None:
            self.close_connection = True
            return
        try:
            self._send(answer)
        except OSError:
            self.close_connection = True  # the caller did not wait

    do_GET = do_POST = _serve  # noqa: N815 - the names that http.server calls

    def _forward(self, body: bytes) -> Answer:
        upstream = http.client.HTTPConnection(HOST, self.server.upstream, timeout=30)
        try:
            upstream.request(self.command, self.path, body, dict(self.headers.items()))
            answer = upstream.getresponse()
            return Answer(answer.status, answer.read(), dict(answer.getheaders()))
        finally:
            upstream.close()

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the report tells what was done."""
