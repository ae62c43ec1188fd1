"""`triptych console`: serve the web console on this machine."""

import getpass
import secrets
import socket
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console as Terminal

from triptych.commands.candidates import CandidateFolder
from triptych.commands.options import ByOption, StackOption
from triptych.errors import UsageError
from triptych.stack import ports
from triptych.storage import connection

DEFAULT_PORT = 8642


def console_command(
    stack: StackOption = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on.", show_default="8642, or a free port")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the console in your browser.")] = True,
    by: ByOption = None,
    candidates: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder with one subfolder per version: those that `triptych replay` has replayed can be compared.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Open the web console: live results, the review queue, and statistics of the versions. Ctrl-C stops it.

    The console listens on this machine only and uses your own AWS credentials, so there is nothing to deploy.
    """
    import uvicorn  # takes half a second to import, which other commands do not need

    from triptych.console.access import StackAccess
    from triptych.console.app import create_app
    from triptych.console.context import Console

    listener = _listen(port or ports.choose_port(DEFAULT_PORT))
    chosen_port = listener.getsockname()[1]
    key = secrets.token_urlsafe(24)
    address = f"http://127.0.0.1:{chosen_port}/?key={key}"
    console = Console(
        StackAccess(lambda: connection.connect(stack)),
        user=by or getpass.getuser(),
        stack=stack or "local",
        candidates=CandidateFolder(candidates.resolve()) if candidates else None,
    )
    app = create_app(console, port=chosen_port, key=key)
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    message = f"The console is at {address}\nPress Ctrl-C to stop it."
    Terminal(stderr=True, soft_wrap=True).print(message, highlight=False)
    if browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    uvicorn.Server(config).run(sockets=[listener])


def _listen(port: int) -> socket.socket:
    """Return a socket that listens on loopback already, because the browser may connect before the server starts."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        message = f"Cannot listen on port {port}: {error.strerror}. Without --port, a free port is used."
        raise UsageError(message) from None
    listener.listen()
    return listener
