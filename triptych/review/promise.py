"""Keep the promise on automated verdicts: if audits show that it is broken, doubt is widened automatically."""

from dataclasses import replace
from datetime import datetime

from records.errors import RecordConflict
from records.policy import MAX_DOUBT, Policy
from records.record import Record
from records.reviews import Queue
from records.table import PolicyTable
from triptych.storage.results import RecordQuery, Results

AUTOMATIC = "automatic"
"""Author of policies that replace one whose promise is broken."""

_LABELS = 10_000


class PromiseGuard:
    """Watches the promise of the policy in force.

    Args:
        results: The table of records.
        policies: The table of policies.
    """

    def __init__(self, results: Results, policies: PolicyTable) -> None:
        self._results = results
        self._policies = policies

    def check(self, labelled: Record, now: datetime) -> Policy | None:
        """Widen doubt if audits break the promise. Call it after each label.

        Only a wrong verdict of the audit sample can raise the alarm, so that other labels cost no read.

        Args:
            labelled: The record that was just labelled. The index may not have its label yet.
            now: The current time.

        Returns:
            The new policy; None if the promise holds, or another policy replaced this one at the same time.

        Raises:
            RecordsUnavailable: The policy cannot be read or written.
            BotoCoreError, ClientError: The labels cannot be read.
        """
        if not _is_wrong_audit(labelled):
            return None
        policy = self._policies.newest()
        if policy.at_most_wrong is None or policy.id != labelled.policy:
            return None
        from evidence.promises import threshold_after_alarm  # imports SciPy, which takes a third of a second

        known = self._results.newest(RecordQuery.where(reviewed=True), limit=_LABELS)
        others = [each for each in known if _key(each) != _key(labelled)]
        threshold = threshold_after_alarm([*others, labelled], policy)
        if threshold is None:
            return None
        wider = widen(policy, threshold, now, cause=labelled)
        try:
            self._policies.add(wider)
        except RecordConflict:
            return None
        return wider


def widen(policy: Policy, threshold: float, now: datetime, *, cause: Record) -> Policy:
    """Return the policy that replaces one whose promise is broken; its promise remains."""
    threshold = min(MAX_DOUBT, threshold)
    target = policy.at_most_wrong or 0.0
    reviewer = cause.review.by if cause.review else "a reviewer"
    everything = " All verdicts are reviewed." if threshold > 1 else ""
    return replace(
        policy,
        id=f"p{policy.number + 1}",
        doubt_below=threshold,
        widened_from=policy.id,
        by=AUTOMATIC,
        at=now,
        why=(
            f"Audits show that more than {100 * target:.3g} % of the automated verdicts were wrong "
            f"under {policy.id}, the last one labelled by {reviewer}. Doubt was widened from {policy.doubt_below:g} to "
            f"{threshold:g}.{everything} To undo: triptych promote {policy.id}"
        ),
    )


def _key(record: Record) -> tuple[str, str]:
    return record.upload.document, record.upload.sort_key


def _is_wrong_audit(record: Record) -> bool:
    return (
        record.review is not None
        and record.review.queue is Queue.AUDIT
        and record.verdict is not None
        and record.review.label != record.verdict.label
    )
