"""CloudFormation's side of a custom resource: a real HTTP server on loopback to which answers are PUT."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DROP = 0
"""A status that means: close the connection without a word."""


class _Put(BaseHTTPRequestHandler):
    server: "Callback"

    def do_PUT(self) -> None:  # the name that http.server calls
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.content_types.append(self.headers["Content-Type"])
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == DROP:
            self.close_connection = True
            return
        if status == 200:
            self.server.answers.append(json.loads(body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep the test's output quiet."""


class Callback(ThreadingHTTPServer):
    """Takes answers. `statuses` are what the next attempts get; after them everything is accepted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Put)
        self.answers: list[dict[str, Any]] = []
        self.content_types: list[str] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/stack?signature=abc"


@contextmanager
def listening() -> Iterator[Callback]:
    """A running server, stopped at the end."""
    server = Callback()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
