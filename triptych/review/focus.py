"""Focus of the labels: the pairs of versions that are still open, for the evidence queue."""

from collections.abc import Sequence
from dataclasses import dataclass

from records.record import Record
from records.reviews import pair_name
from records.table import PolicyTable
from triptych.storage.results import RecordQuery, Results

_SAMPLE = 500
_LABELS = 10_000


@dataclass(frozen=True)
class OpenPair:
    """Two versions whose comparison is open, and the forecast of labels that decide it, if there is one."""

    first: str
    second: str
    more_labels: int | None = None

    @property
    def name(self) -> str:
        """Name in the phase of a draw, such as `v1:v2`."""
        return pair_name(self.first, self.second)

    def differ(self, record: Record) -> bool:
        """Return whether both versions have a prediction for a document, with different labels."""
        predictions = record.answered()
        if self.first not in predictions or self.second not in predictions:
            return False
        return predictions[self.first].label != predictions[self.second].label


Focus = Sequence[OpenPair]
"""The open pairs. Without any, the evidence queue is empty."""


def read_focus(results: Results, policies: PolicyTable) -> Focus:
    """Return the pairs that are open according to the labels so far.

    The forecasts rest on fewer documents than those of the report, because only the open pairs matter.

    Raises:
        RecordsUnavailable: The table cannot be read.
    """
    from evidence.examples import current_weights, examples_from
    from evidence.pair_counts import random_sample
    from evidence.pairs import compare_pairs  # imports SciPy, which takes a third of a second

    policy = policies.newest()
    newest = results.newest(RecordQuery.where(), limit=_SAMPLE)
    complete = len(newest) < _SAMPLE
    if complete:  # these are all records, and the labelled ones need no query
        labelled = [record for record in newest if record.review]
    else:
        labelled = results.newest(RecordQuery.where(reviewed=True), limit=_LABELS)
    weights = current_weights([*newest, *labelled])
    sample = examples_from(newest, weights, policy)
    drawn = random_sample(examples_from(labelled, weights, policy))
    pairs = compare_pairs(list(weights), sample, drawn, champion=policy.champion, complete=complete)
    return [OpenPair(pair.first, pair.second, pair.more_labels) for pair in pairs if pair.asked]
