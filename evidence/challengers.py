"""Challengers of the champion: whether they are as good, which labels they harm, and what label errors change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evidence.contest import CLAIM
from evidence.examples import Example
from evidence.pair_counts import drawn_evenly
from evidence.pairs import EQUIVALENCE_MARGIN, Conclusion, PairEvidence, swapped
from evidence.sequential import closed_log_e_values, log_wealth
from evidence.versions import VersionEvidence
from records.labels import NONE_OF_THESE

_NOTABLE_SPEED = 1.2
"""Ratio of latencies from which a challenger is called faster."""


@dataclass(frozen=True)
class LabelHarm:
    """A label on which a challenger is worse than the champion.

    Attributes:
        label: The label.
        wins: Disagreements with this true label on which only the challenger is right.
        losses: Disagreements with this true label on which only the champion is right.
        difference: Recall of the challenger minus that of the champion; None if either is unknown.
    """

    label: str
    wins: int
    losses: int
    difference: float | None


@dataclass(frozen=True)
class ChallengerEvidence:
    """Evidence on a challenger beyond the question whether it is better.

    Attributes:
        version: The challenger.
        champion: The champion.
        as_good: Whether its accuracy is less than `EQUIVALENCE_MARGIN` below the champion's. This claim shares the
            bounds, and so the error probability, of the claim that it is better.
        speed: Median latency of the champion divided by that of the challenger; None if either is unknown.
        harmed: Labels on which it is worse. All together are wrong with a probability of at most `ALPHA` at any time.
        sentence: The result as a sentence; empty if there is none.
    """

    version: str
    champion: str
    as_good: bool
    speed: float | None
    harmed: tuple[LabelHarm, ...]
    sentence: str


def assess_challengers(
    champion: str, versions: Sequence[VersionEvidence], pairs: Sequence[PairEvidence], labelled: Sequence[Example]
) -> list[ChallengerEvidence]:
    """Return the evidence on each challenger; empty without a champion.

    Args:
        champion: Name of the champion; empty for none.
        versions: Evidence on each version.
        pairs: Comparison of every pair.
        labelled: Labelled examples of the random sample.
    """
    by_name = {version.name: version for version in versions}
    against = [
        pair if pair.first == champion else swapped(pair) for pair in pairs if champion in (pair.first, pair.second)
    ]
    return [_assess(pair, by_name, labelled) for pair in against]


def label_error_notes(pairs: Sequence[PairEvidence], labelled: Sequence[Example]) -> list[str]:
    """Return notes on wrong labels, estimated from documents with labels of two reviewers, and on their effect."""
    twice = [example for example in labelled if example.second_opinions]
    if not twice:
        return []
    differing = sum(any(label != each.true_label for label in each.second_opinions) for each in twice)
    rate = differing / len(twice) / 2
    notes = [
        f"Reviewers differ on {differing} of {len(twice)} documents with two labels, so about {rate:.1%} of all labels "
        "are wrong. Errors that favour no version hide differences, but make no claim wrong."
    ]
    for pair in pairs:
        better = swapped(pair) if pair.conclusion is Conclusion.WORSE else pair
        if better.conclusion is Conclusion.BETTER:
            notes.append(
                f"{better.second} is better than {better.first} unless {_reversing_errors(better)} or more of "
                f"{better.disagreements} labels wrongly favour it; about {rate * better.disagreements:.1f} are wrong."
            )
    return notes


def _assess(
    pair: PairEvidence, versions: Mapping[str, VersionEvidence], labelled: Sequence[Example]
) -> ChallengerEvidence:
    champion, version = versions[pair.first], versions[pair.second]
    low = pair.difference.low
    as_good = low is not None and low > -EQUIVALENCE_MARGIN
    medians = champion.latency_ms["p50"], version.latency_ms["p50"]
    speed = medians[0] / medians[1] if medians[0] and medians[1] else None
    harmed = tuple(_harmed_labels(champion, version, labelled))
    return ChallengerEvidence(
        version=version.name,
        champion=champion.name,
        as_good=as_good,
        speed=speed,
        harmed=harmed,
        sentence=_sentence(pair, as_good=as_good, speed=speed, harmed=harmed),
    )


def _harmed_labels(champion: VersionEvidence, version: VersionEvidence, labelled: Sequence[Example]) -> list[LabelHarm]:
    """Return the labels on which the challenger is worse, tested together by closed testing."""
    counts: dict[str, list[int]] = {}
    for example in drawn_evenly(labelled, champion.name, version.name):
        if example.true_label and example.true_label != NONE_OF_THESE:
            found = counts.setdefault(example.true_label, [0, 0])
            found[0] += example.is_correct(version.name)
            found[1] += example.is_correct(champion.name)
    labels = sorted(counts)
    adjusted = closed_log_e_values([float(log_wealth(counts[label][1], 0, counts[label][0])) for label in labels])
    return [
        LabelHarm(label, counts[label][0], counts[label][1], _recall_difference(champion, version, label))
        for label, evidence in zip(labels, adjusted, strict=True)
        if evidence >= CLAIM
    ]


def _recall_difference(champion: VersionEvidence, version: VersionEvidence, label: str) -> float | None:
    before, after = (each.recall[label].value if label in each.recall else None for each in (champion, version))
    return None if before is None or after is None else after - before


def _sentence(pair: PairEvidence, *, as_good: bool, speed: float | None, harmed: Sequence[LabelHarm]) -> str:
    parts = []
    if as_good and pair.conclusion is not Conclusion.BETTER:
        faster = f", and {speed:.1f} times faster" if speed and speed >= _NOTABLE_SPEED else ""
        parts.append(f"{pair.second} is as good as {pair.first} within {EQUIVALENCE_MARGIN * 100:.0f} pp{faster}.")
    if harmed:
        labels = ", ".join(
            each.label if each.difference is None else f"{each.label} ({-100 * each.difference:.0f} pp)"
            for each in harmed
        )
        parts.append(f"{pair.second} is worse than {pair.first} on {labels}.")
    return " ".join(parts)


def _reversing_errors(pair: PairEvidence) -> int:
    """Return how many labels would have to be wrong in favour of the second version for no claim to remain."""
    wins, losses = pair.second_only, pair.first_only
    flips = np.arange(wins + 1)
    enough = log_wealth(wins - flips, 0, losses + flips) >= CLAIM
    return int(np.argmin(enough)) if not enough.all() else wins
