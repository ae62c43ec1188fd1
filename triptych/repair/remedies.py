"""Remedies: what a user can do about work that a redrive left unfinished."""

from collections.abc import Iterable

from records.record import Record
from records.verdict import is_slow
from triptych.repair.invocation import InvocationError

RUN_AGAIN = "Run the command again."

_BY_REASON = {
    "access-denied": "Allow the orchestrator's role to read the object (s3:GetObject, and kms:Decrypt for its key), "
    "then run the command again.",
    "storage-error": "S3 did not return the object: run the command again later.",
    "storage-slow": "S3 returned the object too slowly: run the command again later.",
}
"""Remedies by the kind of a record's reason."""

_SLOW = (
    "The services responded neither with a prediction nor that the document is too slow: check their load and their "
    "logs, and that the parameter OrchestratorTimeout is at least 30, then run the command again."
)


def remedy_for_records(records: Iterable[Record]) -> str:
    """Return what a user can do about records that are not final; empty without such a record."""
    remedies = dict.fromkeys(_remedy(record) for record in records)
    return " ".join(remedies)


def remedy_for_error(error: InvocationError) -> str:
    """Return what a user can do about an invocation that failed without a record."""
    if error.kind == "RecordsUnavailable":
        return "The table could not be read or written: check its throttling and permissions, then run again."
    if error.kind == "MalformedEvent":
        return "The event is not a notification of S3: inspect the message, and delete it if it does not belong here."
    return f"Check the orchestrator's log for {error.kind}, then run the command again."


def _remedy(record: Record) -> str:
    if record.reason and record.reason.kind in _BY_REASON:
        return _BY_REASON[record.reason.kind]
    if is_slow(record.predictions):
        return _SLOW
    failed = " and ".join(sorted(record.failures()))
    return f"Check the service of {failed} (tasks, logs), then run the command again." if failed else RUN_AGAIN
