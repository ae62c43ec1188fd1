"""State of the running console that every page uses, and its templates."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evidence.candidates import CandidateEvidence
from triptych.console import views
from triptych.console.access import StackAccess
from triptych.console.pictures import PictureCache
from triptych.console.review_session import ReviewSession
from triptych.review.focus import Focus, read_focus
from triptych.storage.connection import StackConnection
from triptych.terminal.text import printable

PACKAGE = Path(__file__).parent
PICTURE_THREADS = 2
"""Number of documents decoded for pictures at the same time. A separate thread pool keeps slow documents from delaying
other requests."""


class Candidates(Protocol):
    """The replayed versions that the Versions page offers to compare, by name."""

    def names(self, stack: StackConnection) -> Sequence[str]:
        """Return the names of the versions that were replayed on a stack."""
        ...

    def assess(self, stack: StackConnection, name: str) -> CandidateEvidence:
        """Return the evidence on one of `names`.

        Raises:
            UsageError: It is none of them.
        """
        ...


@dataclass
class Console:
    """A running console.

    Attributes:
        access: Connection to the stack.
        user: Name recorded with labels and promotions.
        stack: Name of the stack, for display.
        candidates: Replayed versions to compare; None if the console offers none.
        pictures: Pictures of document pages.
        picture_pool: Threads that wait for pictures.
        review_session: The review session.
    """

    access: StackAccess
    user: str
    stack: str
    candidates: Candidates | None = None
    pictures: PictureCache = field(default_factory=lambda: PictureCache(processes=PICTURE_THREADS))
    picture_pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(PICTURE_THREADS, "picture"))
    labels: set[str] = field(default_factory=set)
    """Labels that versions have predicted so far: the options of the filter on the Live page."""

    def __post_init__(self) -> None:
        self.review_session = ReviewSession(self.access, self.user, self._focus)
        self._templates = Jinja2Templates(env=_environment(self))

    def page(self, request: Request, name: str, *, status: int = 200, **content: object) -> HTMLResponse:
        """Return a response rendered from a template."""
        return self._templates.TemplateResponse(request, name, content, status_code=status)

    def _focus(self) -> Focus:
        """Return the pairs of versions that are still open; read whenever the review fetches documents."""
        stack = self.access()
        return read_focus(stack.results, stack.policies)

    def close(self) -> None:
        """Stop threads and processes."""
        self.picture_pool.shutdown(wait=False, cancel_futures=True)
        self.pictures.close()


def _current_console(request: Request) -> Console:
    console = request.app.state.console
    assert isinstance(console, Console)
    return console


CurrentConsole = Annotated[Console, Depends(_current_console)]
"""The console, as a parameter of a route."""


def _environment(console: Console) -> Environment:
    # StrictUndefined: an undefined variable in a template raises an error instead of rendering as nothing.
    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "age": views.format_age,
        "duration": views.format_duration,
        "label": lambda label: printable(views.format_label(label)),
        "p_value": views.format_p_value,
        "percent": views.format_percent,
        "printable": printable,
        "size": views.format_size,
    }
    environment.globals |= {
        "console": console,
        "stances": views.STANCES,
        "asset": _asset_url,
    }
    return environment


def _asset_url(name: str) -> str:
    """Return the address of a static file, which changes with the file so that browsers can cache it."""
    status = os.stat(PACKAGE / "static" / name)  # noqa: PTH116 -- called several times for each page, and faster
    return f"/static/{name}?{status.st_mtime_ns:x}"
