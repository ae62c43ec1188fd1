"""`python -m benchmarks.document_transfer`: what a document costs the model service by content and by address.

Prints CPU milliseconds of the service's processes for each request. The document is of no known format, so that the
request ends once the service has it, and the difference between the two columns is that of the transfer. In place of S3
there is a server on this machine, with TLS as on AWS. The time on the network is not measured.
"""

import http.server
import json
import ssl
import subprocess
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import requests
from rich.console import Console
from rich.table import Table

from orchestrator.request_body import DOCUMENT_TYPE, OBJECT_TYPE
from testkit.server_processes import ServerProcess, free_port, gets_ok, running_servers

SIZES = {"100 KB": 100_000, "1 MB": 1_000_000, "4 MB": 4_000_000}
_FOLDER = Path(__file__).parents[1]
_BUCKET = "inbox"
_UNKNOWN_FORMAT = 415
_ROUNDS = 7


class _Storage(http.server.BaseHTTPRequestHandler):
    """S3 with an object of any size: its key is the number of bytes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send the object."""
        size = int(self.path.rpartition("/")[2].partition("?")[0])
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.send_header("ETag", '"etag"')
        self.end_headers()
        self.wfile.write(bytes(size))

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def _storage(folder: Path) -> Iterator[dict[str, str]]:
    """Run the server, and return the settings with which the service reads from it."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, "-out", certificate, "-keyout", key],  # noqa: S607
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Storage)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield {
            "OBJECT_BUCKETS": _BUCKET,
            "AWS_ENDPOINT_URL_S3": f"https://localhost:{server.server_address[1]}",
            "AWS_CA_BUNDLE": str(certificate),
            "AWS_ACCESS_KEY_ID": "key-id",
            "AWS_SECRET_ACCESS_KEY": "secret-key",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def cpu_ms(server: ServerProcess, session: requests.Session, media_type: str, body: bytes, calls: int) -> float:
    """Return the CPU time of the service for each of some requests, in milliseconds.

    Raises:
        RuntimeError: The service did not receive the document.
    """
    before = server.cpu_seconds()
    for _ in range(calls):
        response = session.post(f"{server.url}/predict", body, headers={"Content-Type": media_type}, timeout=30)
        if response.status_code != _UNKNOWN_FORMAT:
            raise RuntimeError(f"The service responded with {response.status_code}: {response.text}")
    return (server.cpu_seconds() - before) / calls * 1000


def main() -> None:
    """Print a table of both ways and all sizes."""
    parser = ArgumentParser(description=__doc__, prog="python -m benchmarks.document_transfer")
    parser.add_argument("--calls", type=int, default=100, help="calls in each of 7 rounds (default: %(default)s)")
    calls = parser.parse_args().calls
    table = Table("document", "by content", "by address", title="CPU ms a request")
    with TemporaryDirectory() as folder, _storage(Path(folder)) as settings, requests.Session() as session:
        start = partial(
            ServerProcess,
            [sys.executable, "-m", "model_service"],
            {"MODELS": "v1", "MODELS_DIR": str(_FOLDER / "models"), "WORKERS": "1", **settings},
            folder=_FOLDER,
            is_ready=gets_ok("/health/ready"),
        )
        with running_servers(lambda: start(port=free_port())) as [server]:
            for name, size in SIZES.items():
                address = json.dumps({"bucket": _BUCKET, "key": str(size), "etag": "etag"}).encode()
                bodies = {DOCUMENT_TYPE: bytes(size), OBJECT_TYPE: address}
                cpu_ms(server, session, OBJECT_TYPE, address, 5)  # the first call connects
                rounds = [
                    [cpu_ms(server, session, media_type, body, calls) for media_type, body in bodies.items()]
                    for _ in range(_ROUNDS)
                ]
                table.add_row(name, *(f"{median(times):.2f}" for times in zip(*rounds, strict=True)))
    Console().print(table)


if __name__ == "__main__":
    main()
