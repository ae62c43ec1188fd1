"""How a local stack keeps its data: the saved state of the emulator, its objects on disk, the journal of the table.

first start     deploy, then restart the emulator, so that it saves the deployment
running         objects are written to disk, changes of the table to the journal
clean stop      the emulator saves its whole state, and the journal is deleted
crash           the saved state is older; the next start applies the journal to it
"""

import shutil

from triptych.stack import deployment, emulator, environment
from triptych.stack.errors import StackError
from triptych.stack.journal import Journal, restore, start_journal
from triptych.stack.processes import RESPONSE_TIMEOUT, becomes_ready, stop_processes
from triptych.stack.state import StackState


def emulator_runs(state: StackState) -> bool:
    """Return whether the emulator responds."""
    server = state.emulator
    if server is None:
        return False
    return becomes_ready(server.process, lambda: emulator.emulator_is_ready(server), RESPONSE_TIMEOUT)


def start_with_data(state: StackState) -> None:
    """Start the emulator with the data of the previous one, if there are any.

    Raises:
        StackError: It did not become ready.
    """
    stop_processes(*([state.emulator.process] if state.emulator else []), *([state.journal] if state.journal else []))
    state.journal = None
    if emulator.has_saved_state(state.home):
        _run(state)
        _restore(state)
    else:  # perhaps of a deployment that never ended: it has no documents, and would conflict with the next
        shutil.rmtree(state.home.data, ignore_errors=True)
        _run(state)


def stop_and_save(state: StackState) -> None:
    """Stop the emulator. Once it has saved its state, the journal is no longer needed."""
    if state.emulator is None:
        return
    if emulator.stop_emulator(state.home, state.emulator):
        state.saved, state.port = state.deployed, state.emulator.port
        if state.journal:
            stop_processes(state.journal)
            state.journal = None
        Journal(state.home.journal).remove()
    state.emulator = None
    state.save()


def save_first_deployment(state: StackState) -> None:
    """Restart the emulator, so that it saves the deployment. Without it, the data of a crash could not be used.

    Raises:
        StackError: The emulator did not become ready, or could not listen on the same port.
    """
    stop_and_save(state)
    start_with_data(state)
    if not state.deployed:
        raise StackError(f"Another program listens on the emulator's port {state.port}. Start the stack again.")


def follow_table(state: StackState) -> None:
    """Start the process that writes the journal, unless it runs."""
    if state.journal is None and state.emulator is not None:
        url = emulator.endpoint_url(state.emulator.port)
        state.journal = start_journal(state.home, url, state.outputs["TableName"])
        state.save()


def _run(state: StackState) -> None:
    """Start the emulator's process with the data in the stack's home."""
    state.home.data.mkdir(parents=True, exist_ok=True)
    emulator.forget_stream_positions(state.home)
    state.emulator, state.deployed, state.outputs = None, "", {}
    state.emulator = emulator.start_emulator(
        state.home,
        retry_seconds=state.retry_seconds,
        persistent=True,
        preferred_port=state.port or emulator.DEFAULT_PORT,
    )
    state.save()


def _restore(state: StackState) -> None:
    """Continue with the saved deployment, and apply the changes of the table since it was saved."""
    assert state.emulator is not None
    port = state.emulator.port
    state.outputs = deployment.read_outputs(port)
    state.deployed = state.saved if port == state.port else ""  # the orchestrator calls the emulator by its port
    client = environment.local_session().client("dynamodb", endpoint_url=emulator.endpoint_url(port))
    restore(Journal(state.home.journal), client, state.outputs["TableName"])
    follow_table(state)
