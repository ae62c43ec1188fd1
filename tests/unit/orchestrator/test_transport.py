"""Protects: a service behind https is called only if its certificate is valid."""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from orchestrator import transport
from orchestrator.calls import CallDeadline
from orchestrator.errors import CallFailed
from orchestrator.http_sender import HttpSender
from orchestrator.request_body import Document
from tests.support.servers import Server, serving, valid_answer


@pytest.fixture
def service() -> Iterator[Server]:
    """A service that answers, still without TLS."""
    with serving(lambda request: request.answer(valid_answer("v1"))) as server:
        yield server


def send(server: Server, name: str, issuer: trustme.CA, trusted: trustme.CA, folder: Path) -> int:
    """Send a document over TLS, and return the status.

    Args:
        server: The service.
        name: The name in its certificate.
        issuer: The authority that issued the certificate.
        trusted: The only authority that the orchestrator trusts.
        folder: A folder for its certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(name).configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    trusted.cert_pem.write_to_path(str(folder / "authority.pem"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "get_cert_path", lambda _: str(folder / "authority.pem"))
        sender = HttpSender(f"https://127.0.0.1:{server.server_port}/v1/predict", max_answer_bytes=10_000)
    deadline = CallDeadline(time.monotonic() + 10, time.monotonic)
    return sender.send(Document(b"%PDF"), deadline, trace_id="").status


def test_authority_is_loaded_before_the_first_document(service: Server, tmp_path: Path) -> None:
    authority = trustme.CA()
    assert send(service, "127.0.0.1", authority, authority, tmp_path) == 200


def test_certificate_of_another_authority_is_refused(service: Server, tmp_path: Path) -> None:
    with pytest.raises(CallFailed, match="certificate verify failed"):
        send(service, "127.0.0.1", trustme.CA(), trustme.CA(), tmp_path)
    assert not service.requests


def test_certificate_of_another_host_is_refused(service: Server, tmp_path: Path) -> None:
    authority = trustme.CA()
    with pytest.raises(CallFailed, match="IP address mismatch"):
        send(service, "192.0.2.1", authority, authority, tmp_path)
    assert not service.requests
