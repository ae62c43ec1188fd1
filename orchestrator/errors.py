"""Everything that can go wrong, as a caller sees it.

OrchestratorError
├── MalformedEvent          the event is not an S3 notification: retried, then kept in the on-failure queue
├── ConfigurationError      the environment lacks a setting or has a wrong one
├── DocumentUnavailable     the object could not be read just now: FAILED, retried
├── DocumentRejected        the object can never be classified: REJECTED, final
├── CallFailed              a version did not answer, or not to the contract: becomes a ModelError in the record
├── RecordConflict          somebody else wrote the item first: read again and merge
├── RecordsUnavailable      the table could not be read or written just now: nothing is stored, retried
└── IncompleteRecords       written, but PARTIAL or FAILED: tells Lambda to deliver the event again
"""

from orchestrator.records import Reason


class OrchestratorError(Exception):
    """The root of this package's errors."""


class MalformedEvent(OrchestratorError):
    """The event is not one that S3 sends."""


class ConfigurationError(OrchestratorError):
    """A setting is missing or wrong."""


class DocumentUnavailable(OrchestratorError):
    """The object could not be read just now; a later attempt may succeed."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = Reason(kind, detail)


class DocumentRejected(OrchestratorError):
    """The object can never be classified; `kind` is one of `orchestrator.records.BEYOND_READING`."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = Reason(kind, detail)


class CallFailed(OrchestratorError):
    """A call of a model service failed; the fields are those of `records.ModelError`.

    `passing` tells that a retry may do better, and `retry_after_s` how long the service wants to be left alone.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        status: int | None = None,
        problem: str | None = None,
        *,
        passing: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.status, self.problem = kind, detail, status, problem
        self.passing, self.retry_after_s = passing, retry_after_s


class RecordConflict(OrchestratorError):
    """The item changed between our read and our write."""


class RecordsUnavailable(OrchestratorError):
    """The table could not be read or written just now."""


class IncompleteRecords(OrchestratorError):
    """Every record is written, but some can still improve: raised so that Lambda delivers the event again."""
