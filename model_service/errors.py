"""Everything the service can refuse with, in one place.

An error that reaches a caller carries its HTTP status, a stable problem type (RFC 9457) and a title;
the message of the instance becomes the problem's `detail`.

    ServiceError                        500  internal-error
    ├── DocumentError                        the document is at fault: the same bytes will fail again
    │   ├── EmptyDocumentError          400  empty-document
    │   ├── DocumentTooLargeError       413  document-too-large      more bytes than the service reads
    │   ├── UnsupportedFormatError      415  unsupported-format      content that no decoder here knows
    │   └── UnreadableDocumentError     422  unreadable-document
    │       ├── CorruptDocumentError    422  corrupt-document        damaged or cut short
    │       ├── EncryptedDocumentError  422  encrypted-document      opens with a password only
    │       ├── DecompressionBombError  422  decompression-bomb      unpacks to more pixels than allowed
    │       ├── DecoderCrashedError     422  decoder-crashed         brought its decoder process down
    │       └── DecoderTimeoutError     422  decoder-timeout         kept its decoder process busy for too long
    ├── RequestError                         the request around the document is at fault
    │   ├── InvalidRequestError         400  invalid-request
    │   └── UnknownModelError           404  unknown-model
    ├── UnavailableError                     try again later: carries Retry-After
    │   ├── OverloadedError             503  overloaded              the queue is full
    │   └── NotReadyError               503  not-ready               starting up or shutting down
    └── DeadlineExceededError           504  deadline-exceeded       the caller's X-Timeout-Ms is over

    ModelError                               a model folder is unusable: the service does not start
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

    @property
    def type(self) -> str:
        """The problem's `type` as RFC 9457 means it: a URI that names the kind of problem."""
        return PROBLEM_NAMESPACE + self.problem


class DocumentError(ServiceError):
    """The document cannot be classified, now or ever: do not send the same bytes again."""

    status = 422
    problem = "unreadable-document"
    title = "The document cannot be read"


class EmptyDocumentError(DocumentError):
    """Zero bytes were sent."""

    status = 400
    problem = "empty-document"
    title = "The document is empty"


class DocumentTooLargeError(DocumentError):
    """The document has more bytes than the service reads."""

    status = 413
    problem = "document-too-large"
    title = "The document is too large"


class UnsupportedFormatError(DocumentError):
    """The content begins like no format that the service decodes; its name and media type are not asked."""

    status = 415
    problem = "unsupported-format"
    title = "The document's format is not supported"


class UnreadableDocumentError(DocumentError):
    """The format is known, but these bytes do not make a page."""


class CorruptDocumentError(UnreadableDocumentError):
    """The document is damaged, cut short, or has no page."""

    problem = "corrupt-document"
    title = "The document is damaged"


class EncryptedDocumentError(UnreadableDocumentError):
    """The document opens with a password only."""

    problem = "encrypted-document"
    title = "The document is encrypted"


class DecompressionBombError(UnreadableDocumentError):
    """A page would unpack to more pixels than the service allows."""

    problem = "decompression-bomb"
    title = "The document unpacks to too many pixels"


class DecoderCrashedError(UnreadableDocumentError):
    """The document brought the process down that decoded it, or made it take too much memory."""

    problem = "decoder-crashed"
    title = "The document cannot be decoded safely"


class DecoderTimeoutError(UnreadableDocumentError):
    """The document would take longer to decode than any honest one."""

    problem = "decoder-timeout"
    title = "The document takes too long to decode"


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


class ModelError(Exception):
    """A model folder cannot be served. Raised at start, never answered over HTTP."""


class ManifestError(ModelError):
    """manifest.json is missing, malformed, or disagrees with the files beside it."""
