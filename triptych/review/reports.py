"""Read what a report on the versions needs, and no more: the command and the console say the same."""

from datetime import UTC, datetime

from evidence.report import Report, assess
from records.errors import RecordsUnavailable
from records.table import PolicyTable
from triptych.errors import TriptychError
from triptych.review.reviews import Reviews
from triptych.storage.results import RecordQuery, Results

SAMPLE = 2000
"""So many of the newest documents tell what arrives and how it is answered."""

WAITING = 100
"""Counting what waits reads what it counts: further is not counted."""

LABELS = 10_000
"""At most so many labelled documents are weighed, the newest."""


def build_report(
    results: Results,
    reviews: Reviews,
    policies: PolicyTable,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    sample: int = SAMPLE,
    labels: int = LABELS,
) -> Report:
    """What the records of a stack say about its versions.

    Args:
        results: the stack's records.
        reviews: its labels.
        policies: whose answers make its verdicts.
        since: when the uploads begin that are looked at.
        until: when they end.
        sample: so many of the newest documents, labelled or not, tell what arrives.
        labels: at most so many labelled ones are weighed.

    Raises:
        TriptychError: the table cannot be read just now.
    """
    try:
        policy = policies.newest()
    except RecordsUnavailable as error:
        raise TriptychError(str(error)) from error
    counts = reviews.counts(most=WAITING)
    return assess(
        reviews.labelled(since, until, labels),
        results.newest(RecordQuery.where(since=since, until=until), limit=sample),
        now=datetime.now(UTC),
        policy=policy,
        since=since,
        until=until,
        waiting=min(WAITING, counts.review + counts.audit),
    )
