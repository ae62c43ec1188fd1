"""Everything that can go wrong in the orchestrator itself; `records.errors` has what concerns records and objects.

OrchestratorError
├── ConfigurationError      the environment lacks a setting or has an invalid one
├── CallFailed              a version did not answer, or not to the contract: becomes a ModelFailure in the record
└── IncompleteRecords       written, but PARTIAL or FAILED: makes Lambda deliver the event again
"""


class OrchestratorError(Exception):
    """Base of this package's errors."""


class ConfigurationError(OrchestratorError):
    """A setting is missing or invalid."""


class CallFailed(OrchestratorError):
    """A call of a model service failed; the fields are those of `records.outcomes.ModelFailure`.

    Attributes:
        retryable: Whether a retry may succeed.
        retry_after_s: Seconds that the service asks callers to wait.
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
    """Every record is written, but some can still improve: raised so that Lambda delivers the event again."""
