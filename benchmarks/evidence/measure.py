"""Measurements of all methods, as plain values for JSON."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.evidence.methods import (
    BAR_0_2,
    METHODS,
    VERSION_0_2,
    Counts,
    Named,
    Race,
    mcnemar,
    pair_labels,
    true_stakes,
)
from benchmarks.evidence.worlds import Generator, World, simulate_world, triples
from evidence.contest import log_final_bar
from evidence.sequential import ACCURACY_BETS

BANDS = {"2-4": (0.02, 0.04), "1-2": (0.01, 0.02), "0.5-1": (0.005, 0.01)}
"""Gaps between the best and the second of three models, by name in percentage points."""

SIMULATED = {"90-90-93": (0.90, 0.90, 0.93), "70-93.3-91.8": (0.70, 0.933, 0.918)}
"""Accuracies of simulated versions. Some are far from the others, so that one pair decides."""

QUANTILES = {"labels_median": 0.5, "labels_p80": 0.8, "labels_p95": 0.95}

_SIMULATED_DOCUMENTS = 15_000
_LOOKS: Counts = np.unique(np.geomspace(10, 20_000, 200).astype(np.int64))
"""Numbers of labels at which McNemar's test may be planned."""

Figures = dict[str, Any]


def measure_folder(world: World, *, least: float, runs: int, seed: int) -> Figures:
    """Measure on triples of recorded models; see `benchmarks.evidence`."""
    rng = np.random.default_rng(seed)
    bands: Figures = {}
    wrong: list[Mapping[str, float]] = []
    everything = []
    for name, gap in BANDS.items():
        found = triples(world, gap, least=least)
        if not found:
            continue
        everything += found
        bands[name], mistakes = _measure(_draw_triples(world, found), runs, rng)
        bands[name]["triples"] = len(found)
        wrong.append(mistakes)
    return {
        "bands": bands,
        "wrong": _largest(wrong),
        "false_promotions": _false_promotions(_draw_triples(world, everything), runs, rng) if everything else {},
        "runs": runs,
    }


def measure_simulation(*, runs: int, seed: int) -> Figures:
    """Measure on simulated versions; see `benchmarks.evidence`."""
    rng = np.random.default_rng(seed)
    bands: Figures = {}
    wrong = []
    for name, accuracy in SIMULATED.items():
        bands[name], mistakes = _measure(_draw_simulated(accuracy), runs, rng)
        wrong.append(mistakes)
    equal = _draw_simulated((0.9, 0.9, 0.9))
    return {
        "bands": bands,
        "wrong": _largest(wrong),
        "false_promotions": _false_promotions(equal, runs, rng),
        "runs": runs,
    }


Draw = Callable[[Generator], World]
"""Returns the world of one run."""


def _draw_triples(world: World, found: Sequence[tuple[int, ...]]) -> Draw:
    return lambda rng: world.select(rng.permutation(found[int(rng.integers(len(found)))]).tolist())


def _draw_simulated(accuracy: Sequence[float]) -> Draw:
    return lambda rng: simulate_world(rng.permutation(accuracy).tolist(), _SIMULATED_DOCUMENTS, rng)


def _measure(draw: Draw, runs: int, rng: Generator) -> tuple[Figures, dict[str, float]]:
    """Return the labels that each method needs, and the share of runs in which it names a wrong version."""
    named: dict[str, list[Named]] = defaultdict(list)
    pairs: dict[str, list[float]] = defaultdict(list)
    planned = []
    truth = []
    for _ in range(runs):
        world = draw(rng)
        truth.append(int(world.accuracy.argmax()))
        race = Race.of(world.disagreements(rng), true_stakes(world))
        for name, method in METHODS.items():
            named[name].append(method(race))
        planned.append(_planned(race))
        two = _hardest_pair(world)
        race = Race.of(two.disagreements(rng), true_stakes(two))
        for name, bets, bar in _PAIR_METHODS:
            pairs[name].append(pair_labels(race, bets, bar))
    best = np.array(truth)
    figures: Figures = _labels({name: [each.labels for each in runs_] for name, runs_ in named.items()})
    figures["pair"] = _labels(pairs)
    wrong = {
        name: float(np.mean([each.version not in (None, right) for each, right in zip(runs_, truth, strict=True)]))
        for name, runs_ in named.items()
    }
    looks = np.array(planned)
    for name, quantile in QUANTILES.items():
        figures[name]["mcnemar"] = _planned_labels((looks == best[:, None]).mean(axis=0), quantile)
    figures["undecided"]["mcnemar"] = float((looks[:, -1] < 0).mean())
    wrong["mcnemar"] = float(((looks >= 0) & (looks != best[:, None])).mean(axis=0).max())
    return figures, wrong


_PAIR_METHODS = (
    ("current", ACCURACY_BETS, log_final_bar(3)),
    ("0.2", VERSION_0_2, BAR_0_2),
    ("floor", None, log_final_bar(3)),
)


def _planned(race: Race) -> Counts:
    """Return what McNemar's test names at each planned number of labels; after the last document, the last result."""
    return mcnemar(race, np.minimum(_LOOKS, len(race.queue.truth)))


def _planned_labels(power: np.ndarray[Any, np.dtype[np.float64]], least: float) -> float | None:
    """Return the smallest planned number of labels at which this share of runs names the best version."""
    enough = np.flatnonzero(power >= least)
    return float(_LOOKS[enough[0]]) if len(enough) else None


def _hardest_pair(world: World) -> World:
    """Return the world of the two best versions and, as a third, a copy of the second."""
    order = np.argsort(-world.accuracy)
    return world.select([int(order[0]), int(order[1]), int(order[1])])


def _labels(by_method: Mapping[str, Sequence[float]]) -> Figures:
    figures: Figures = {name: {} for name in (*QUANTILES, "undecided")}
    for method, labels in by_method.items():
        for name, quantile in QUANTILES.items():
            found = float(np.quantile(labels, quantile, method="inverted_cdf"))
            figures[name][method] = found if np.isfinite(found) else None
        figures["undecided"][method] = float(np.mean(~np.isfinite(labels)))
    return figures


def _false_promotions(draw: Draw, runs: int, rng: Generator) -> dict[str, float]:
    """Return the share of runs in which a method names a best of equal versions, or promotes a challenger."""
    false: dict[str, list[bool]] = defaultdict(list)
    for _ in range(runs):
        world = draw(rng).equalized(rng)
        race = Race.of(world.disagreements(rng), np.zeros((3, 3)))
        for name, method in METHODS.items():
            if name != "floor":  # whose stakes are 0
                false[name].append(method(race).version is not None)
        false["mcnemar"].append(int(_planned(race)[len(_LOOKS) // 2]) >= 0)
    return {name: float(np.mean(found)) for name, found in false.items()}


def _largest(shares: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the largest share of each method over all settings."""
    return {name: max(each[name] for each in shares) for name in (shares[0] if shares else ())}
