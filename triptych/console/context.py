"""What every page has at hand."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from triptych.console import views
from triptych.console.access import Access
from triptych.console.pictures import Pictures
from triptych.console.review_desk import Desk

HERE = Path(__file__).parent
PAINTERS = 2
"""Documents decoded for their pictures at the same time. They have threads of their own, so that a page that is slow to
decode keeps no other request waiting."""


@dataclass
class Console:
    """One running console.

    Attributes:
        access: the stack behind it.
        who: in whose name labels and promotions are written.
        stack: what the pages call the stack.
    """

    access: Access
    who: str
    stack: str
    pictures: Pictures = field(default_factory=lambda: Pictures(processes=PAINTERS))
    painters: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(PAINTERS, "painter"))
    labels: set[str] = field(default_factory=set)
    """Labels that versions were seen to know: what the Live page offers to filter by."""

    def __post_init__(self) -> None:
        self.desk = Desk(self.access, self.who)
        self._templates = Jinja2Templates(env=_environment(self))

    def page(self, request: Request, name: str, *, status: int = 200, **content: object) -> HTMLResponse:
        """An answer from a template."""
        return self._templates.TemplateResponse(request, name, content, status_code=status)

    def close(self) -> None:
        """End its threads and processes."""
        self.painters.shutdown(wait=False, cancel_futures=True)
        self.pictures.close()


def _of(request: Request) -> Console:
    console = request.app.state.console
    assert isinstance(console, Console)
    return console


Here = Annotated[Console, Depends(_of)]
"""The console, for a route's argument."""


def _environment(console: Console) -> Environment:
    # StrictUndefined: a template that asks for what is not there fails its test, rather than showing nothing.
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": views.percent,
        "ms": views.milliseconds,
        "size": views.size,
        "ago": views.ago,
        "chance": views.chance,
        "words": views.words,
    }
    made.globals |= {
        "console": console,
        "stances": views.STANCES,
        "asset": _asset,
        "picture": views.picture_address,
    }
    return made


def _asset(name: str) -> str:
    """A static file's address, which changes with the file, so that browsers may keep it."""
    status = os.stat(HERE / "static" / name)  # noqa: PTH116 -- a name of ours, asked for several times a page
    return f"/static/{name}?{status.st_mtime_ns:x}"
