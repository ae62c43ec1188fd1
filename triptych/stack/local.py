"""Up and down: the parts of the local stack, put together."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from rich.console import Console

from triptych.errors import StackUnavailable
from triptych.stack import deploy, emulator, environment, fingerprints, services
from triptych.stack.errors import StackError
from triptych.stack.home import Home
from triptych.stack.processes import becomes_ready, end_strays, stop
from triptych.stack.services import VERSIONS
from triptych.stack.state import Ingest, State

IN_FLIGHT = max(2, min(os.cpu_count() or 1, 8))
"""Documents that the local stack classifies at a time without one waiting for another's Lambda to start. Whoever drops
many should have no more than these unanswered: the emulator does not queue what is beyond its concurrency."""

_RETRY_SECONDS = 20.0
"""AWS waits a minute. Time enough to start a stopped service again, and not so long that a person gives up."""

_PATIENCE = 10.0
"""Seconds that a running server on a busy machine is given to answer, before it counts as broken."""

_QUEUE_PATIENCE = 120.0
"""Seconds that the inbox queue is given to run empty."""

_QUIET = Console(quiet=True)


@dataclass(frozen=True)
class Stack:
    """A running local stack. `ports` are those of the model services, by version."""

    endpoint_url: str
    region: str
    outputs: dict[str, str]
    ports: dict[str, int]
    logs: Path
    ingest: Ingest

    @property
    def bucket(self) -> str:
        """The inbox bucket."""
        return self.outputs["InboxBucketName"]

    @property
    def table(self) -> str:
        """The table of records."""
        return self.outputs["TableName"]

    @property
    def function(self) -> str:
        """The orchestrator."""
        return self.outputs["OrchestratorFunctionName"]

    @property
    def queue_url(self) -> str:
        """The queue of events that failed every attempt."""
        return self.outputs["FailureQueueUrl"]

    @property
    def inbox_queue_url(self) -> str | None:
        """The queue in which uploads wait, if they do."""
        return self.outputs.get("InboxQueueUrl")

    def session(self) -> boto3.Session:
        """A session with the local stack's credentials; its clients need `endpoint_url`."""
        return environment.session()


@dataclass(frozen=True)
class Status:
    """Which parts of a stack answer now."""

    emulator: bool
    services: dict[str, bool]

    @property
    def healthy(self) -> bool:
        """Whether all of them do."""
        return self.emulator and all(self.services.values())


def up(
    *,
    console: Console = _QUIET,
    home: Home | None = None,
    ingest: Ingest | None = None,
    retry_seconds: float = _RETRY_SECONDS,
) -> Stack:
    """Bring the local stack up, or what is missing of it or out of date.

    Args:
        console: where to tell what is being done.
        home: which stack; by default the checkout's own.
        ingest: how uploads reach the orchestrator; by default as before, and at first directly. A running stack is
            switched in place, with its documents and records.
        retry_seconds: for an emulator that has to be started, the wait before a failed event's first retry.

    Raises:
        StackError: a part of it failed. What came up is left to look at; `down` ends it.
    """
    home = home or Home.default()
    with home.lock():
        state = State.load(home)
        end_strays(home.path, keep=state.processes)  # what a crash left, and no state tells of
        _start_emulator(state, console, retry_seconds)
        _launch_services(state, VERSIONS)
        _deploy(state, console, ingest or state.ingest)
        _join_services(state, console, VERSIONS)
        return _stack(state)


def down(*, console: Console = _QUIET, home: Home | None = None) -> bool:
    """End every process of the stack and forget its data. Logs and the build stay.

    Returns:
        Whether anything was running.
    """
    home = home or Home.default()
    if not home.path.exists():
        return False
    with home.lock(), console.status("Stopping the stack …"):
        stopped = stop(*State.load(home).processes)
        strays = end_strays(home.path)
        home.state_file.unlink(missing_ok=True)
        shutil.rmtree(home.scratch, ignore_errors=True)
    return stopped or strays > 0


def current(home: Home | None = None) -> Stack:
    """The running stack.

    Raises:
        StackUnavailable: none is running.
    """
    state = State.load(home or Home.default())
    if state.emulator is None or not state.outputs:
        raise StackUnavailable(
            "No local stack is running. `triptych up` starts one; --stack NAME speaks to one in AWS."
        )
    return _stack(state)


def status(home: Home | None = None) -> Status:
    """Ask every part whether it is there."""
    state = State.load(home or Home.default())
    return Status(
        emulator=state.emulator is not None and emulator.answers(state.emulator.port),
        services={
            version: version in state.services and services.answers(state.services[version]) for version in VERSIONS
        },
    )


def stop_service(version: str, home: Home | None = None) -> None:
    """End one model service, as if its tasks had died: the load balancer still sends documents there.

    Raises:
        StackUnavailable: it is not running.
    """
    home = home or Home.default()
    with home.lock():
        state = State.load(home)
        server = state.services.pop(version, None)
        if server is None:
            raise StackUnavailable(f"The model service {version} is not running.")
        stop(server.process)
        state.save()


def start_service(version: str, home: Home | None = None) -> None:
    """Start one model service of a running stack again, and wait until it answers.

    Raises:
        StackUnavailable: no stack is running.
        StackError: it did not come up.
    """
    home = home or Home.default()
    with home.lock():
        current(home)
        state = State.load(home)
        _launch_services(state, (version,))
        _join_services(state, _QUIET, (version,))


def _stack(state: State) -> Stack:
    if state.emulator is None:
        raise StackError("The emulator is not running.")
    return Stack(
        endpoint_url=emulator.endpoint(state.emulator.port),
        region=environment.REGION,
        outputs=dict(state.outputs),
        ports={version: server.port for version, server in state.services.items()},
        logs=state.home.logs,
        ingest=state.ingest,
    )


def _start_emulator(state: State, console: Console, retry_seconds: float) -> None:
    if (running := state.emulator) and becomes_ready(
        running.process, lambda: emulator.answers(running.port), _PATIENCE
    ):
        return
    if running:
        stop(running.process)
    with _step(console, "Started the emulator"):
        state.emulator, state.deployed, state.outputs = None, "", {}
        state.emulator = emulator.launch(state.home, retry_seconds=retry_seconds)
        state.retry_seconds = retry_seconds
        state.save()


def _deploy(state: State, console: Console, ingest: Ingest) -> None:
    port = _port(state)
    sources = fingerprints.of_deployment()
    if state.deployed == sources and state.ingest == ingest:
        return
    if (queue_url := state.outputs.get("InboxQueueUrl")) and ingest == "direct":
        _run_empty(queue_url, port, console)
    with _step(console, "Built the orchestrator (sam build)"):
        deploy.build(state.home, sources)
    with _step(console, "Deployed template.yaml (sam deploy)"):
        state.outputs = deploy.deploy(
            state.home, port, ingest=ingest, concurrency=IN_FLIGHT, retry_seconds=state.retry_seconds
        )
        state.deployed, state.ingest = sources, ingest
        state.save()
    with _step(console, "Warmed up the orchestrator"):
        deploy.warm_up(state.outputs["OrchestratorFunctionName"], port, workers=IN_FLIGHT)


def _run_empty(queue_url: str, port: int, console: Console) -> None:
    """Wait for the queue to run empty before nobody takes from it any more.

    Raises:
        StackError: it does not.
    """
    deadline = time.monotonic() + _QUEUE_PATIENCE
    with console.status("Waiting for the inbox queue to run empty …"):
        while left := deploy.waiting(queue_url, port):
            if time.monotonic() > deadline:
                raise StackError(f"{left} uploads still wait in the inbox queue, so it cannot be done without yet.")
            time.sleep(0.2)


def _launch_services(state: State, versions: tuple[str, ...]) -> None:
    """Start what does not run or is out of date; it loads its model while the rest comes up."""
    for version in versions:
        if not _up_to_date(state, version):
            if former := state.services.pop(version, None):
                stop(former.process)
            state.services[version] = services.launch(state.home, version)
            state.save()


def _join_services(state: State, console: Console, versions: tuple[str, ...]) -> None:
    """Wait for the services, and put them behind the load balancer."""
    if not all(services.answers(state.services[version]) for version in versions):
        with _step(console, f"Started the model services {', '.join(versions)}"):
            for version in versions:
                services.wait_until_ready(state.home, version, state.services[version])
    for version in versions:
        target_group = state.outputs[f"TargetGroupArn{version.upper()}"]
        services.register(target_group, state.services[version].port, _port(state))


def _up_to_date(state: State, version: str) -> bool:
    server = state.services.get(version)
    return (
        server is not None
        and server.sources == fingerprints.of_service(version)
        and becomes_ready(server.process, lambda: services.answers(server), _PATIENCE)
    )


def _port(state: State) -> int:
    if state.emulator is None:
        raise StackError("The emulator is not running.")
    return state.emulator.port


@contextmanager
def _step(console: Console, done: str) -> Iterator[None]:
    """Show that something is under way, and afterwards what was done and how long it took."""
    started = time.monotonic()
    with console.status(f"{done} …"):
        yield
    console.print(f"[green]✓[/] {done} [dim]{time.monotonic() - started:.1f} s[/]", highlight=False)
