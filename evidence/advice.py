"""The advice: what follows from the pairs, in one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from evidence.pairs import Conclusion, PairEvidence, turned


class Action(StrEnum):
    """What to do."""

    PROMOTE = "promote"
    """Make `version` the champion."""
    KEEP = "keep"
    """Leave the champion as it is: nothing is better."""
    WAIT = "wait"
    """Go on labelling."""


@dataclass(frozen=True)
class Advice:
    """What to do, with which version (None while waiting), and why."""

    action: Action
    version: str | None
    sentence: str


def advise(champion: str, versions: Sequence[str], pairs: Sequence[PairEvidence]) -> Advice:
    """The advice on the champion and its challengers; without a champion, on which version should become it.

    Args:
        champion: Name of the version trusted so far; empty for none.
        versions: All that answer.
        pairs: Each two of them.
    """
    if not versions:
        return Advice(Action.WAIT, None, "No version has answered a document of this period.")
    if not champion:
        return _first_champion(versions, pairs)
    if champion not in versions:
        return Advice(Action.WAIT, None, f"The champion {champion} has answered no document of this period.")
    against = [
        pair if pair.first == champion else turned(pair) for pair in pairs if champion in (pair.first, pair.second)
    ]
    better = [pair for pair in against if pair.conclusion is Conclusion.BETTER]
    if better:
        best = max(better, key=lambda pair: pair.difference.value or 0.0)
        return Advice(Action.PROMOTE, best.second, f"{best.sentence.rstrip('.')}, safe to promote.")
    undecided = [pair for pair in against if pair.conclusion is Conclusion.OPEN]
    if undecided:
        nearest = min(undecided, key=lambda pair: (pair.more_labels is None, pair.more_labels or 0))
        return Advice(Action.WAIT, None, nearest.sentence)
    if not against:
        return Advice(Action.KEEP, champion, f"Keep {champion}: no other version answers.")
    sentences = " ".join(pair.sentence for pair in against)
    return Advice(Action.KEEP, champion, f"Keep {champion}, nothing is better. {sentences}")


def about(version: str, pairs: Sequence[PairEvidence]) -> str:
    """What is known of a version against each of the others, in sentences; empty where it is in no pair."""
    return " ".join(pair.sentence for pair in pairs if version in (pair.first, pair.second))


def _first_champion(versions: Sequence[str], pairs: Sequence[PairEvidence]) -> Advice:
    """A version that is better than all others, or what is wanting to find one."""
    for version in versions:
        against = [
            pair if pair.second == version else turned(pair) for pair in pairs if version in (pair.first, pair.second)
        ]
        if against and all(pair.conclusion is Conclusion.BETTER for pair in against):
            sentences = " ".join(pair.sentence for pair in against)
            return Advice(Action.PROMOTE, version, f"{sentences.rstrip('.')}, safe to promote.")
    undecided = [pair for pair in pairs if pair.conclusion is Conclusion.OPEN]
    if undecided:
        # To be promoted, whoever leads must be told from everybody: what takes the most labels is what is wanting.
        leader = max(versions, key=lambda version: _lead(version, pairs))
        about_it = [pair for pair in undecided if leader in (pair.first, pair.second)] or undecided
        furthest = max(about_it, key=lambda pair: (pair.more_labels is None, pair.more_labels or 0))
        return Advice(Action.WAIT, None, furthest.sentence)
    return Advice(Action.WAIT, None, "No version is better than all others.")


def _lead(version: str, pairs: Sequence[PairEvidence]) -> float:
    """By how much a version is ahead of the others so far, all together."""
    ahead = (pair if pair.second == version else turned(pair) for pair in pairs if version in (pair.first, pair.second))
    return sum(pair.difference.value or 0.0 for pair in ahead)
