"""Errors of the service.

An error that is reported to a client has an HTTP status, a stable problem type (RFC 9457) and a title. The message of
the exception becomes the `detail` of the problem. Errors of documents are in `decoding.errors`; their HTTP status is
assigned in `model_service.problems`.

A status of 5xx means that the service is broken, and alarms count it as such. Too much load is not a fault of the
service, so it has statuses of 4xx.

    ServiceError                        500  internal-error
    ├── RequestError                         the request around the document is invalid
    │   ├── InvalidRequestError         400  invalid-request
    │   ├── UnknownModelError           404  unknown-model
    │   ├── ObjectDeniedError           403  object-denied           an object that this service may not read
    │   └── ObjectGoneError             422  object-gone             an object that was deleted or replaced
    └── UnavailableError                503  unavailable             temporary: carries Retry-After
        ├── NotReadyError               503  not-ready               shutting down, or no decoder process available
        ├── OverloadedError             429  overloaded              too many requests are in flight
        └── DeadlineExceededError       408  deadline-exceeded       the client's X-Timeout-Ms has passed

    ModelLoadError                           a model version cannot be served: the service does not start
    └── ManifestError                        manifest.json is missing, malformed or does not match its files
"""

PROBLEM_NAMESPACE = "urn:triptych:problem:"


class ServiceError(Exception):
    """The service failed.

    Base class of all errors that are reported to a client.
    """

    status = 500
    """HTTP status code of the response."""
    problem = "internal-error"
    """Last part of the problem's `type`. Clients branch on it, so it never changes."""
    title = "The service failed"
    """Summary of the problem, the same for every occurrence."""


class RequestError(ServiceError):
    """The request is invalid, regardless of the document."""

    status = 400
    problem = "invalid-request"
    title = "The request is not valid"


class InvalidRequestError(RequestError):
    """A header, parameter or body does not have the form that the API requires."""


class UnknownModelError(RequestError):
    """The requested model version is not served by this process."""

    status = 404
    problem = "unknown-model"
    title = "The model version is not served here"


class ObjectDeniedError(RequestError):
    """The request contains the address of an object that this service may not read."""

    status = 403
    problem = "object-denied"
    title = "The object may not be read"


class ObjectGoneError(RequestError):
    """The request contains the address of an object that no longer has this content."""

    status = 422
    problem = "object-gone"
    title = "The object was deleted or replaced"


class UnavailableError(ServiceError):
    """The service cannot process the request now. The same request may succeed later.

    Args:
        detail: The reason.
        retry_after: Whole seconds to wait before the next attempt.
    """

    status = 503
    problem = "unavailable"
    title = "The service cannot process the request now"

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class OverloadedError(UnavailableError):
    """The maximum number of requests is in flight."""

    status = 429
    problem = "overloaded"
    title = "The service is overloaded"


class NotReadyError(UnavailableError):
    """The service is shutting down, or no decoder process is available."""

    problem = "not-ready"
    title = "The service is not ready"


class DeadlineExceededError(UnavailableError):
    """The time that the client allows in X-Timeout-Ms has passed."""

    status = 408
    problem = "deadline-exceeded"
    title = "The deadline was exceeded"


class ModelLoadError(Exception):
    """A model version cannot be served. Raised at start, never reported over HTTP."""


class ManifestError(ModelLoadError):
    """manifest.json is missing, malformed, or does not match the files next to it."""
