"""Assemble complete records: from one attempt's outcomes, or from two attempts at the same upload."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from records.conversions import ConversionSummary, Parent
from records.errors import DocumentRejected, DocumentUnavailable
from records.outcomes import Outcome, Prediction
from records.policy import Policy
from records.record import SCHEMA, Reason, Record, Status, Verdict
from records.uploads import Upload, audit_number
from records.verdict import combine, status_of

ReadError = DocumentRejected | DocumentUnavailable


def build_record(
    upload: Upload,
    outcomes: Mapping[str, Outcome],
    policy: Policy,
    *,
    replaced: Record | None,
    classified_at: datetime,
    latency_ms: float,
    trace_id: str = "",
    read_error: ReadError | None = None,
    conversion: ConversionSummary | None = None,
    parent: Parent | None = None,
) -> Record:
    """Return the complete record of one attempt at an upload.

    Args:
        upload: The upload that was processed.
        outcomes: Outcome of each version, those of earlier attempts included.
        policy: The policy that makes the verdict.
        replaced: The record that the new one replaces. Its reviews are kept.
        classified_at: Time of the attempt.
        latency_ms: Duration of the attempt so far.
        trace_id: AWS trace of the attempt.
        read_error: Why the object could not be read. Outcomes are then those of versions that had read it before.
        conversion: How the document was converted in this attempt.
        parent: The upload that the document was extracted from.
    """
    status, reason = _status_after(read_error, outcomes) if read_error else status_of(outcomes)
    verdict = combine(outcomes, policy)
    record = Record(
        upload=upload,
        status=status,
        predictions=outcomes,
        verdict=verdict,
        reason=reason,
        classified_at=classified_at,
        latency_ms=latency_ms,
        trace_id=trace_id,
        policy=policy.id if verdict else "",
        audit=is_audited(upload, verdict, policy),
        conversion=conversion,
        parent=parent,
    )
    return _with_history_of(record, replaced).next_revision(replaced)


def merge(ours: Record, theirs: Record, policy: Policy) -> Record:
    """Return one record with everything that two attempts at the same upload found.

    If both have a prediction of a version, the one in `theirs`, which is already stored, is kept. So are its reviews:
    reviewers label stored records only.
    """
    ours = _with_history_of(ours, theirs).next_revision(theirs)
    if ours.status is Status.REJECTED and not theirs.answered():
        return ours
    outcomes = {**theirs.predictions, **ours.predictions, **theirs.answered()}
    status, reason = status_of(outcomes) if outcomes else (ours.status, ours.reason)
    if status is Status.PARTIAL:
        reason = next((record.reason for record in (ours, theirs) if record.inaccessible), reason)
    predictions = dict(sorted(outcomes.items()))
    return with_verdict(replace(ours, status=status, predictions=predictions, reason=reason), policy)


def with_verdict(record: Record, policy: Policy) -> Record:
    """Return the record with the verdict that the policy makes from its predictions."""
    verdict = combine(record.predictions, policy)
    return replace(
        record,
        schema=SCHEMA,
        verdict=verdict,
        policy=policy.id if verdict else "",
        audit=is_audited(record.upload, verdict, policy),
    )


def is_audited(upload: Upload, verdict: Verdict | None, policy: Policy) -> bool:
    """Return whether a verdict belongs to the audit sample: it needs no review, and the upload's number is drawn."""
    if verdict is None or verdict.needs_review:
        return False
    return audit_number(upload.document, upload.sort_key) < policy.audit_share


def _with_history_of(record: Record, replaced: Record | None) -> Record:
    """Return the record with those facts of the replaced record that no attempt can find again."""
    if replaced is None:
        return record
    return replace(
        record,
        review=replaced.review,
        earlier_reviews=replaced.earlier_reviews,
        conversion=record.conversion or replaced.conversion,
        parent=record.parent or replaced.parent,
    )


def _status_after(error: ReadError, outcomes: Mapping[str, Outcome]) -> tuple[Status, Reason]:
    """Return the status of an upload whose object could not be read. With earlier predictions it is PARTIAL."""
    if any(isinstance(outcome, Prediction) for outcome in outcomes.values()):
        return Status.PARTIAL, error.reason
    return (Status.REJECTED if isinstance(error, DocumentRejected) else Status.FAILED), error.reason
