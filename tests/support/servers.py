"""Model services that misbehave on purpose: a local HTTP server whose responses a test chooses."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any

Behaviour = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """A request, with methods for the ways in which a service may respond."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:  # called by http.server
        self.server.requests.append(self)
        self.body = b"".join(self.server.pieces(self.rfile, int(self.headers["Content-Length"])))
        self.server.behaviour(self)

    def answer(self, content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Respond with JSON, or with raw bytes."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def trickle(self, pause: float) -> None:
        """Send one byte every `pause` seconds until the client disconnects."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(1000):
            if self.server.stopping.wait(pause):
                return
            try:
                self.wfile.write(b" ")
            except OSError:
                return

    def hang(self) -> None:
        """Never respond."""
        self.server.stopping.wait()
        self.close_connection = True

    def drop(self) -> None:
        """Close the connection without a response."""
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    """A service with one behaviour.

    Attributes:
        behaviour: How it responds.
        requests: All requests so far.
    """

    daemon_threads = True

    def __init__(self, behaviour: Behaviour, pause: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.behaviour = behaviour
        self.pause = pause
        self.requests: list[Request] = []
        self.stopping = threading.Event()

    def pieces(self, sent: BufferedIOBase, size: int) -> Iterator[bytes]:
        """Read a body in pieces of 8 MiB, with a pause before each. Stop early if the client does."""
        while size > 0 and (self.pause == 0 or not self.stopping.wait(self.pause)):
            piece = sent.read(min(size, 8 * 1024 * 1024))
            if not piece:
                return
            size -= len(piece)
            yield piece

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(behaviour: Behaviour, *, pause: float = 0.0) -> Iterator[Server]:
    """Run a server. With a `pause`, it needs this many seconds to read each 8 MiB of a document."""
    server = Server(behaviour, pause)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def valid_answer(model: str = "v1", label: str = "invoice", **changes: Any) -> dict[str, Any]:
    """Return the body of a valid response to a prediction."""
    answer = {
        "model": model,
        "label": label,
        "confidence": 0.9,
        "probabilities": {label: 0.9, "other": 0.1},
        "abstained": False,
        "pages": 2,
        "timings_ms": {"decode": 8.5, "infer": 4.25, "total": 13.0},
        "model_sha256": "ab" * 32,
    }
    return {**answer, **changes}


def after(seconds: float, behaviour: Behaviour) -> Behaviour:
    """Return a behaviour that responds after a delay."""

    def slow(request: Request) -> None:
        time.sleep(seconds)
        behaviour(request)

    return slow
