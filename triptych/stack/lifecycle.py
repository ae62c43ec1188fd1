"""The services of a local stack: which ones run, and when they are ready."""

from collections.abc import Sequence

from rich.console import Console

from triptych.stack import services
from triptych.stack.errors import StackError
from triptych.stack.functions import function_is_ready
from triptych.stack.processes import RESPONSE_TIMEOUT, becomes_ready, stop_processes
from triptych.stack.progress import show_progress
from triptych.stack.services import CONVERTER, VERSIONS
from triptych.stack.state import Choices, StackState

_FUNCTION_TIMEOUT = 60.0
"""Seconds in which a model function has to start."""


def start_services(state: StackState, versions: tuple[str, ...], choices: Choices) -> None:
    """Start services that do not run or are out of date. They load their models while other parts start."""
    for version in versions:
        if not _is_up_to_date(state, version, choices):
            if previous := state.services.pop(version, None):
                stop_processes(previous.process)
            state.services[version] = services.start_service_process(state.home, version, choices)
            state.save()


def stop_others(state: StackState, names: tuple[str, ...]) -> None:
    """Stop services that the stack no longer has."""
    for name in set(state.services) - set(names):
        stop_processes(state.services.pop(name).process)
        state.save()


def register_services(state: StackState, console: Console, versions: tuple[str, ...]) -> None:
    """Wait for the services, and register them with the load balancer."""
    if not all(services.service_is_ready(state.services[version]) for version in versions):
        with show_progress(console, f"Started the services {', '.join(versions)}"):
            for version in versions:
                server = state.services[version]
                state.services[version] = services.wait_for_service(state.home, version, server, state.choices)
                state.save()
    if state.choices.hosting == "lambda":
        _start_functions(state, console, [name for name in versions if name in VERSIONS])
        versions = tuple(name for name in versions if name == CONVERTER)
    for version in versions:
        target_group = state.outputs[services.target_group_output(version)]
        services.register_target(target_group, state.services[version].port, state.emulator_port)


def _start_functions(state: StackState, console: Console, versions: Sequence[str]) -> None:
    """Let the functions load their models, as ModelWarmth=schedule does.

    Raises:
        StackError: A function does not start.
    """
    with show_progress(console, "Warmed up the model functions"):
        for version in versions:
            server = state.services[version]
            if not becomes_ready(server.process, lambda port=server.port: function_is_ready(port), _FUNCTION_TIMEOUT):  # type: ignore[misc]
                raise StackError(f"The model function {version} does not start.", state.home.logs / f"{version}.log")


def _is_up_to_date(state: StackState, version: str, choices: Choices) -> bool:
    server = state.services.get(version)
    return (
        server is not None
        and server.sources == services.current_fingerprint(version, choices)
        and becomes_ready(server.process, lambda: services.service_is_ready(server), RESPONSE_TIMEOUT)
    )
