"""Simulated years of audits: how often a promise on automated verdicts is kept, or an alarm raised.

A year has 1,500 audits, and the lowest certified threshold of doubt takes effect at every tenth. A verdict of
confidence c is wrong with probability (1 - c) ** exponent; in some years a drift lowers the exponent.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence.worlds import Generator
from evidence.difference import ALPHA
from evidence.risk import DETECTOR_STAKES, FALSE_ALARM_AUDITS, RISK_BETS, THRESHOLDS
from evidence.sequential import log_wealth

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

AUDITS, EVERY, TARGET = 1500, 10, 0.01
"""Audits of a year, audits between two looks, and the promised share of wrong verdicts."""

YEARS: tuple[tuple[float, float | None], ...] = (
    (0.6, None),
    (1.0, None),
    (1.4, None),
    (1.8, None),
    (2.2, None),
    (1.8, 1.2),
    (1.8, 0.8),
    (2.2, 1.0),
)
"""Exponents of the years, at their start and after a drift between 30 and 60 % of the year; None for no drift."""


def measure_promise(*, runs: int, seed: int) -> dict[str, dict[str, Any]]:
    """Measure simulated years.

    Returns:
        By exponent, such as `1.4` or `1.4 to 0.8`: `held`, the share of years in which at most the target of all
        automated verdicts of the year were wrong, or an alarm was raised; `held_at_every_look`, the share in which
        the error at the threshold in force never exceeded the target, or an alarm was raised after it did;
        `certified`, the share that certified some threshold; `automated`, the median share of automated verdicts at
        the end or before the drift; `possible`, the same if all errors were known; `false_alarms`, the share with an
        alarm although the promise held; `audits_until_alarm`, the median number of audits from the drift to the
        alarm, None without a drift or if most years have no alarm.
    """
    return {
        f"{before:g}" if after is None else f"{before:g} to {after:g}": _measure(
            before, after, runs, np.random.default_rng(seed)
        )
        for before, after in YEARS
    }


def simulate_verdicts(exponent: float | Floats, shape: tuple[int, ...], rng: Generator) -> tuple[Floats, Booleans]:
    """Return confidences and whether each verdict is wrong."""
    confidence = 1 - 0.6 * rng.beta(0.25, 2, shape)
    return confidence, rng.random(shape) < (1 - confidence) ** exponent


def _measure(before: float, after: float | None, runs: int, rng: Generator) -> dict[str, Any]:
    middle = rng.integers(int(0.3 * AUDITS), int(0.6 * AUDITS), runs)
    drifts = np.full(runs, AUDITS) if after is None else middle
    drifted = np.arange(AUDITS) >= drifts[:, None]
    confidence, wrong = simulate_verdicts(np.where(drifted, after or before, before), (runs, AUDITS), rng)
    errors = np.stack([_errors(before), _errors(before if after is None else after)])
    years = _Years(confidence, wrong, drifted, errors)
    years.run()
    delay = np.quantile(np.where(years.alarmed, years.alarmed_at - drifts, np.inf), 0.5, method="inverted_cdf")
    possible = max((share for share, error in zip(_shares(), errors[0], strict=True) if error <= TARGET), default=0.0)
    return {
        "held": float(((years.wrong_share() <= TARGET) | years.alarmed).mean()),
        "held_at_every_look": float((~years.broken | years.alarmed).mean()),
        "certified": float((years.chosen >= 0).mean()),
        "automated": float(np.median(np.append(_shares(), 0.0)[years.chosen_before_drift])),
        "possible": float(possible),
        "false_alarms": float((years.alarmed & ~years.broken).mean()),
        "audits_until_alarm": float(delay) if after is not None and np.isfinite(delay) else None,
    }


@dataclass
class _Years:
    """Many years at once, audit by audit.

    Attributes:
        confidence: Confidence of each audited verdict, shape (years, audits).
        wrong: Whether it is wrong.
        drifted: Whether it is from after the drift.
        errors: True share of wrong verdicts above each threshold, before and after the drift, shape (2, thresholds).
    """

    confidence: Floats
    wrong: Booleans
    drifted: Booleans
    errors: Floats

    def __post_init__(self) -> None:
        years = len(self.confidence)
        self.chosen = np.full(years, -1)
        """Index of the threshold in force in each year; -1 for no promise."""
        self.chosen_before_drift = np.full(years, -1)
        self.broken = np.zeros(years, dtype=bool)
        self.alarmed = np.zeros(years, dtype=bool)
        self.alarmed_at = np.zeros(years, dtype=np.int64)
        self._automated = np.zeros(years)
        self._wrong = np.zeros(years)

    def run(self) -> None:
        """Simulate the years from the first audit to the last."""
        certified = self._certified()
        thresholds = np.append(THRESHOLDS, np.inf)
        wealth = np.zeros((len(self.chosen), len(DETECTOR_STAKES)))
        stakes = np.array(DETECTOR_STAKES) * TARGET
        for audit in range(AUDITS):
            watched = (self.confidence[:, audit] >= thresholds[self.chosen]) & ~self.alarmed
            payout = np.where(self.wrong[:, audit, None], 1 + stakes * (1 / TARGET - 1), 1 - stakes)
            wealth = np.where(watched[:, None], (wealth + 1) * payout, wealth)
            new = (wealth.mean(axis=1) >= FALSE_ALARM_AUDITS) & ~self.alarmed
            self.alarmed |= new
            self.alarmed_at[new] = audit
            if (audit + 1) % EVERY == 0:
                lower = (certified[:, audit // EVERY] > self.chosen) & ~self.alarmed
                self.chosen = np.where(lower, certified[:, audit // EVERY], self.chosen)
                wealth[lower] = 0.0  # the promise of a new policy
                self._look(audit)

    def _look(self, audit: int) -> None:
        error = np.append(self.errors, np.zeros((2, 1)), axis=1)[self.drifted[:, audit].astype(int), self.chosen]
        share = np.append(_shares(), 0.0)[self.chosen]
        self._automated += share
        self._wrong += share * error
        self.broken |= (error > TARGET) & ~self.alarmed
        self.chosen_before_drift = np.where(self.drifted[:, audit], self.chosen_before_drift, self.chosen)

    def wrong_share(self) -> Floats:
        """Return the share of all automated verdicts of each year that are wrong."""
        return self._wrong / np.maximum(self._automated, 1e-9)

    def _certified(self) -> NDArray[np.int64]:
        """Return the index of the lowest certified threshold at each look, -1 for none; shape (years, looks)."""
        lowest = np.full((len(self.confidence), AUDITS // EVERY), -1)
        passed = np.ones(lowest.shape, dtype=bool)
        for index, threshold in enumerate(THRESHOLDS):
            above = self.confidence >= threshold
            right, failed = (
                np.cumsum(above & each, axis=1)[:, EVERY - 1 :: EVERY] for each in (~self.wrong, self.wrong)
            )
            passed &= log_wealth(right, 0, failed, 1 - 2 * TARGET, RISK_BETS) >= -np.log(ALPHA)
            lowest[passed] = index
        return lowest


@cache
def _errors(exponent: float) -> Floats:
    """Return the true share of wrong verdicts above each threshold."""
    confidence, _ = simulate_verdicts(1.0, (400_000,), np.random.default_rng(0))
    return np.array([((1 - confidence[confidence >= each]) ** exponent).mean() for each in THRESHOLDS])


@cache
def _shares() -> Floats:
    """Return the share of verdicts above each threshold."""
    confidence, _ = simulate_verdicts(1.0, (400_000,), np.random.default_rng(0))
    return np.array([(confidence >= each).mean() for each in THRESHOLDS])
