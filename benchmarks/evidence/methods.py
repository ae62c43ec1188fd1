"""Methods that name the best of three versions, each as the number of labels that it takes in one queue."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.evidence.worlds import World
from evidence.contest import CLAIM, log_e_against, log_elimination_bar, log_final_bar
from evidence.difference import ALPHA
from evidence.sequential import ACCURACY_BETS, Bets, log_wealth

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Booleans = NDArray[np.bool_]

VERSION_0_2 = Bets(np.geomspace(0.01, 0.9, 24), np.full(24, -np.log(24)))
"""Bets of version 0.2 of this project."""

BAR_0_2 = float(np.log(6 / 0.045))
"""Log wealth at which version 0.2 called one of three versions better than another."""


@dataclass(frozen=True)
class Named:
    """Result of one run: labels until a version was named (infinite for never), and the version."""

    labels: float
    version: int | None


NEVER = Named(inf, None)


@dataclass(frozen=True)
class Race:
    """One queue of documents on which three versions differ, labelled from the first to the last.

    Attributes:
        queue: The documents.
        wins: Number of documents so far on which only version a of a and b is right, shape (3, 3, documents).
        stakes: Best stake of each pair, which only the floor uses, shape (3, 3).
    """

    queue: World
    wins: Counts
    stakes: Floats

    @classmethod
    def of(cls, queue: World, stakes: Floats) -> "Race":
        """Return the race on a queue."""
        right = (queue.predictions == queue.truth[:, None]).T
        wins = np.cumsum(right[:, None, :] & ~right[None, :, :], axis=2)
        return cls(queue, wins, stakes)

    def log_e(self, bets: Bets) -> Floats:
        """Return the log wealth for "a is better than b" after each label, shape (3, 3, documents)."""
        found = np.zeros(self.wins.shape)
        for a, b in permutations(range(3), 2):
            found[a, b] = log_wealth(self.wins[a, b], 0, self.wins[b, a], bets=bets)
        return found

    @cached_property
    def log_e_now(self) -> Floats:
        """The log wealth with the current bets."""
        return self.log_e(ACCURACY_BETS)

    def differs(self, a: int, b: int) -> Booleans:
        """Return whether two versions differ, by document."""
        return np.asarray(self.queue.predictions[:, a] != self.queue.predictions[:, b])


Method = Callable[[Race], Named]


def true_stakes(world: World) -> Floats:
    """Return the best stake of each pair, 0 for the worse version of it."""
    right = world.predictions == world.truth[:, None]
    wins = (right[:, :, None] & ~right[:, None, :]).sum(axis=0).astype(float)
    decided = np.maximum(wins + wins.T, 1)
    return np.asarray(np.maximum((wins - wins.T) / decided, 0.0))


def current_rule(race: Race) -> Named:
    """Name the best as `evidence.contest` does, and label only the disagreements of pairs that are still open."""
    return _eliminate(race, race.log_e_now)


def promotion(race: Race) -> Named:
    """Return the challenger that is first called better than the champion, which is the second best version.

    A challenger that is called worse is no longer asked about.
    """
    better_versions = (race.stakes > 0).sum(axis=0)
    champion = int((better_versions == 1).argmax())
    challengers = [version for version in range(3) if version != champion]
    log_e = race.log_e_now
    better = _claimed(log_e[challengers, champion])
    worse = _claimed(log_e[champion, challengers])
    decided = np.flatnonzero(better.any(axis=0))
    if not len(decided):
        return NEVER
    end = int(decided[0])
    settled = np.flatnonzero(worse[:, : end + 1].any(axis=0))
    start = int(settled[0]) if len(settled) else end
    other = challengers[1 - int(worse[:, start].argmax())]
    labels = start + 1 + int(race.differs(champion, other)[start + 1 : end + 1].sum())
    return Named(labels, challengers[int(better[:, end].argmax())])


def floor(race: Race) -> Named:
    """Do the same with the true stake of each pair known, a lower bound for any bets with that rule."""
    stakes = np.minimum(race.stakes, 0.999)[..., None]
    paid = race.wins * np.log1p(stakes) + race.wins.transpose(1, 0, 2) * np.log1p(-stakes)
    return _eliminate(race, np.where(stakes > 0, paid, -inf))


def version_0_2(race: Race) -> Named:
    """Name the best as version 0.2 did: label all documents on which any version differs."""
    return _beat_all(race.log_e(VERSION_0_2) >= BAR_0_2)


def mcnemar_at_every_look(race: Race) -> Named:
    """Name the best with McNemar's test and Holm's correction at every look, which is not valid."""
    named = mcnemar(race, np.arange(1, len(race.queue.truth) + 1))
    return _first(named)


def mcnemar(race: Race, looks: Counts) -> Counts:
    """Return the version that McNemar's test with Holm's correction names at each look; -1 for none."""
    wins = race.wins[:, :, looks - 1]
    pairs = ((0, 1), (0, 2), (1, 2))
    adjusted = _holm(np.stack([_exact_p(wins[a, b], wins[b, a]) for a, b in pairs]))
    beats = np.zeros((3, 3, len(looks)), dtype=bool)
    for (a, b), each in zip(pairs, adjusted, strict=True):
        beats[a, b], beats[b, a] = ((each <= ALPHA) & (wins[x, y] > wins[y, x]) for x, y in ((a, b), (b, a)))
    best = beats.sum(axis=1) == 2
    return np.where(best.any(axis=0), best.argmax(axis=0), -1)


METHODS: Mapping[str, Method] = {
    "current": current_rule,
    "current, champion": promotion,
    "0.2": version_0_2,
    "mcnemar_every_look": mcnemar_at_every_look,
    "floor": floor,
}
"""Methods that look after every label."""


def pair_labels(race: Race, bets: Bets | None, bar: float) -> float:
    """Return the labels of disagreements of versions 0 and 1 until one is called better.

    Args:
        race: The race.
        bets: The bets; None for the true stake.
        bar: Log wealth at which it is called better.
    """
    wins, losses = race.wins[0, 1], race.wins[1, 0]
    if bets is None:
        stake = max(race.stakes[0, 1], race.stakes[1, 0])
        best = np.maximum(wins, losses) * np.log1p(stake) + np.minimum(wins, losses) * np.log1p(-stake)
    else:
        best = np.maximum(log_wealth(wins, 0, losses, bets=bets), log_wealth(losses, 0, wins, bets=bets))
    reached = np.flatnonzero(best >= bar)
    return float(race.differs(0, 1)[: reached[0] + 1].sum()) if len(reached) else inf


def _claimed(log_e: Floats) -> Booleans:
    """Return which of two claims are made after each label, by closed testing; shape (2, documents)."""
    together = np.logaddexp(log_e[0], log_e[1]) - np.log(2)
    return np.asarray((log_e >= CLAIM) & (together >= CLAIM))


def _eliminate(race: Race, log_e: Floats) -> Named:
    """Eliminate the first version, then label only disagreements of the two others until one is eliminated."""
    bar = log_final_bar(3)
    out = log_e_against(log_e) >= log_elimination_bar(3)
    ends = np.where(out.any(axis=1), out.argmax(axis=1), len(race.queue.truth))
    loser = int(ends.argmin())
    start = int(ends[loser])
    a, b = (version for version in range(3) if version != loser)
    decided = np.flatnonzero(np.maximum(log_e[a, b], log_e[b, a])[start:] >= bar)
    if not len(decided):
        return NEVER
    end = start + int(decided[0])
    labels = start + 1 + int(race.differs(a, b)[start + 1 : end + 1].sum())
    return Named(labels, a if log_e[a, b, end] >= bar else b)


def _beat_all(beats: Booleans) -> Named:
    """Name the version that beats both others, given which version beats which after each label."""
    best = beats.sum(axis=1) == 2
    return _first(np.where(best.any(axis=0), best.argmax(axis=0), -1))


def _first(named: Counts) -> Named:
    reached = np.flatnonzero(named >= 0)
    return Named(float(reached[0] + 1), int(named[reached[0]])) if len(reached) else NEVER


def _holm(p: Floats) -> Floats:
    """Return p-values with Holm's correction over the first axis; see `evidence.classical.holm_adjusted`."""
    order = p.argsort(axis=0)
    factors = np.arange(len(p), 0, -1)[:, None]
    highest = np.maximum.accumulate(np.minimum(1.0, np.take_along_axis(p, order, axis=0) * factors), axis=0)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, highest, axis=0)
    return adjusted


def _exact_p(wins: Counts, losses: Counts) -> Floats:
    """Return McNemar's exact p-values; see `evidence.classical.mcnemar_exact`."""
    p: Floats = np.minimum(1.0, 2 * special.bdtr(np.minimum(wins, losses), wins + losses, 0.5))
    return p
