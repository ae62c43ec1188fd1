"""Errors as problem details (RFC 9457): one shape for every error, whoever raised it."""

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
from model_service.admission import CallerGoneError

MEDIA_TYPE: Final = "application/problem+json"

# What nginx logs when a client closes the connection first. Nobody receives it; logs and metrics do.
CALLER_GONE: Final = 499


class Problem(BaseModel):
    """What every error looks like."""

    model_config = ConfigDict(json_schema_extra={"required": ["type", "title", "status", "detail", "request_id"]})

    type: str = Field(description="Stable name of the kind of problem; branch on this.")
    title: str = Field(description="The kind of problem in a sentence, the same each time.")
    status: int = Field(description="The HTTP status code.")
    detail: str = Field(description="What is wrong this time.")
    request_id: str = Field(description="Under which the service's log has this request.")


class ProblemResponse(JSONResponse):
    """A problem as JSON under its own media type."""

    media_type = MEDIA_TYPE


Refusal = errors.ServiceError | DocumentError
"""An error that is answered to a caller."""

_DOCUMENT_STATUS: Final[dict[type[DocumentError], int]] = {
    EmptyDocumentError: 400,
    DocumentTooLargeError: 413,
    UnsupportedFormatError: 415,
}
"""HTTP status codes of documents' errors; the others are answered with 422."""


def status_code(kind: type[Refusal]) -> int:
    """Return the HTTP status code of an error."""
    if issubclass(kind, DocumentError):
        return _DOCUMENT_STATUS.get(kind, 422)
    return kind.status


def problem_type(kind: type[Refusal]) -> str:
    """Return the `type` member of a problem (RFC 9457): a URI that identifies the kind of problem."""
    return errors.PROBLEM_NAMESPACE + kind.problem


def respond(request: Request, error: Refusal, headers: dict[str, str] | None = None) -> Response:
    """Answer with an error, and count it."""
    request.app.state.metrics.rejected.labels(reason=error.problem).inc()
    kind = type(error)
    return _response(
        request, problem_type(kind), error.title, status_code(kind), str(error), headers or _headers(error)
    )


def install(app: FastAPI) -> None:
    """Let an app answer each of its errors with a problem."""
    app.add_exception_handler(errors.ServiceError, _on_refusal)
    app.add_exception_handler(DocumentError, _on_refusal)
    app.add_exception_handler(DecoderUnavailableError, _on_decoder_unavailable)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(CallerGoneError, _on_caller_gone)


def documented(*kinds: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries for errors that a route may answer with; kinds of one status share an entry."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = responses.setdefault(
            status_code(kind), {"description": "", "content": {MEDIA_TYPE: {"schema": _SCHEMA, "examples": {}}}}
        )
        entry["description"] = f"{entry['description']}{'; ' if entry['description'] else ''}{kind.title}"
        entry["content"][MEDIA_TYPE]["examples"][kind.problem] = {"value": _example(kind)}
        if issubclass(kind, errors.UnavailableError):
            entry["headers"] = {
                "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
            }
    return responses


_SCHEMA: Final = {"$ref": "#/components/schemas/Problem"}


def _example(kind: type[Refusal]) -> dict[str, object]:
    return {
        "type": problem_type(kind),
        "title": kind.title,
        "status": status_code(kind),
        "detail": (kind.__doc__ or "").split("\n", 1)[0],
        "request_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    }


def _headers(error: Refusal) -> dict[str, str]:
    return {"Retry-After": str(error.retry_after)} if isinstance(error, errors.UnavailableError) else {}


def _response(request: Request, kind: str, title: str, status: int, detail: str, headers: dict[str, str]) -> Response:
    request.state.log["problem"] = kind
    request.state.log["detail"] = detail
    problem = Problem(
        type=kind, title=title, status=status, detail=detail or title, request_id=request.state.request_id
    )
    return ProblemResponse(problem.model_dump(), status, headers)


def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return respond(request, error)


def _on_decoder_unavailable(request: Request, error: Exception) -> Response:
    return respond(request, errors.UnavailableError(str(error)))


def _on_invalid_request(request: Request, error: Exception) -> Response:
    """FastAPI's own validation; its usual 422 means a document that cannot be read here."""
    assert isinstance(error, RequestValidationError)
    faults = (f"{' '.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
    return respond(request, errors.InvalidRequestError("; ".join(faults)))


def _on_http_error(request: Request, error: Exception) -> Response:
    """What the router refuses: a path that does not exist, a method that a path does not have."""
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


def _on_caller_gone(request: Request, _: Exception) -> Response:
    request.app.state.metrics.rejected.labels(reason="caller-gone").inc()
    return Response(status_code=CALLER_GONE)
