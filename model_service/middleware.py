"""Middleware for every request: the version in its path, its ids, its log entry, and unexpected errors."""

import logging
import re
import time
import uuid
from collections.abc import Collection
from typing import Final

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from model_service import problems
from model_service.custom_attributes import with_custom_attributes
from model_service.errors import ServiceError
from model_service.logs import request_ids

logger = logging.getLogger("model_service.access")

_REQUEST_ID: Final = "x-request-id"
_TRACE_ID: Final = "x-amzn-trace-id"
# Visible ASCII of limited length: an id is echoed in a header and logged, and must not inject anything there.
_VALID_ID: Final = re.compile(r"[\x21-\x7e]{1,256}")


class RequestContext:
    """ASGI middleware that gives each request its context.

    A load balancer that routes `/v2/predict` to this service keeps the path. A first segment that names a served
    version becomes the root path of the request, and every route works below it.

    Pure ASGI, because the body of a request must stay a stream whose end is noticed.

    Args:
        app: Handles the request.
        versions: The served versions.
    """

    def __init__(self, app: ASGIApp, versions: Collection[str]) -> None:
        self._app = app
        self._versions = versions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        first = scope["path"].lstrip("/").partition("/")[0]
        version = first if first in self._versions else None
        if version is not None:
            scope["root_path"] = f"/{version}"
        scope["headers"] = with_custom_attributes(scope["headers"])
        ids = _ids(Headers(scope=scope))
        fields: dict[str, object] = {}
        scope["state"] = {**scope.get("state", {}), "version": version, "request_id": ids["request_id"], "log": fields}
        token = request_ids.set(ids)
        status = 0

        async def send_with_ids(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._decorate(scope, MutableHeaders(scope=message), ids)
            await send(message)

        try:
            await self._app(scope, receive, send_with_ids)
        except Exception:  # a defect of the service: details are logged, not sent to the client
            logger.exception("request failed")
            if status == 0:
                failure = ServiceError("The service failed. See its log for details.")
                await problems.problem_response(Request(scope), failure)(scope, receive, send_with_ids)
            else:
                raise
        finally:
            elapsed = round((time.perf_counter() - started) * 1000, 3)
            logger.log(
                logging.DEBUG if scope["method"] == "GET" and status < 400 else logging.INFO,
                "request",
                extra={
                    "fields": {
                        "method": scope["method"],
                        "path": scope["path"],
                        "status": status,
                        "ms": elapsed,
                        **fields,
                    }
                },
            )
            request_ids.reset(token)

    @staticmethod
    def _decorate(scope: Scope, headers: MutableHeaders, ids: dict[str, str]) -> None:
        headers[_REQUEST_ID] = ids["request_id"]
        if "trace_id" in ids:
            headers[_TRACE_ID] = ids["trace_id"]
        if not scope["app"].state.lifecycle.ready:
            headers["connection"] = "close"  # empties the connection pools of clients before the port closes


def _ids(headers: Headers) -> dict[str, str]:
    given = headers.get(_REQUEST_ID, "")
    trace = headers.get(_TRACE_ID, "")
    ids = {"request_id": given if _VALID_ID.fullmatch(given) else str(uuid.uuid4())}
    # The trace id of AWS has the form Root=1-…;Parent=…;Sampled=1, which is visible ASCII, too.
    return ids | ({"trace_id": trace} if _VALID_ID.fullmatch(trace) else {})
