"""`triptych console`: the web pages, on this machine alone."""

import getpass
import secrets
import socket
import threading
import webbrowser
from typing import Annotated

import typer
from rich.console import Console as Terminal

from triptych.commands.options import ByOption, StackOption
from triptych.errors import UsageError
from triptych.stack import ports
from triptych.storage import connection

USUAL_PORT = 8642


def console(
    stack: StackOption = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Listen here.", show_default="8642, or a free one")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the pages in your browser.")] = True,
    by: ByOption = None,
) -> None:
    """Open the console: documents as they arrive, the review queue, and which version to trust. Ctrl-C ends it.

    It listens on this machine only and asks AWS with your own credentials, so there is nothing to deploy or to secure.
    """
    # A web server takes half a second to import, which the other commands need not wait for.
    import uvicorn

    from triptych.console.access import Access
    from triptych.console.app import create_app
    from triptych.console.context import Console

    listening = _listen(port or ports.choose(USUAL_PORT))
    chosen = listening.getsockname()[1]
    key = secrets.token_urlsafe(24)
    address = f"http://127.0.0.1:{chosen}/?key={key}"
    shown = Console(Access(lambda: connection.connect(stack)), who=by or getpass.getuser(), stack=stack or "local")
    config = uvicorn.Config(
        create_app(shown, port=chosen, key=key), log_level="warning", access_log=False, server_header=False
    )
    Terminal(stderr=True, soft_wrap=True).print(f"The console is at {address}\nCtrl-C ends it.", highlight=False)
    if browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    uvicorn.Server(config).run(sockets=[listening])


def _listen(port: int) -> socket.socket:
    """A socket on loopback, listening already: the browser may come before the server is ready."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise UsageError(f"Port {port} is taken: {error.strerror}. Without --port a free one is found.") from None
    listening.listen()
    return listening
