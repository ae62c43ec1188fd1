"""The state of a local stack between commands: its processes and its deployment."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from triptych.stack.errors import StackError
from triptych.stack.home import Home
from triptych.stack.processes import ManagedProcess

_FORMAT = 2


Ingest = Literal["direct", "queue"]
"""How an upload reaches the orchestrator: the parameter of this name in template.yaml."""


OfficeFormats = Literal["none", "convert"]
"""Whether office documents, mail and archives are converted: the parameter of this name in template.yaml."""


ResultsMode = Literal["none", "events"]
"""Whether changes of records become events: the parameter Results in template.yaml."""


Hosting = Literal["fargate", "single", "lambda"]
"""Where versions run: the parameter ModelHosting in template.yaml."""


Transfer = Literal["content", "address"]
"""What a request to a service contains: the parameter DocumentTransfer in template.yaml."""


@dataclass(frozen=True)
class Choices:
    """Parameters of the template that users choose for the local stack.

    Attributes:
        ingest: How uploads reach the orchestrator.
        office_formats: Whether office documents, mail and archives are converted.
        results: Whether changes of records become events.
        hosting: Where the versions run.
        transfer: Whether services get documents, or their addresses in the inbox.
        functions_url: With functions, where the deployed orchestrator invokes them; otherwise an empty string.
    """

    ingest: Ingest = "direct"
    office_formats: OfficeFormats = "none"
    results: ResultsMode = "none"
    hosting: Hosting = "fargate"
    transfer: Transfer = "content"
    functions_url: str = ""

    @property
    def by_address(self) -> bool:
        """Whether services read documents from the inbox. Functions do only if a document is large."""
        return self.transfer == "address" and self.hosting != "lambda"

    @classmethod
    def decode(cls, saved: Mapping[str, Any]) -> "Choices":
        """Return saved choices. An earlier release did not save all of them.

        Raises:
            KeyError: The ingest was not saved.
            ValueError: A value is unknown.
        """
        return cls(
            _member(Ingest, saved["ingest"]),
            _member(OfficeFormats, saved.get("office_formats", "none")),
            _member(ResultsMode, saved.get("results", "none")),
            _member(Hosting, saved.get("hosting", "fargate")),
            _member(Transfer, saved.get("transfer", "content")),
            str(saved.get("functions_url", "")),
        )


@dataclass(frozen=True)
class LocalServer:
    """A process that listens on a port of the loopback interface.

    Attributes:
        process: The process.
        port: The port.
        sources: Fingerprint of the code that it runs.
    """

    process: ManagedProcess
    port: int
    sources: str


@dataclass
class StackState:
    """The state of one stack. Every change is saved at once, so that a crash loses none.

    Attributes:
        home: The stack's home.
        emulator: The emulator, or None if it does not run.
        services: The running services by name: the versions or what serves all of them, and the converter.
        deployed: Fingerprint of the deployment in the emulator, or an empty string.
        outputs: The outputs of the CloudFormation stack.
        choices: The user's choices for the last deployment.
        retry_seconds: Seconds that the emulator waits before it retries a failed event.
        saved: The value of `deployed` for the state in `home.data`; an empty string if the emulator has saved none.
        port: The emulator's port at that time.
        journal: The process that writes the journal, or None if it does not run.
    """

    home: Home
    emulator: LocalServer | None = None
    services: dict[str, LocalServer] = field(default_factory=dict)
    deployed: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    choices: Choices = Choices()
    retry_seconds: float = 0.0
    saved: str = ""
    port: int = 0
    journal: ManagedProcess | None = None

    @classmethod
    def load(cls, home: Home) -> "StackState":
        """Return the saved state without processes that have ended, or an empty state if it cannot be read."""
        try:
            saved = json.loads(home.state_file.read_text())
            state = cls._decode(home, saved)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(home)
        if state.emulator is None or not state.emulator.process.alive:
            state.emulator, state.deployed, state.outputs = None, "", {}
        if state.journal and not state.journal.alive:
            state.journal = None
        state.services = {name: server for name, server in state.services.items() if server.process.alive}
        return state

    @classmethod
    def _decode(cls, home: Home, saved: Mapping[str, Any]) -> "StackState":
        if saved["format"] != _FORMAT:
            raise ValueError(saved["format"])
        return cls(
            home,
            emulator=_server(saved["emulator"]) if saved["emulator"] else None,
            services={str(name): _server(server) for name, server in saved["services"].items()},
            deployed=str(saved["deployed"]),
            outputs={str(key): str(value) for key, value in saved["outputs"].items()},
            choices=Choices.decode(saved),
            retry_seconds=float(saved["retry_seconds"]),
            saved=str(saved.get("saved", "")),
            port=int(saved.get("port", 0)),
            journal=_process(saved["journal"]) if saved.get("journal") else None,
        )

    @property
    def processes(self) -> list[ManagedProcess]:
        """Every process in the state."""
        servers = [*self.services.values(), *([self.emulator] if self.emulator else [])]
        return [server.process for server in servers] + ([self.journal] if self.journal else [])

    @property
    def emulator_port(self) -> int:
        """Port of the running emulator.

        Raises:
            StackError: The emulator is not running.
        """
        if self.emulator is None:
            raise StackError("The emulator is not running.")
        return self.emulator.port

    def save(self) -> None:
        """Save the state atomically: readers see the old state or the new one."""
        saved = {
            "format": _FORMAT,
            "emulator": asdict(self.emulator) if self.emulator else None,
            "services": {name: asdict(server) for name, server in self.services.items()},
            "deployed": self.deployed,
            "outputs": self.outputs,
            **asdict(self.choices),
            "retry_seconds": self.retry_seconds,
            "saved": self.saved,
            "port": self.port,
            "journal": asdict(self.journal) if self.journal else None,
        }
        draft = self.home.state_file.with_suffix(".draft")
        draft.write_text(json.dumps(saved, indent=2))
        draft.replace(self.home.state_file)


def _member(literal: Any, saved: str) -> Any:
    """Return the member of a `Literal` type that equals a saved value, or raise `ValueError`."""
    [match] = [choice for choice in get_args(literal) if choice == saved]
    return match


def _server(saved: Mapping[str, Any]) -> LocalServer:
    return LocalServer(_process(saved["process"]), port=int(saved["port"]), sources=str(saved["sources"]))


def _process(saved: Mapping[str, Any]) -> ManagedProcess:
    return ManagedProcess(pid=int(saved["pid"]), started=float(saved["started"]))
