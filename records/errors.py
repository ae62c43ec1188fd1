"""Errors that concern uploads and their records.

RecordsError
├── MalformedEvent          the event is not an S3 notification
├── DocumentUnavailable     the object cannot be read now; a retry may succeed
├── DocumentRejected        the object cannot be classified, and a retry cannot change that
├── RecordConflict          another writer changed the item first
└── RecordsUnavailable      the table cannot be read or written now; a retry may succeed
"""

from records.record import Reason

MAX_CONFLICTS = 50
"""Maximum number of attempts to change a record that others change at the same time. Each conflict means that another
writer succeeded, and few write the same record."""


class RecordsError(Exception):
    """Base of this package's errors."""


class MalformedEvent(RecordsError):
    """The event is not one that S3 sends."""


class DocumentUnavailable(RecordsError):
    """The object cannot be read now; a retry may succeed.

    Args:
        kind: Stable name of the cause: `access-denied`, `storage-error` or `storage-slow`.
        detail: A sentence for operators.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = Reason(kind, detail)


class DocumentRejected(RecordsError):
    """The object cannot be classified, and a retry cannot change that.

    Args:
        kind: Stable name of the cause, one of `records.record.PERMANENT_REASONS`.
        detail: A sentence for operators.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = Reason(kind, detail)


class RecordConflict(RecordsError):
    """Another writer changed the item between this writer's read and write."""


class RecordsUnavailable(RecordsError):
    """The table cannot be read or written now; a retry may succeed."""
