"""Errors of the orchestrator itself; `records.errors` defines those that concern records and objects.

OrchestratorError
├── ConfigurationError      a setting is missing or invalid
├── CallFailed              a version returned no valid prediction: becomes a ModelFailure in the record
└── IncompleteRecords       written, but PARTIAL or FAILED: makes Lambda deliver the event again
"""


class OrchestratorError(Exception):
    """Base of this package's errors."""


class ConfigurationError(OrchestratorError):
    """A setting is missing or invalid."""


class CallFailed(OrchestratorError):
    """A call of a model service failed.

    Attributes:
        kind: As in `records.outcomes.ModelFailure`, like `detail`, `status` and `problem`.
        detail: A sentence for operators.
        status: HTTP status of the response, if there was one.
        problem: Last part of the type of the response's problem.
        retryable: Whether a retry may succeed.
        retry_after_s: Minimum delay before a retry, from the Retry-After header.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        status: int | None = None,
        problem: str | None = None,
        *,
        retryable: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.status, self.problem = kind, detail, status, problem
        self.retryable, self.retry_after_s = retryable, retry_after_s


class IncompleteRecords(OrchestratorError):
    """Records were written that a retry can improve: makes Lambda deliver the event again."""
