"""HTTP connections to the model services, with a connect timeout that applies to connecting only.

urllib3 applies the connect timeout to sending the request body as well. Here the connect timeout is short, so that a
second address can be tried in time. It would interrupt a large document on a busy link and make it be sent twice.
"""

import io
import ssl
from collections.abc import Callable
from functools import cache
from typing import Any

import urllib3
from botocore.httpsession import get_cert_path
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

_SEND_TIMEOUT_S = 3.0
"""Timeout for one piece of a document: the whole budget, after which no caller waits."""

_CONNECTIONS = 10
"""Connections to one service that are kept; more are opened if more documents are sent at once."""


class RequestBody(io.BytesIO):
    """A document as a request body that is sent in pieces.

    Args:
        document: Content of the document.
        check: Called before each piece. It raises to stop sending.
    """

    def __init__(self, document: bytes, check: Callable[[], object]) -> None:
        super().__init__(document)
        self._check = check

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next piece."""
        self._check()
        return super().read(size)


def http_connections(url: str) -> urllib3.PoolManager:
    """Return connections to a URL without a proxy, because services are in the same network, and without retries."""
    tls = _tls_context(get_cert_path(True)) if url.startswith("https:") else None
    connections = urllib3.PoolManager(retries=False, maxsize=_CONNECTIONS, ssl_context=tls)
    connections.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return connections


@cache
def _tls_context(authorities: str) -> ssl.SSLContext:
    """Return settings of TLS that trust the certificate authorities in a file, which botocore trusts.

    Loading them takes about 20 ms of CPU time, so it is part of the start, not of the first connection, and the URLs of
    all versions share it.
    """
    context = create_urllib3_context()
    context.load_verify_locations(authorities)
    return context


def _set_send_timeout(connection: HTTPConnection) -> None:
    if connection.sock is None:
        connection.connect()
    connection.sock.settimeout(_SEND_TIMEOUT_S)  # urllib3 sets the read timeout before it reads the response


class _Connection(HTTPConnection):
    def send(self, data: Any) -> None:
        _set_send_timeout(self)
        super().send(data)


class _TlsConnection(HTTPSConnection):
    def send(self, data: Any) -> None:
        _set_send_timeout(self)
        super().send(data)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
