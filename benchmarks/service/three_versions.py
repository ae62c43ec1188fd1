"""A document for three versions of one service, which gets a request for each at the same time, as in the pipeline."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree
from typing import Final

from benchmarks.service.servers import Server
from model_service.manifest import FILE_NAME

VERSIONS: Final = ("v1", "v2", "v3")
_CLIENTS: Final = 4
"""Clients at full load: their twelve requests are fewer than a service admits."""


class Client:
    """Sends documents to all versions of a server at the same time, over kept connections."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connections = {version: server.connect() for version in VERSIONS}
        self._threads = ThreadPoolExecutor(len(VERSIONS))

    def classify(self, document: bytes) -> dict[str, object]:
        """Return the probabilities of each version.

        Raises:
            RuntimeError: If a version returns no prediction.
        """
        answers = self._threads.map(lambda version: self._ask(version, document), VERSIONS)
        return dict(zip(VERSIONS, answers, strict=True))

    def close(self) -> None:
        """Close the connections."""
        self._threads.shutdown()
        for connection in self._connections.values():
            connection.close()

    def _ask(self, version: str, document: bytes) -> object:
        connection = self._connections[version]
        connection.request("POST", f"/{version}/predict", document, self._server.headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            raise RuntimeError(f"{self._server.name} returned {response.status}: {answer}")
        return answer["probabilities"]


def saturate(server: Server, bodies: Sequence[bytes], seconds: float) -> float:
    """Return the documents per second that all versions classify at full load."""
    started = time.perf_counter()

    def work(number: int) -> int:
        client, done = Client(server), 0
        while time.perf_counter() < started + seconds:
            client.classify(bodies[(number + done) % len(bodies)])
            done += 1
        client.close()
        return done

    with ThreadPoolExecutor(_CLIENTS) as clients:
        done = sum(clients.map(work, range(_CLIENTS)))
    return done / (time.perf_counter() - started)


def write_copies(version: Path, folder: Path) -> None:
    """Write three versions that are the same network.

    Args:
        version: Folder of the network.
        folder: Folder of all versions, which is created.
    """
    manifest = json.loads((version / FILE_NAME).read_text())
    for name in VERSIONS:
        copytree(version, folder / name)
        (folder / name / FILE_NAME).write_text(json.dumps({**manifest, "version": name}))
