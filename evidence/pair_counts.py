"""Counts of a pair: how often one, both or neither of two versions is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evidence.classical import mcnemar_exact
from evidence.examples import Example
from evidence.intervals import Floats
from evidence.sequential import log_wealth


@dataclass(frozen=True)
class PairCounts:
    """Counts of labelled examples with predictions of both versions.

    `ties` counts the disagreements on which both versions are wrong.
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
        shared = shared_examples(labelled, first, second)
        correct = [(example.is_correct(first), example.is_correct(second)) for example in shared]
        first_only, second_only = correct.count((True, False)), correct.count((False, True))
        return cls(
            both=correct.count((True, True)),
            first_only=first_only,
            second_only=second_only,
            neither=correct.count((False, False)),
            ties=sum(example.differs(first, second) for example in shared) - first_only - second_only,
        )


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
