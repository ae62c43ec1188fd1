"""A substitute for CloudFormation's response URL: a real HTTP server on loopback that receives responses with PUT."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CLOSE = 0
"""A pseudo status: close the connection without a response."""


class _PutHandler(BaseHTTPRequestHandler):
    server: "ResponseServer"

    def do_PUT(self) -> None:  # the name that http.server calls
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.content_types.append(self.headers["Content-Type"])
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == CLOSE:
            self.close_connection = True
            return
        if status == 200:
            self.server.received.append(json.loads(body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep the test's output quiet."""


class ResponseServer(ThreadingHTTPServer):
    """Receives CloudFormation responses.

    Attributes:
        received: The accepted documents.
        content_types: The content type of every attempt.
        statuses: HTTP status codes for the next attempts; after them, every attempt is accepted.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _PutHandler)
        self.received: list[dict[str, Any]] = []
        self.content_types: list[str] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/stack?signature=abc"


@contextmanager
def response_server() -> Iterator[ResponseServer]:
    """Run a server for the duration of the context."""
    server = ResponseServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
