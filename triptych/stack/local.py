"""Start and stop the local stack: the emulator, the deployment and the services together."""

import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
from rich.console import Console

from triptych.errors import StackUnavailable
from triptych.stack import deployment, emulator, environment, fingerprints, lifecycle, persistence, services
from triptych.stack.errors import StackError
from triptych.stack.home import Home
from triptych.stack.processes import stop_orphans, stop_processes
from triptych.stack.progress import show_progress
from triptych.stack.services import FUNCTIONS, service_names
from triptych.stack.state import Choices, Hosting, Ingest, OfficeFormats, ResultsMode, StackState, Transfer

MAX_IN_FLIGHT = max(2, min(os.cpu_count() or 1, 8))
"""Number of Lambda workers that are started in advance. Clients that upload many documents should not have more of them
unfinished at a time: the emulator does not queue events beyond its concurrency."""

_RETRY_SECONDS = 20.0
"""AWS waits a minute. This is enough to restart a stopped service, and short enough to wait for."""

_QUEUE_TIMEOUT = 120.0
"""Seconds in which the inbox queue has to run empty."""

_QUIET = Console(quiet=True)


@dataclass(frozen=True)
class Stack:
    """A running local stack.

    Attributes:
        endpoint_url: URL of the emulator.
        outputs: Outputs of the CloudFormation stack.
        ports: Ports of the services, by name: the versions, and the converter.
        logs: Folder of the logs.
        ingest: How uploads reach the orchestrator.
    """

    endpoint_url: str
    outputs: dict[str, str]
    ports: dict[str, int]
    logs: Path
    ingest: Ingest

    @property
    def bucket(self) -> str:
        """Name of the inbox bucket."""
        return self.outputs["InboxBucketName"]

    @property
    def table(self) -> str:
        """Name of the table of records."""
        return self.outputs["TableName"]

    @property
    def function(self) -> str:
        """Name of the orchestrator's function."""
        return self.outputs["OrchestratorFunctionName"]

    @property
    def dead_letter_queue_url(self) -> str:
        """URL of the queue of events that failed every attempt."""
        return self.outputs["FailureQueueUrl"]

    @property
    def inbox_queue_url(self) -> str | None:
        """URL of the queue of uploads, or None with direct ingest."""
        return self.outputs.get("InboxQueueUrl")

    def session(self) -> boto3.Session:
        """Return a session with the local stack's credentials. Its clients need `endpoint_url`."""
        return environment.local_session()


@dataclass(frozen=True)
class StackStatus:
    """Which parts of a stack are ready.

    Attributes:
        emulator: Whether the emulator is ready.
        services: Whether each service is ready, by name.
    """

    emulator: bool
    services: dict[str, bool]

    @property
    def healthy(self) -> bool:
        """Whether all parts are ready."""
        return self.emulator and all(self.services.values())


def start_stack(
    *,
    console: Console = _QUIET,
    home: Home | None = None,
    ingest: Ingest | None = None,
    office_formats: OfficeFormats | None = None,
    results: ResultsMode | None = None,
    hosting: Hosting | None = None,
    transfer: Transfer | None = None,
    retry_seconds: float = _RETRY_SECONDS,
) -> Stack:
    """Start the local stack with the data that it has kept, or the parts of it that do not run or are out of date.

    Args:
        console: Shows the progress.
        home: Home of the stack. The default is the home of this checkout.
        ingest: How uploads reach the orchestrator. The default is the previous choice, and direct at first. A running
            stack is updated in place and keeps its documents and records.
        office_formats: Whether the stack has a converter. The default is the previous choice, and none at first.
        results: Whether changes of records become events. The default is the previous choice, and none at first.
        hosting: Where the versions run. The default is the previous choice, and a service for each at first.
        transfer: What a request to a service contains. The default is the previous choice, and the content at first.
        retry_seconds: If the emulator has to be started, seconds before it retries a failed event.

    Raises:
        StackError: A part failed. The other parts keep running until `stop_stack`.
    """
    home = home or Home.default()
    with home.lock():
        state = StackState.load(home)
        stop_orphans(home.path, keep=state.processes)  # processes that a crash left and that no state mentions
        started = _start_emulator(state, console, retry_seconds)
        choices = Choices(
            ingest or state.choices.ingest,
            office_formats or state.choices.office_formats,
            results or state.choices.results,
            hosting or state.choices.hosting,
            transfer or state.choices.transfer,
        )
        names = service_names(choices.hosting, choices.office_formats)
        lifecycle.start_services(state, names, choices)
        if choices.hosting == "lambda":
            choices = replace(choices, functions_url=emulator.endpoint_url(state.services[FUNCTIONS].port))
        deployed = _deploy(state, console, choices)
        persistence.follow_table(state)
        if started or deployed:
            _warm_up(state, console)
        lifecycle.stop_others(state, names)
        lifecycle.register_services(state, console, names)
        return _stack(state)


def stop_stack(*, console: Console = _QUIET, home: Home | None = None, forget: bool = False) -> bool:
    """Stop every process of the stack. Its data, logs and build are kept.

    Args:
        console: Shows the progress.
        home: Home of the stack. The default is the home of this checkout.
        forget: Whether to delete the data: documents, records, labels and policies.

    Returns:
        Whether any process was running.
    """
    home = home or Home.default()
    if not home.path.exists():
        return False
    with home.lock(), console.status("Stopping the stack …"):
        state = StackState.load(home)
        running = bool(state.processes)
        persistence.stop_and_save(state)
        stop_processes(*state.processes)
        orphans = stop_orphans(home.path)
        state.services, state.journal = {}, None
        state.save()
        shutil.rmtree(home.scratch, ignore_errors=True)
        if forget:
            home.state_file.unlink(missing_ok=True)
            shutil.rmtree(home.data, ignore_errors=True)
    return running or orphans > 0


def running_stack(home: Home | None = None) -> Stack:
    """Return the running stack.

    Raises:
        StackUnavailable: No stack is running.
    """
    state = StackState.load(home or Home.default())
    if state.emulator is None or not state.outputs:
        raise StackUnavailable(
            "No local stack is running. Start it with `triptych up`, or use --stack NAME for a stack in AWS."
        )
    return _stack(state)


def stack_status(home: Home | None = None) -> StackStatus:
    """Return which parts of the stack are ready."""
    state = StackState.load(home or Home.default())
    return StackStatus(
        emulator=state.emulator is not None and emulator.emulator_is_ready(state.emulator),
        services={
            name: name in state.services and services.service_is_ready(state.services[name])
            for name in service_names(state.choices.hosting, state.choices.office_formats)
        },
    )


def stop_service(version: str, home: Home | None = None) -> None:
    """Stop one model service. The load balancer keeps sending documents to it, as if its tasks had failed.

    Raises:
        StackUnavailable: The service is not running.
    """
    home = home or Home.default()
    with home.lock():
        state = StackState.load(home)
        server = state.services.pop(version, None)
        if server is None:
            raise StackUnavailable(f"The model service {version} is not running.")
        stop_processes(server.process)
        state.save()


def start_service(version: str, home: Home | None = None) -> None:
    """Start one model service of a running stack, and wait until it is ready.

    Raises:
        StackUnavailable: No stack is running.
        StackError: The service did not become ready.
    """
    home = home or Home.default()
    with home.lock():
        running_stack(home)
        state = StackState.load(home)
        lifecycle.start_services(state, (version,), state.choices)
        lifecycle.register_services(state, _QUIET, (version,))


def _stack(state: StackState) -> Stack:
    return Stack(
        endpoint_url=emulator.endpoint_url(state.emulator_port),
        outputs=dict(state.outputs),
        ports={version: server.port for version, server in state.services.items()},
        logs=state.home.logs,
        ingest=state.choices.ingest,
    )


def _start_emulator(state: StackState, console: Console, retry_seconds: float) -> bool:
    """Start the emulator, unless it runs, and return whether it was started."""
    if persistence.emulator_runs(state):
        return False
    with show_progress(console, "Started the emulator"):
        state.retry_seconds = retry_seconds
        persistence.start_with_data(state)
    return True


def _warm_up(state: StackState, console: Console) -> None:
    port = state.emulator_port
    with show_progress(console, "Warmed up the functions"):
        deployment.warm_up_orchestrator(state.outputs["OrchestratorFunctionName"], port, workers=MAX_IN_FLIGHT)
        if publisher := state.outputs.get("PublisherFunctionName"):
            deployment.warm_up_publisher(publisher, port)


def _deploy(state: StackState, console: Console, choices: Choices) -> bool:
    """Build and deploy the template, unless the deployment is up to date, and return whether it was deployed."""
    port = state.emulator_port
    sources = fingerprints.deployment_fingerprint()
    if state.deployed == sources and state.choices == choices:
        return False
    if (queue_url := state.outputs.get("InboxQueueUrl")) and choices.ingest == "direct":
        _wait_until_empty(queue_url, port, console)
    with show_progress(console, "Built the functions (sam build)"):
        deployment.sam_build(state.home, sources)
    with show_progress(console, "Deployed template.yaml (sam deploy)"):
        state.outputs = deployment.sam_deploy(
            state.home, port, choices, concurrency=MAX_IN_FLIGHT, retry_seconds=state.retry_seconds
        )
        state.deployed, state.choices = sources, choices
        state.save()
    if not emulator.has_saved_state(state.home):
        with show_progress(console, "Saved the deployment"):
            persistence.save_first_deployment(state)
    return True


def _wait_until_empty(queue_url: str, port: int, console: Console) -> None:
    """Wait until the inbox queue is empty, before the function stops receiving from it.

    Raises:
        StackError: The queue did not run empty in time.
    """
    deadline = time.monotonic() + _QUEUE_TIMEOUT
    with console.status("Waiting for the inbox queue to run empty …"):
        while length := deployment.queue_length(queue_url, port):
            if time.monotonic() > deadline:
                raise StackError(f"The inbox queue still contains {length} uploads, so it cannot be removed yet.")
            time.sleep(0.2)
