"""Counts of a pair: how often one, both or neither of two versions is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from evidence.classical import mcnemar_exact
from evidence.examples import Example
from evidence.intervals import Floats
from evidence.sequential import log_wealth
from records.reviews import Queue, pair_name


@dataclass(frozen=True)
class PairCounts:
    """Counts of labelled examples with predictions of both versions.

    Disagreements count only if they are a random sample of all disagreements of the pair, see `drawn_evenly`. `ties`
    counts those on which both versions are wrong.
    """

    both: int
    first_only: int
    second_only: int
    neither: int
    ties: int

    @property
    def total(self) -> int:
        """Number of examples."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def disagreements(self) -> int:
        """Number of examples for which the versions predict different labels."""
        return self.first_only + self.second_only + self.ties

    @property
    def mcnemar_p(self) -> float | None:
        """McNemar's exact p-value; None without examples."""
        return mcnemar_exact(self.first_only, self.second_only) if self.total else None

    @classmethod
    def of(cls, first: str, second: str, labelled: Sequence[Example]) -> "PairCounts":
        """Count the labelled examples that both versions classified."""
        both = shared_examples(labelled, first, second)
        agreeing = [example for example in both if not example.differs(first, second)]
        shared = [*agreeing, *drawn_evenly(both, first, second)]
        correct = [(example.is_correct(first), example.is_correct(second)) for example in shared]
        first_only, second_only = correct.count((True, False)), correct.count((False, True))
        return cls(
            both=correct.count((True, True)),
            first_only=first_only,
            second_only=second_only,
            neither=correct.count((False, False)),
            ties=sum(example.differs(first, second) for example in shared) - first_only - second_only,
        )


def drawn_evenly(labelled: Sequence[Example], first: str, second: str) -> list[Example]:
    """Return the disagreements of a pair whose turn in the evidence queue had come when the last label was given.

    The evidence queue deals the disagreements of the pairs that are open at the time (the phase) in the order of their
    ranks, and therefore evenly. A document that was labelled for another reason, such as doubt, counts once a document
    of a higher rank was drawn from an evidence queue that contained both: without its label, its turn would have come
    before. Labels of schema 1 were drawn evenly from all disagreements.
    """
    name = pair_name(first, second)
    differing = [example for example in labelled if example.differs(first, second)]
    legacy = [each for each in differing if each.draw is None and each.legacy]
    dealt = [each for each in differing if each.draw and each.draw.queue is Queue.EVIDENCE and name in each.draw.phase]
    return [*legacy, *with_turn(differing, dealt)]


def with_turn(members: Sequence[Example], dealt: Sequence[Example]) -> list[Example]:
    """Return the labelled members of a queue whose turn had come when the last label was given.

    Args:
        members: Labelled members of the queue, from whichever queue they were dealt.
        dealt: Those that this queue dealt.
    """
    ranks = np.array([each.rank for each in dealt])
    starts = np.array([each.draw.since.timestamp() if each.draw and each.draw.since else 0.0 for each in dealt])
    ends = np.array([end.timestamp() if (end := _end_of_period(each)) else 0.0 for each in dealt])

    def counts(example: Example) -> bool:
        uploaded = example.uploaded_at.timestamp()
        return bool(((example.rank <= ranks) & (starts <= uploaded) & (uploaded <= ends)).any())

    drawn = {each.id for each in dealt}
    return [each for each in members if each.id in drawn or ((each.draw or not each.legacy) and counts(each))]


def _end_of_period(dealt: Example) -> datetime | None:
    return dealt.draw.until if dealt.draw and dealt.draw.until else dealt.labelled_at


def random_sample(labelled: Sequence[Example]) -> list[Example]:
    """Return the labelled examples that are a random sample within each cell of the deployed versions' predictions.

    A label that was drawn for a candidate, a version that is not deployed, prefers documents on which that version
    differs. It counts only if its turn has come in an ordinary queue, so that it would have been given anyway.
    """
    included = [each for each in labelled if each.exclusion is None]
    ordinary = [each for each in included if not (each.draw and each.draw.for_candidate)]
    others = [each for each in included if each.draw and each.draw.for_candidate]
    return [*ordinary, *(each for each in others if _had_turn(each, ordinary))]


def _had_turn(example: Example, ordinary: Sequence[Example]) -> bool:
    """Return whether an ordinary queue that contained the document has dealt one of a higher rank."""

    def same_queue(dealt: Example) -> bool:
        if dealt.draw is None or dealt.draw.queue is not Queue.EVIDENCE:
            return dealt.draw is not None and dealt.draw.queue is example.queue
        return any(example.differs(*pair.split(":", 1)) for pair in dealt.draw.phase)

    return bool(with_turn([example], [each for each in ordinary if same_queue(each)]))


def audits_with_turn(labelled: Sequence[Example]) -> list[Example]:
    """Return the labelled audits whose turn had come, oldest label first: a random sample of the audit sample."""
    members = [each for each in labelled if each.queue is Queue.AUDIT]
    dealt = [each for each in members if each.draw and each.draw.queue is Queue.AUDIT]
    return sorted(with_turn(members, dealt), key=lambda each: (each.labelled_at or each.uploaded_at, each.id))


def shared_examples(examples: Sequence[Example], first: str, second: str) -> list[Example]:
    """Return the examples that both versions classified."""
    return [example for example in examples if first in example.predictions and second in example.predictions]


def log_e_values(counts: Mapping[tuple[int, int], PairCounts], versions: int) -> Floats:
    """Return the log e-values of all claims "a is better than b" for `contest`; 0 on the diagonal."""
    log_e = np.zeros((versions, versions))
    for (a, b), each in counts.items():
        log_e[a, b] = log_wealth(each.first_only, each.ties, each.second_only)
        log_e[b, a] = log_wealth(each.second_only, each.ties, each.first_only)
    return log_e
