"""Everything the service can refuse with, in one place.

An error that reaches a caller carries its HTTP status, a stable problem type (RFC 9457) and a title;
the message of the instance becomes the problem's `detail`.

    ServiceError                        500  internal-error
    ├── RequestError                         the request around the document is at fault
    │   ├── InvalidRequestError         400  invalid-request
    │   └── UnknownModelError           404  unknown-model
    ├── UnavailableError                     try again later: carries Retry-After
    │   ├── OverloadedError             503  overloaded              the queue is full
    │   └── NotReadyError               503  not-ready               starting up or shutting down
    └── DeadlineExceededError           504  deadline-exceeded       the caller's X-Timeout-Ms is over

    ModelLoadError                               a model folder is unusable: the service does not start
    └── ManifestError                        manifest.json is missing, malformed or disagrees with its files
"""

PROBLEM_NAMESPACE = "urn:triptych:problem:"


class ServiceError(Exception):
    """Base of all errors that are answered to a caller."""

    status = 500
    """HTTP status code of the answer."""
    problem = "internal-error"
    """Last part of the problem's `type`; callers may branch on it, so it never changes."""
    title = "The service failed"
    """The same short sentence for every occurrence of this problem."""


class RequestError(ServiceError):
    """The request is wrong, whatever the document."""

    status = 400
    problem = "invalid-request"
    title = "The request is not valid"


class InvalidRequestError(RequestError):
    """A header, parameter or body does not have the form that the API asks for."""


class UnknownModelError(RequestError):
    """This process does not serve the model version that was asked for."""

    status = 404
    problem = "unknown-model"
    title = "The model version is not served here"


class UnavailableError(ServiceError):
    """The service cannot take the request now; the same request may succeed later.

    Args:
        detail: What stands in the way.
        retry_after: Whole seconds after which trying again makes sense.
    """

    status = 503
    problem = "unavailable"
    title = "The service cannot take the request now"

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class OverloadedError(UnavailableError):
    """As many requests are in flight as the service accepts."""

    problem = "overloaded"
    title = "The service is overloaded"


class NotReadyError(UnavailableError):
    """The service is starting up or shutting down."""

    problem = "not-ready"
    title = "The service is not ready"


class DeadlineExceededError(ServiceError):
    """The time that the caller gave in X-Timeout-Ms is over."""

    status = 504
    problem = "deadline-exceeded"
    title = "The caller's time is over"


class ModelLoadError(Exception):
    """A model folder cannot be served. Raised at start, never answered over HTTP."""


class ManifestError(ModelLoadError):
    """manifest.json is missing, malformed, or disagrees with the files beside it."""
