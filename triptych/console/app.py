"""The console as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from records.errors import RecordConflict, RecordsUnavailable
from triptych.console import document, live, review, versions
from triptych.console.context import PACKAGE, Console, CurrentConsole
from triptych.console.error_explanations import explain_error, internal_error
from triptych.console.security import Guard
from triptych.errors import TriptychError


class _CachedStaticFiles(StaticFiles):
    """Static files that browsers cache, because their addresses change with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file with cache headers."""
        response = await super().get_response(path, scope)
        if scope["query_string"] or path.startswith("vendor/"):
            response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response


router = APIRouter()


@router.get("/ready")
def reload_when_ready(console: CurrentConsole) -> Response:
    """Reload an error page as soon as the stack is available."""
    try:
        console.access().policies.newest()  # the cheapest query
    except Exception as error:
        if explain_error(error) is None:
            raise
        console.access.reset()
        return Response(status_code=204)
    return Response(status_code=204, headers={"HX-Refresh": "true"})


def create_app(console: Console, *, port: int, key: str) -> Guard:
    """Create the application.

    Args:
        console: State of the console.
        port: Port on 127.0.0.1 on which the application will listen.
        key: Secret that signs a browser in: see `security`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        console.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.console = console
    app.mount("/static", _CachedStaticFiles(directory=PACKAGE / "static"))
    for pages in (router, live.router, document.router, review.router, versions.router):
        app.include_router(pages)
    for kind in (BotoCoreError, ClientError, RecordConflict, RecordsUnavailable, TriptychError, Exception):
        app.add_exception_handler(kind, _error_response)
    return Guard(app, port=port, key=key)


def _error_response(request: Request, error: Exception) -> Response:
    """Return a page that explains the error, or a notice if only a part of a page was requested."""
    console = request.app.state.console
    assert isinstance(console, Console)
    explanation = explain_error(error) or internal_error(error)
    if explanation.reconnect:
        console.access.reset()
    if "hx-request" not in request.headers:
        return console.page(request, "error.html", section="", error=explanation, status=explanation.status)
    response = console.page(request, "notice.html", error=explanation, status=explanation.status)
    response.headers.update({"HX-Retarget": "#notice", "HX-Reswap": "innerHTML"})
    return response
