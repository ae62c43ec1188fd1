"""The servers that are compared: this service, and others as they come and well configured."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.service import wire
from benchmarks.service.peers.classify import NETWORK_VARIABLE, NETWORKS, WAY_VARIABLE
from benchmarks.service.servers import Candidate
from benchmarks.service.wire import WireFormat

_ENVIRONMENTS: Final = Path(__file__).parents[2] / ".venv-peers"
_PROGRAMS: Final = "benchmarks.service.peers"


@dataclass(frozen=True)
class Peer:
    """Another server.

    Attributes:
        name: Its name.
        program: Arguments of Python.
        health: Path that returns 200 once the server is ready.
        wires: How it receives documents, for each way to configure it (benchmarks.service.peers.classify).
        environment: Folder of its environment below `.venv-peers`; None if it is in that of the benchmark.
    """

    name: str
    program: tuple[str, ...]
    health: str
    wires: dict[str, WireFormat]
    environment: str | None = None

    @property
    def python(self) -> Path:
        """Interpreter of its environment."""
        return _ENVIRONMENTS / self.environment / "bin" / "python" if self.environment else Path(sys.executable)

    def candidates(self, network: Path) -> list[Candidate]:
        """Return a candidate for each way, with the network in a folder."""
        return [
            Candidate(
                self.name + _SUFFIX[way],
                self.program,
                self.health,
                wire_format,
                ((NETWORK_VARIABLE, str(network)), (WAY_VARIABLE, way), ("BENTOML_DO_NOT_TRACK", "True")),
                self.python,
            )
            for way, wire_format in self.wires.items()
        ]


_SUFFIX: Final = {
    "tutorial": "",
    "tuned": ", well configured",
    "scaled": ", well configured, scaled decoding",
    "together": ", well configured, scaled decoding, three networks in a request",
}

PEERS: Final = (
    Peer(
        "FastAPI",
        ("-m", f"{_PROGRAMS}.fastapi_app"),
        "/health",
        {"tutorial": wire.RAW, "tuned": wire.RAW, "scaled": wire.RAW, "together": wire.RAW},
    ),
    Peer(
        "LitServe",
        ("-m", f"{_PROGRAMS}.litserve_app"),
        "/health",
        {"tutorial": wire.BASE64_JSON, "tuned": wire.FORM},
    ),
    Peer(
        "BentoML",
        ("-m", "bentoml", "serve", f"{_PROGRAMS}.bentoml_app:Documents", "--host", "127.0.0.1", "--port", "{port}"),
        "/readyz",
        {"tutorial": wire.FORM, "tuned": wire.RAW},
        "bentoml",
    ),
    Peer(
        "Ray Serve",
        ("-m", f"{_PROGRAMS}.ray_app"),
        "/predict",
        {"tutorial": wire.RAW, "tuned": wire.RAW},
        "ray",
    ),
    Peer(
        "MLServer",
        ("-m", f"{_PROGRAMS}.mlserver_app"),
        "/v2/health/ready",
        {"tutorial": wire.OPEN_INFERENCE, "tuned": wire.RAW},
        "mlserver",
    ),
)


def way_of(candidate: Candidate) -> str | None:
    """Return in which way a peer was configured; None for this service."""
    return dict(candidate.environment).get(WAY_VARIABLE)


def networks_of(candidate: Candidate) -> int:
    """Return how many networks score a document in a request."""
    way = way_of(candidate)
    return NETWORKS[way] if way else 1


def is_installed(peer: Peer) -> bool:
    """Return whether the interpreter of a peer exists."""
    return os.access(peer.python, os.X_OK)
