"""S3 as a server that sends objects byte by byte, so that no socket timeout ever applies."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class SlowStorage(ThreadingHTTPServer):
    """A server of one large object.

    Attributes:
        requests: Path of each request.
        disconnects: Path of each request whose client disconnected before the end of the object.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.stopping = threading.Event()
        self.requests: list[str] = []
        self.disconnects: list[str] = []

    def client(self) -> "S3Client":
        """Return a client of this server."""
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.server_address[1]}",
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )


class _Request(BaseHTTPRequestHandler):
    server: SlowStorage

    def do_GET(self) -> None:  # the name that http.server calls
        self.server.requests.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        try:
            while not self.server.stopping.wait(0.02):
                self.wfile.write(b"x")
        except OSError:
            self.server.disconnects.append(self.path)

    def log_message(self, *_: Any) -> None:
        """Write no log."""


@contextmanager
def slow_storage() -> Iterator[SlowStorage]:
    """Run the server within the block."""
    server = SlowStorage()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
