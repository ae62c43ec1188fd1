"""The console, served from a thread of this process, for any stack connection."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
import uvicorn

from triptych.console.access import StackAccess
from triptych.console.app import create_app
from triptych.console.context import Candidates, Console
from triptych.storage.connection import StackConnection

_KEY = "key"


@dataclass(frozen=True)
class ServedConsole:
    """A console that answers requests.

    Attributes:
        url: Its base address.
        console: Its state.
        client: An HTTP client that is already signed in.
    """

    url: str
    console: Console
    client: requests.Session

    @property
    def sign_in_url(self) -> str:
        """The address that signs a browser in."""
        return f"{self.url}/?key={_KEY}"


@contextmanager
def serve_console(connection: StackConnection, candidates: Candidates | None = None) -> Iterator[ServedConsole]:
    """Serve the console on a free port until the block ends."""
    console = Console(StackAccess(lambda: connection), user="benchmark", stack="benchmark", candidates=candidates)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(create_app(console, port=port, key=_KEY), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with requests.Session() as client:
                client.trust_env = False  # no proxy for the loopback
                served = ServedConsole(f"http://127.0.0.1:{port}", console, client)
                client.get(served.sign_in_url, timeout=60).raise_for_status()
                yield served
        finally:
            server.should_exit = True
            thread.join()
