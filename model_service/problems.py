"""Problem details (RFC 9457): the response for every error, with the HTTP status of each."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from decoding.errors import (
    DecoderUnavailableError,
    DocumentError,
    DocumentTooLargeError,
    EmptyDocumentError,
    UnsupportedFormatError,
)
from model_service import errors
from model_service.admission import ClientDisconnectedError

MEDIA_TYPE: Final = "application/problem+json"

# nginx's status for a closed connection. No client receives it; it appears in the log.
CLIENT_DISCONNECTED: Final = 499


class Problem(BaseModel):
    """The body of every error response."""

    model_config = ConfigDict(json_schema_extra={"required": ["type", "title", "status", "detail", "request_id"]})

    type: str = Field(description="Stable identifier of the kind of problem. Clients branch on it.")
    title: str = Field(description="Summary of the kind of problem, the same for every occurrence.")
    status: int = Field(description="The HTTP status code.")
    detail: str = Field(description="Explanation of this occurrence.")
    request_id: str = Field(description="Identifies the request in the service's log.")


class ProblemResponse(JSONResponse):
    """A response with the media type of problems."""

    media_type = MEDIA_TYPE


ReportedError = errors.ServiceError | DocumentError
"""An error that is reported to a client."""

_DOCUMENT_STATUS: Final[dict[type[DocumentError], int]] = {
    EmptyDocumentError: 400,
    DocumentTooLargeError: 413,
    UnsupportedFormatError: 415,
}
"""HTTP status codes of document errors. All others have 422."""


def status_code(kind: type[ReportedError]) -> int:
    """Return the HTTP status code of an error."""
    if issubclass(kind, DocumentError):
        return _DOCUMENT_STATUS.get(kind, 422)
    return kind.status


def problem_type(kind: type[ReportedError]) -> str:
    """Return the `type` member of a problem (RFC 9457): a URI that identifies the kind of problem."""
    return errors.PROBLEM_NAMESPACE + kind.problem


def problem_response(request: Request, error: ReportedError) -> Response:
    """Count an error, and return its response."""
    request.app.state.metrics.rejected.labels(reason=error.problem).inc()
    kind = type(error)
    return _response(request, problem_type(kind), error.title, status_code(kind), str(error), _headers(error))


def add_exception_handlers(app: FastAPI) -> None:
    """Make an app respond to each of its errors with a problem."""
    app.add_exception_handler(errors.ServiceError, _on_reported_error)
    app.add_exception_handler(DocumentError, _on_reported_error)
    app.add_exception_handler(DecoderUnavailableError, _on_decoder_unavailable)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(ClientDisconnectedError, _on_client_disconnected)


def openapi_responses(*kinds: type[ReportedError]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries for the errors of a route. Errors with the same status share an entry."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = responses.setdefault(
            status_code(kind), {"description": "", "content": {MEDIA_TYPE: {"schema": _SCHEMA, "examples": {}}}}
        )
        entry["description"] = f"{entry['description']}{'; ' if entry['description'] else ''}{kind.title}"
        entry["content"][MEDIA_TYPE]["examples"][kind.problem] = {"value": _example(kind)}
        if issubclass(kind, errors.UnavailableError):
            entry["headers"] = {
                "Retry-After": {
                    "description": "Seconds to wait before the next attempt.",
                    "schema": {"type": "integer", "minimum": 1},
                }
            }
    return responses


_SCHEMA: Final = {"$ref": "#/components/schemas/Problem"}


def _example(kind: type[ReportedError]) -> dict[str, object]:
    return {
        "type": problem_type(kind),
        "title": kind.title,
        "status": status_code(kind),
        "detail": (kind.__doc__ or "").split("\n", 1)[0],
        "request_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    }


def _headers(error: ReportedError) -> dict[str, str]:
    return {"Retry-After": str(error.retry_after)} if isinstance(error, errors.UnavailableError) else {}


def _response(request: Request, kind: str, title: str, status: int, detail: str, headers: dict[str, str]) -> Response:
    request.state.log["problem"] = kind
    request.state.log["detail"] = detail
    problem = Problem(
        type=kind, title=title, status=status, detail=detail or title, request_id=request.state.request_id
    )
    return ProblemResponse(problem.model_dump(), status, headers)


def _on_reported_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReportedError)
    return problem_response(request, error)


def _on_decoder_unavailable(request: Request, error: Exception) -> Response:
    """Respond with 503: the document is not the cause, and the same request may succeed later."""
    return problem_response(request, errors.UnavailableError(str(error)))


def _on_invalid_request(request: Request, error: Exception) -> Response:
    """Respond to an invalid parameter with 400. FastAPI's default, 422, means an unreadable document in this API."""
    assert isinstance(error, RequestValidationError)
    messages = (f"{' '.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors())
    return problem_response(request, errors.InvalidRequestError("; ".join(messages)))


def _on_http_error(request: Request, error: Exception) -> Response:
    """Respond to an unknown path or method."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    kind = status.phrase.lower().replace(" ", "-")
    request.app.state.metrics.rejected.labels(reason=kind).inc()
    return _response(
        request,
        errors.PROBLEM_NAMESPACE + kind,
        status.phrase,
        status.value,
        f"{request.method} {request.url.path}: {status.description or status.phrase}",
        dict(error.headers or {}),
    )


def _on_client_disconnected(request: Request, _: Exception) -> Response:
    request.app.state.metrics.rejected.labels(reason="caller-gone").inc()
    return Response(status_code=CLIENT_DISCONNECTED)
