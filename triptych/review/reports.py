"""Reports on the versions, for the command and the console alike."""

from datetime import UTC, datetime

from evidence.promises import thresholds_by_policy
from evidence.report import Report, compute_report
from records.errors import RecordsUnavailable
from records.policy import DEFAULT_POLICY
from records.table import PolicyTable
from triptych.errors import TriptychError
from triptych.review.reviews import Reviews
from triptych.storage.results import RecordQuery, Results

SAMPLE = 2000
"""Number of newest documents, labelled or not, that represent what arrives."""

WAITING = 100
"""Number up to which documents in the queues are counted, because DynamoDB charges for every item that it counts."""

LABELS = 10_000
"""Maximum number of labelled documents, newest first."""


def build_report(
    results: Results,
    reviews: Reviews,
    policies: PolicyTable,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    sample: int = SAMPLE,
    labels: int = LABELS,
    target: float | None = None,
) -> Report:
    """Read the records of a stack and compute the report.

    Args:
        results: The table of records.
        reviews: The labels.
        policies: The table of policies.
        since: Only uploads since then.
        until: Only uploads until then.
        sample: Number of newest documents, labelled or not, that represent what arrives.
        labels: Maximum number of labelled documents.
        target: Largest share of automated verdicts that may be wrong; that of the policy if None.

    Raises:
        TriptychError: The table cannot be read.
    """
    try:
        history = [*policies.history(), DEFAULT_POLICY]
    except RecordsUnavailable as error:
        raise TriptychError(str(error)) from error
    policy = history[0]
    labelled = reviews.labelled(since, until, labels)
    population = results.newest(RecordQuery.where(since=since, until=until), limit=sample)
    return compute_report(
        labelled,
        population,
        now=datetime.now(UTC),
        policy=policy,
        since=since,
        until=until,
        waiting=reviews.waiting(most=WAITING),
        complete=len(population) < sample,
        labels_complete=len(labelled) < labels,
        target=target,
        floors=thresholds_by_policy(history),
    )
