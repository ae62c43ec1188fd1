"""`python -m benchmarks.document_transfer`: what a document costs by content and by address.

Prints two tables: CPU milliseconds of the service's processes for each request, and milliseconds from the start of an
attempt of the orchestrator to its record, with three versions in one service. The document is of no known format, so
that a request ends once the service has it, and the difference between the two columns is that of the transfer. In
place of S3 there is a server on this machine, with TLS as on AWS. For the second table it waits 150 ms before each
response, which `triptych plan` assumes of S3. The time on the network is not measured.
"""

import http.server
import json
import ssl
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import requests
from rich.console import Console
from rich.table import Table

from orchestrator.endpoints import HttpEndpoint
from orchestrator.models import ModelClient
from orchestrator.pipeline import Budget, Pipeline
from orchestrator.preparation import Preparation
from orchestrator.request_body import DOCUMENT_TYPE, OBJECT_TYPE, BodyFormat
from records.derived import DerivedObjects
from records.documents import DocumentStore
from records.policy import DEFAULT_POLICY, Policy
from records.record import Record, Status
from records.uploads import Upload
from testkit.server_processes import ServerProcess, free_port, gets_ok, running_servers
from triptych.plan.measurements import S3_FIRST_BYTE_MS

SIZES = {"100 KB": 100_000, "1 MB": 1_000_000, "4 MB": 4_000_000}
_FOLDER = Path(__file__).parents[1]
_BUCKET = "inbox"
_UNKNOWN_FORMAT = 415
_ROUNDS = 7
_VERSIONS = ("v1", "v2", "v3")


class _Storage(http.server.BaseHTTPRequestHandler):
    """S3 with an object of any size: its key is the number of bytes.

    Attributes:
        first_byte_s: Seconds before each response.
    """

    protocol_version = "HTTP/1.1"
    first_byte_s = 0.0

    def do_GET(self) -> None:
        """Send the object."""
        time.sleep(self.first_byte_s)
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


class _NoRecords:
    """A table without records, which keeps none."""

    def find(self, upload: Upload) -> Record | None:  # noqa: ARG002
        """Find nothing."""
        return None

    find_same = find

    def save(self, record: Record, *, replacing: Record | None) -> None:
        """Keep nothing."""


class _DefaultPolicy:
    """The policy before the first promotion."""

    def refresh(self) -> None:
        """Do nothing."""

    def get(self, timeout: float) -> Policy:  # noqa: ARG002
        """Return the policy."""
        return DEFAULT_POLICY


def _pipeline(url: str, settings: Mapping[str, str], *, by_address: bool) -> Pipeline:
    """Return an orchestrator without a table, whose versions are in one service."""
    s3: Any = boto3.client(
        "s3",
        endpoint_url=settings["AWS_ENDPOINT_URL_S3"],
        verify=settings["AWS_CA_BUNDLE"],
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        region_name=settings["AWS_DEFAULT_REGION"],
    )
    body = BodyFormat(by_address=by_address)
    return Pipeline(
        DocumentStore(s3, max_bytes=max(SIZES.values())),
        Preparation(None, DerivedObjects(s3), time.monotonic),
        ModelClient({each: HttpEndpoint(f"{url}/{each}", body=body) for each in _VERSIONS}, time.monotonic),
        _NoRecords(),
        _DefaultPolicy(),
        budget=Budget(30.0, 0.3),
        clock=time.monotonic,
        now=lambda: datetime.now(UTC),
    )


def record_ms(pipeline: Pipeline, size: int, documents: int) -> float:
    """Return the median time from the start of an attempt to the record, in milliseconds.

    Raises:
        RuntimeError: The versions did not receive the document.
    """
    times = []
    for _ in range(documents):
        upload = Upload(_BUCKET, str(size), "00", datetime.now(UTC), size, "etag")
        record = pipeline.classify(upload).record
        if record.status is not Status.REJECTED or len(record.failures()) != len(_VERSIONS):
            raise RuntimeError(f"The versions did not receive the document: {record.reason}")
        times.append(record.latency_ms)
    return median(times)


def _service_table(server: ServerProcess, calls: int) -> Table:
    """Return the CPU time of the service, both ways and for all sizes."""
    table = Table("document", "by content", "by address", title="CPU ms per request")
    with requests.Session() as session:
        for name, size in SIZES.items():
            address = json.dumps({"bucket": _BUCKET, "key": str(size), "etag": "etag"}).encode()
            bodies = {DOCUMENT_TYPE: bytes(size), OBJECT_TYPE: address}
            cpu_ms(server, session, OBJECT_TYPE, address, 5)  # the first call connects
            rounds = [
                [cpu_ms(server, session, media_type, body, calls) for media_type, body in bodies.items()]
                for _ in range(_ROUNDS)
            ]
            table.add_row(name, *(f"{median(times):.2f}" for times in zip(*rounds, strict=True)))
    return table


def _record_table(server: ServerProcess, settings: Mapping[str, str], documents: int) -> Table:
    """Return the time to the record, both ways and for all sizes."""
    table = Table("document", "by content", "by address", title="ms until the record")
    _Storage.first_byte_s = S3_FIRST_BYTE_MS / 1000
    pipelines = [_pipeline(server.url, settings, by_address=choice) for choice in (False, True)]
    for name, size in SIZES.items():
        for pipeline in pipelines:
            record_ms(pipeline, size, 2)  # the first documents connect
        table.add_row(name, *(f"{record_ms(pipeline, size, documents):.0f}" for pipeline in pipelines))
    return table


def main() -> None:
    """Print both tables."""
    parser = ArgumentParser(description=__doc__, prog="python -m benchmarks.document_transfer")
    parser.add_argument("--calls", type=int, default=100, help="calls in each of 7 rounds (default: %(default)s)")
    parser.add_argument(
        "--documents", type=int, default=20, help="documents of the second table (default: %(default)s)"
    )
    given = parser.parse_args()
    with TemporaryDirectory() as folder, _storage(Path(folder)) as settings:
        start = partial(
            ServerProcess,
            [sys.executable, "-m", "model_service"],
            {"MODELS": ",".join(_VERSIONS), "MODELS_DIR": str(_FOLDER / "models"), "WORKERS": "1", **settings},
            folder=_FOLDER,
            is_ready=gets_ok("/health/ready"),
        )
        with running_servers(lambda: start(port=free_port())) as [server]:
            Console().print(_service_table(server, given.calls))
            Console().print(_record_table(server, settings, given.documents))


if __name__ == "__main__":
    main()
