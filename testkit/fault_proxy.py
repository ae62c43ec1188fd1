"""An HTTP proxy that injects faults into a server of the local stack.

It makes a model service slow, unresponsive or wrong, and it throttles the table: the emulator's tables have no
throughput limit, so the proxy between function and table returns DynamoDB's own error.
"""

import http.client
import itertools
import json
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

HOST = "127.0.0.1"
_HOP_BY_HOP = {"connection", "content-length", "keep-alive", "transfer-encoding"}
"""Headers of a single connection, which a proxy does not forward (RFC 9110, 7.6.1)."""


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Forward = Callable[[], Response]
"""Sends the request to the server behind the proxy."""

Fault = Callable[[Forward], Response | None]
"""Handles one request: returns a response, or None to close the connection without one."""


Proxy = TypeVar("Proxy", bound="FaultProxy")


class FaultProxy(ThreadingHTTPServer):
    """A proxy to the server on the port `upstream`. Without a fault it forwards every request."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: int) -> None:
        super().__init__((HOST, 0), _Exchange)
        self.upstream = upstream
        self.fault: Fault | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore connection errors: callers are killed on purpose."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Send a request to the server behind the proxy."""
        return send_request(self.upstream, method, path, headers, body)

    @contextmanager
    def injecting(self, fault: Fault) -> Iterator[None]:
        """Inject a fault into every request until the block ends."""
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None


def send_request(port: int, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Send a request to a local server.

    Raises:
        OSError: The server is down.
        http.client.HTTPException: It does not respond with HTTP.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return Response(response.status, response.read(), dict(response.getheaders()))
    finally:
        connection.close()


@contextmanager
def fault_proxy(upstream: int) -> Iterator[FaultProxy]:
    """Run a proxy to the server on the port `upstream` until the block ends."""
    with running(FaultProxy(upstream)) as proxy:
        yield proxy


@contextmanager
def running(proxy: Proxy) -> Iterator[Proxy]:
    """Run a proxy until the block ends."""
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


def delay(seconds: float) -> Fault:
    """Return a fault that forwards each request after a delay."""

    def fault(forward: Forward) -> Response:
        threading.Event().wait(seconds)
        return forward()

    return fault


def hang(_: Forward) -> None:
    """Accept the request and never respond. The caller times out long before the connection closes."""
    threading.Event().wait(10)


def lossy(rng: random.Random) -> Fault:
    """Return a fault that loses a third of the requests or their responses, and delays another third."""

    def fault(forward: Forward) -> Response | None:
        draw = rng.random()
        if draw < 1 / 6:
            return None  # the request is lost
        if draw > 2 / 3:
            threading.Event().wait(0.2)  # as long as a retransmission takes
        response = forward()
        return None if draw < 1 / 3 else response

    return fault


def throttle(_: Forward) -> Response:
    """Respond as DynamoDB does once the table's throughput is used up (API reference, "Common errors")."""
    kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
    body = {"__type": kind, "message": "The level of configured provisioned throughput for the table was exceeded."}
    return Response(400, json.dumps(body).encode(), {"Content-Type": "application/x-amz-json-1.0"})


def invalid_responses() -> Fault:
    """Return a fault that gives a different invalid response to each request, in turn."""
    turn = itertools.cycle(_INVALID_RESPONSES)
    return lambda forward: next(turn)(forward)


def _altered(**changes: object) -> Fault:
    def fault(forward: Forward) -> Response:
        prediction = json.loads(forward().body)
        return Response(200, json.dumps({**prediction, **changes}).encode(), {"Content-Type": "application/json"})

    return fault


def _truncated(forward: Forward) -> Response:
    body = forward().body
    return Response(200, body[: len(body) // 2], {"Content-Type": "application/json"})


_INVALID_RESPONSES: tuple[Fault, ...] = (
    lambda _: Response(200, b"<html><body>It works!</body></html>", {"Content-Type": "text/html"}),
    _altered(label="cat"),
    lambda _: None,
    _altered(model="v9"),
    lambda _: Response(500, b"Traceback (most recent call last):"),
    _altered(probabilities={"invoice": 0.9, "receipt": 0.9}),
    _truncated,
    _altered(confidence=float("nan")),
    lambda _: Response(200, b"\x00" * 300_000),
    _altered(pages=0),
)


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault, headers = self.server.fault, dict(self.headers.items())

        def forward() -> Response:
            return self.server.forward(self.command, self.path, headers, body)

        try:
            response = fault(forward) if fault else forward()
        except (OSError, ValueError, http.client.HTTPException):  # the server is down, or its body is not JSON
            response = None
        if response is None:
            self.close_connection = True
            return
        try:
            self._send(response)
        except OSError:
            self.close_connection = True  # the caller did not wait

    do_GET = do_POST = _serve  # noqa: N815 -- the names that http.server calls

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, *_: object) -> None:
        """Log nothing: reports say what was injected."""
