"""HTTP to the model services, with a time limit on connecting that is one on connecting only.

urllib3 sends a body under the connect timeout, too. That is short here, so that of two addresses the second is tried
while there is time; a large document on a busy link would be broken off by it, and sent again for nothing.
"""

import io
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_SENDING_S = 3.0
"""How long one piece of a document may take: its whole budget. Who waits for it has given up by then."""


class RequestBody(io.BytesIO):
    """A document on its way: sent in pieces, each only if `check`, which raises when no time is left, lets it."""

    def __init__(self, document: bytes, check: Callable[[], object]) -> None:
        super().__init__(document)
        self._check = check

    def read(self, size: int | None = -1, /) -> bytes:
        """The next piece."""
        self._check()
        return super().read(size)


def session() -> requests.Session:
    """A session of our own network: no proxy, no .netrc."""
    made = requests.Session()
    made.trust_env = False
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter())
    return made


def _ready_to_send(connection: HTTPConnection) -> None:
    if connection.sock is None:
        connection.connect()
    connection.sock.settimeout(_SENDING_S)  # before the answer is read, urllib3 sets the time limit on reading


class _Connection(HTTPConnection):
    def send(self, data: Any) -> None:
        _ready_to_send(self)
        super().send(data)


class _TlsConnection(HTTPSConnection):
    def send(self, data: Any) -> None:
        _ready_to_send(self)
        super().send(data)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
