"""Advice on the champion that follows from the comparison of all pairs, in one sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from evidence.pairs import Conclusion, PairEvidence, swapped


class Action(StrEnum):
    """Advised action."""

    PROMOTE = "promote"
    """Make `version` the champion."""
    KEEP = "keep"
    """Keep the champion: no version is better."""
    WAIT = "wait"
    """Continue labelling."""


@dataclass(frozen=True)
class PromotionAdvice:
    """Advised action, the version it concerns (None for `WAIT`), and the reason."""

    action: Action
    version: str | None
    sentence: str


def advise_promotion(
    champion: str,
    versions: Sequence[str],
    pairs: Sequence[PairEvidence],
    remaining: Sequence[str],
    harm: Mapping[str, str] = MappingProxyType({}),
) -> PromotionAdvice:
    """Advise whether to replace the champion or, without a champion, which version to promote first.

    Args:
        champion: Name of the champion; empty for none.
        versions: Names of all versions that have predictions.
        pairs: Comparison of every pair of them.
        remaining: The versions that may be the best of all.
        harm: Sentence for each challenger that is worse than the champion on some label.
    """
    if not versions:
        return _wait("No version has classified a document in this period.")
    if not champion:
        return _advise_first_champion(versions, pairs, remaining)
    if champion not in versions:
        return _wait(f"The champion {champion} has not classified any document in this period.")
    against = [_with_first(champion, pair) for pair in pairs if champion in (pair.first, pair.second)]
    better = [pair for pair in against if pair.conclusion is Conclusion.BETTER]
    if better:
        best = max(better, key=lambda pair: pair.difference.value or 0.0)
        if best.second in harm:
            return _wait(f"{best.sentence} But {harm[best.second]} Decide whether to accept that.")
        return _promote(best.second, best.sentence)
    undecided = [pair for pair in against if pair.conclusion is Conclusion.OPEN]
    if undecided:
        return _wait(min(undecided, key=_effort).sentence)
    if not against:
        return PromotionAdvice(Action.KEEP, champion, f"Keep {champion}: there is no other version.")
    sentences = " ".join(pair.sentence for pair in against)
    return PromotionAdvice(Action.KEEP, champion, f"Keep {champion}: no version is better. {sentences}")


def summarize_version(version: str, pairs: Sequence[PairEvidence]) -> str:
    """Return the sentences of all pairs that include the version; empty if no pair does."""
    return " ".join(pair.sentence for pair in pairs if version in (pair.first, pair.second))


def _advise_first_champion(
    versions: Sequence[str], pairs: Sequence[PairEvidence], remaining: Sequence[str]
) -> PromotionAdvice:
    """Promote the version that is the best of all, or report what is missing to find it."""
    if len(remaining) == 1 and pairs:
        [best] = remaining
        against = [_with_second(best, pair) for pair in pairs if best in (pair.first, pair.second)]
        better = " ".join(pair.sentence for pair in against if pair.conclusion is Conclusion.BETTER)
        return _promote(best, better or f"{best} is the best of {len(versions)} versions.")
    undecided = [pair for pair in pairs if pair.asked]
    if not undecided:
        return _wait("No version is better than all others.")
    # A promotion requires the leader to be better than every other version, so its most laborious pair is decisive.
    leader = max(remaining, key=lambda version: _lead(version, pairs))
    of_leader = [pair for pair in undecided if leader in (pair.first, pair.second)] or undecided
    return _wait(max(of_leader, key=_effort).sentence)


def _lead(version: str, pairs: Sequence[PairEvidence]) -> float:
    """Return the sum of the version's estimated differences from all others."""
    ahead = (_with_second(version, pair) for pair in pairs if version in (pair.first, pair.second))
    return sum(pair.difference.value or 0.0 for pair in ahead)


def _with_first(version: str, pair: PairEvidence) -> PairEvidence:
    return pair if pair.first == version else swapped(pair)


def _with_second(version: str, pair: PairEvidence) -> PairEvidence:
    return pair if pair.second == version else swapped(pair)


def _effort(pair: PairEvidence) -> tuple[bool, int]:
    """Sort key: the labels it takes to decide the pair, unknown numbers last."""
    return pair.more_labels is None, pair.more_labels or 0


def _promote(version: str, evidence: str) -> PromotionAdvice:
    return PromotionAdvice(Action.PROMOTE, version, f"{evidence.rstrip('.')}, safe to promote.")


def _wait(sentence: str) -> PromotionAdvice:
    return PromotionAdvice(Action.WAIT, None, sentence)
