"""The console as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from records.errors import RecordConflict, RecordsUnavailable
from triptych.console import document, live, review, versions
from triptych.console.context import HERE, Console, Here
from triptych.console.security import Guard
from triptych.console.troubles import Trouble, trouble
from triptych.errors import TriptychError


class _Static(StaticFiles):
    """The console's own files. Their addresses change with them, so browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Called by Starlette."""
        answer = await super().get_response(path, scope)
        if scope["query_string"] or path.startswith("vendor/"):
            answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return answer


router = APIRouter()


@router.get("/ready")
def ready(here: Here) -> Response:
    """For a page that waits for the stack: has it reloaded as soon as there is one."""
    try:
        here.access().policies.newest()  # the cheapest question of all
    except Exception as error:
        if trouble(error) is None:
            raise
        here.access.forget()
        return Response(status_code=204)
    return Response(status_code=204, headers={"HX-Refresh": "true"})


def create_app(console: Console, *, port: int, key: str) -> Guard:
    """The application.

    Args:
        console: what it shows.
        port: where it will listen, on 127.0.0.1.
        key: the secret that lets a browser in: see `security`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        console.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.console = console
    app.mount("/static", _Static(directory=HERE / "static"))
    for pages in (router, live.router, document.router, review.router, versions.router):
        app.include_router(pages)
    for kind in (BotoCoreError, ClientError, RecordConflict, RecordsUnavailable, TriptychError, Exception):
        app.add_exception_handler(kind, _told)
    return Guard(app, port=port, key=key)


def _told(request: Request, error: Exception) -> Response:
    """An error as a page that says what to do, or as a notice where only a part of a page was asked for."""
    console = request.app.state.console
    assert isinstance(console, Console)
    found = trouble(error)
    if found is None:
        found = Trouble("fault", 500, "The console failed", "That is its own fault: see its log.", "", repr(error))
    elif found.lasting:
        console.access.forget()
    if "hx-request" not in request.headers:
        return console.page(request, "trouble.html", section="", found=found, status=found.status)
    answer = console.page(request, "notice.html", found=found, status=found.status)
    answer.headers.update({"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"})
    return answer
