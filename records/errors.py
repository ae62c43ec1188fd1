"""Everything that can go wrong with uploads and their records, as a caller sees it.

RecordsError
├── MalformedEvent          the event is not an S3 notification
├── DocumentUnavailable     the object cannot be read at the moment: a later attempt may succeed
├── DocumentRejected        the object can never be classified
├── RecordConflict          another writer changed the item first: read again and merge
└── RecordsUnavailable      the table cannot be read or written at the moment
"""

from records.record import Reason


class RecordsError(Exception):
    """Base of this package's errors."""


class MalformedEvent(RecordsError):
    """The event is not one that S3 sends."""


class DocumentUnavailable(RecordsError):
    """The object cannot be read at the moment; a later attempt may succeed."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = Reason(kind, detail)


class DocumentRejected(RecordsError):
    """The object can never be classified; `kind` is one of `records.record.BEYOND_READING`."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = Reason(kind, detail)


class RecordConflict(RecordsError):
    """The item changed between our read and our write."""


class RecordsUnavailable(RecordsError):
    """The table cannot be read or written at the moment."""
