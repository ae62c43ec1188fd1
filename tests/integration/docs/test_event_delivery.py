"""Protects: the commands and the receiver of docs/events.md deliver result events to a queue and over HTTPS.

The emulator's API destination calls a real HTTPS server on loopback. Its certificate is of an authority that only this
test trusts.
"""

import json
import os
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme

from publisher.changes import UnsentQueue
from publisher.handler import Publisher
from records.record import Agreement, Record, Verdict
from records.reviews import Queue, Review
from testkit.template import ROOT
from tests.support.account import wait_for
from tests.support.documented_examples import block_with
from tests.support.tools import require_tool
from tests.support.uploads import NOON, prediction, record, upload
from tests.unit.publisher.conftest import change
from triptych.stack import Home
from triptych.stack.emulator import endpoint_url, start_emulator
from triptych.stack.environment import aws_environment, local_session
from triptych.stack.processes import stop_processes

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "events.md").read_text()
SECRET = "a secret of this test"
AGREED = {version: prediction() for version in ("v1", "v2", "v3")}


@dataclass(frozen=True)
class Endpoint:
    """The documented receiver behind HTTPS.

    Attributes:
        url: Its address.
        authority: File with the certificate of its authority.
        results: File with its database.
    """

    url: str
    authority: Path
    results: Path

    def stored(self) -> dict[str, int]:
        """Return the revision of each stored document."""
        if not self.results.exists():
            return {}
        with sqlite3.connect(self.results) as database:
            tables = database.execute("select name from sqlite_master").fetchall()
            return dict(database.execute("select document, revision from results").fetchall()) if tables else {}

    def post(self, detail: dict[str, Any], secret: str = SECRET) -> int:
        """Send an event as EventBridge does, and return the status."""
        headers = {"X-Api-Key": secret}
        body = json.dumps({"source": "triptych", "detail": detail})
        return requests.post(self.url, data=body, headers=headers, verify=str(self.authority), timeout=10).status_code


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("API_KEY", SECRET)
    monkeypatch.setenv("RESULTS", str(tmp_path / "results.db"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    names: dict[str, Any] = {"__name__": "receiver"}
    exec(block_with(PAGE, "python", "class Receiver"), names)  # noqa: S102 -- the example of the page
    server = ThreadingHTTPServer(("127.0.0.1", 0), names["Receiver"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Endpoint(
            f"https://127.0.0.1:{server.server_port}/documents", tmp_path / "authority.pem", tmp_path / "results.db"
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Bus:
    """The event bus of an emulator that trusts the endpoint's authority.

    Attributes:
        publisher: Sends events to it.
        sqs: The client of SQS.
        variables: The environment of commands.
    """

    publisher: Publisher
    sqs: "SQSClient"
    variables: dict[str, str]

    def run(self, commands: str) -> None:
        """Run commands of the page."""
        argv = ["bash", "-euo", "pipefail", "-c", commands.replace("111111111111", "000000000000")]
        done = subprocess.run(argv, env=self.variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def bus(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    require_tool("sam")
    monkeypatch.setenv("SSL_CERT_FILE", str(endpoint.authority))  # the authorities that the emulator trusts
    home = Home(tmp_path / "home")
    server = start_emulator(home, retry_seconds=1)
    try:
        url = endpoint_url(server.port)
        variables = aws_environment(home) | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": url,
            "ENDPOINT": endpoint.url,
            "API_KEY": SECRET,
            "ROLE_ARN": "arn:aws:iam::000000000000:role/deliver",
            "DEAD_LETTER_QUEUE_ARN": "arn:aws:sqs:us-east-1:000000000000:undelivered",
        }
        sqs = local_session().client("sqs", endpoint_url=url)
        unsent = UnsentQueue(sqs, sqs.create_queue(QueueName="unsent")["QueueUrl"])
        publisher = Publisher(local_session().client("events", endpoint_url=url), unsent, "default", "triptych")
        yield Bus(publisher, sqs, variables)
    finally:
        stop_processes(server.process)


def stored_record() -> Record:
    return record(AGREED, of=upload("scan.pdf", bucket="inbox"))


def test_events_arrive_over_https_and_the_newest_revision_is_kept(bus: Bus, endpoint: Endpoint) -> None:
    bus.run(block_with(PAGE, "sh", "create-api-destination"))
    first = stored_record()
    labelled = replace(first, review=Review("receipt", "ada", NOON, Queue.OTHER), revision=2)
    bus.publisher.publish([change(first)])
    wait_for(lambda: endpoint.stored() == {"inbox/scan.pdf": 1})
    bus.publisher.publish([change(labelled, first)])
    wait_for(lambda: endpoint.stored() == {"inbox/scan.pdf": 2})
    bus.publisher.publish([change(first), change(record(AGREED, of=upload("last.pdf", bucket="inbox")))])
    wait_for(lambda: "inbox/last.pdf" in endpoint.stored())
    assert endpoint.stored() == {"inbox/scan.pdf": 2, "inbox/last.pdf": 1}


def test_doubtful_documents_arrive_in_the_queue(bus: Bus) -> None:
    queue = bus.sqs.create_queue(QueueName="doubtful-documents")["QueueUrl"]
    bus.run(block_with(PAGE, "sh", "put-rule --name doubtful-documents"))
    doubtful = Verdict("receipt", 0.4, Agreement.MAJORITY, ("doubtful",))
    bus.publisher.publish([change(stored_record())])
    bus.publisher.publish([change(record(AGREED, of=upload("doubtful.pdf", bucket="inbox"), verdict=doubtful))])
    [message] = wait_for(lambda: bus.sqs.receive_message(QueueUrl=queue).get("Messages"))
    assert json.loads(message["Body"])["detail"]["key"] == "doubtful.pdf"


def test_receiver_ignores_repeated_and_late_events(endpoint: Endpoint) -> None:
    detail = {"document": "inbox/scan.pdf", "sequencer": "0055", "revision": 2}
    assert [endpoint.post(detail | {"revision": revision}) for revision in (2, 2, 1, 3, 2)] == [204] * 5
    assert endpoint.stored() == {"inbox/scan.pdf": 3}


@pytest.mark.parametrize("secret", ["", "another", "a secret of this tes"])
def test_receiver_refuses_requests_without_the_secret(endpoint: Endpoint, secret: str) -> None:
    assert endpoint.post({"document": "inbox/scan.pdf", "sequencer": "0055", "revision": 1}, secret) == 401
    assert endpoint.stored() == {}
