"""What a local stack remembers between commands: which processes run where, and what was deployed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from triptych.stack.home import Home
from triptych.stack.processes import Process

_FORMAT = 2


Ingest = Literal["direct", "queue"]
"""How an upload reaches the orchestrator: the parameter of that name in template.yaml."""


@dataclass(frozen=True)
class Server:
    """A process that listens on a port of the loopback interface."""

    process: Process
    port: int
    sources: str
    """Fingerprint of the code that it runs."""


@dataclass
class State:
    """The memory of one stack. Whoever changes it saves it at once, so that a crash leaves nothing unknown."""

    home: Home
    emulator: Server | None = None
    services: dict[str, Server] = field(default_factory=dict)
    deployed: str = ""
    """Fingerprint of what the emulator has deployed; empty when it has nothing."""
    outputs: dict[str, str] = field(default_factory=dict)
    ingest: Ingest = "direct"
    retry_seconds: float = 0.0
    """What the emulator waits before it delivers a failed event again."""

    @classmethod
    def load(cls, home: Home) -> "State":
        """What was saved, less the processes that have died since. What cannot be read counts as nothing."""
        try:
            saved = json.loads(home.state_file.read_text())
            state = cls._decode(home, saved)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(home)
        if state.emulator is None or not state.emulator.process.alive:
            state.emulator, state.deployed, state.outputs = None, "", {}  # it kept everything in memory
        state.services = {name: server for name, server in state.services.items() if server.process.alive}
        return state

    @classmethod
    def _decode(cls, home: Home, saved: Mapping[str, Any]) -> "State":
        if saved["format"] != _FORMAT:
            raise ValueError(saved["format"])
        return cls(
            home,
            emulator=_server(saved["emulator"]) if saved["emulator"] else None,
            services={str(name): _server(server) for name, server in saved["services"].items()},
            deployed=str(saved["deployed"]),
            outputs={str(key): str(value) for key, value in saved["outputs"].items()},
            ingest=_ingest(saved["ingest"]),
            retry_seconds=float(saved["retry_seconds"]),
        )

    @property
    def processes(self) -> list[Process]:
        """Every process that is remembered."""
        servers = [*self.services.values(), *([self.emulator] if self.emulator else [])]
        return [server.process for server in servers]

    def save(self) -> None:
        """Write it, so that a reader sees the old state or the new one and nothing between."""
        saved = {
            "format": _FORMAT,
            "emulator": asdict(self.emulator) if self.emulator else None,
            "services": {name: asdict(server) for name, server in self.services.items()},
            "deployed": self.deployed,
            "outputs": self.outputs,
            "ingest": self.ingest,
            "retry_seconds": self.retry_seconds,
        }
        draft = self.home.state_file.with_suffix(".draft")
        draft.write_text(json.dumps(saved, indent=2))
        draft.replace(self.home.state_file)


def _ingest(saved: str) -> Ingest:
    [known] = [choice for choice in get_args(Ingest) if choice == saved]
    chosen: Ingest = known
    return chosen


def _server(saved: Mapping[str, Any]) -> Server:
    process = Process(pid=int(saved["process"]["pid"]), started=float(saved["process"]["started"]))
    return Server(process, port=int(saved["port"]), sources=str(saved["sources"]))
