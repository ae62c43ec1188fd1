"""Protects: the promise on automated verdicts holds at all times, and an alarm is raised when drift breaks it.

Run with -s to print the measured rates.
"""

from dataclasses import replace

import numpy as np
import pytest

from evidence.difference import ALPHA
from evidence.intervals import Booleans, Floats
from evidence.risk import (
    FALSE_ALARM_AUDITS,
    RISK_BETS,
    THRESHOLDS,
    Audited,
    breaks_promise,
    control_risk,
    weighted_auroc,
    widened_threshold,
)
from evidence.sequential import log_wealth
from records.policy import MAX_DOUBT

TARGET = 0.01


def simulate_audits(rng: np.random.Generator, shape: tuple[int, ...], exponent: float) -> tuple[Floats, Booleans]:
    """Simulate confidences and errors; a verdict of confidence c is wrong with probability (1 - c) ** exponent."""
    confidence = 1 - 0.6 * rng.beta(0.25, 2, shape)
    return confidence, rng.random(shape) < (1 - confidence) ** exponent


def errors_above(exponent: float) -> Floats:
    """Return the true share of errors above each threshold."""
    confidence, wrong = simulate_audits(np.random.default_rng(0), (400_000,), exponent)
    return np.array([wrong[confidence >= threshold].mean() for threshold in THRESHOLDS])


@pytest.mark.parametrize("exponent", [0.6, 1.0, 1.4])
def test_promise_holds_at_every_look_in_95_of_100_years(exponent: float, full: bool) -> None:
    """The lowest certified threshold is in force after each audit; the audits of a year are drawn at once."""
    years, audits = 1000 if full else 150, 1500
    confidence, wrong = simulate_audits(np.random.default_rng(2), (years, audits), exponent)
    passed = np.ones((years, audits // 10), dtype=bool)
    broken = np.zeros(years, dtype=bool)
    automated = np.zeros(years)
    for threshold, error in zip(THRESHOLDS, errors_above(exponent), strict=True):
        above = confidence >= threshold
        right, failed = (np.cumsum(above & each, axis=1)[:, 9::10] for each in (~wrong, wrong))
        passed &= log_wealth(right, 0, failed, 1 - 2 * TARGET, RISK_BETS) >= -np.log(ALPHA)
        broken |= passed.any(axis=1) & (error > TARGET)
        automated = np.where(passed[:, -1], above.mean(axis=1), automated)
    print(f"(1 - c)^{exponent}: broken in {broken.mean():.1%} of {years} years, {np.median(automated):.0%} automated")
    assert broken.mean() <= ALPHA


def audited(confidence: Floats, wrong: Booleans, floor: float = 0.0) -> list[Audited]:
    return [Audited(c, w, floor) for c, w in zip(confidence.tolist(), wrong.tolist(), strict=True)]


def test_alarm_after_drift_and_rarely_before() -> None:
    rng = np.random.default_rng(5)
    calm, drifted = (
        np.mean([breaks_promise(audited(np.ones(400), rng.random(400) < error), TARGET) for _ in range(100)])
        for error in (0.002, 0.05)
    )
    print(f"400 audits: alarm in {calm:.0%} of runs at 0.2 % wrong, in {drifted:.0%} at 5 %")
    assert calm <= 0.15
    assert drifted >= 0.95


def test_false_alarms_at_the_target_are_far_enough_apart() -> None:
    rng = np.random.default_rng(6)
    horizon = 2 * FALSE_ALARM_AUDITS
    audits = []
    for _ in range(60):
        wrong = rng.random(horizon) < TARGET
        alarms = [
            at for at in np.flatnonzero(wrong) if breaks_promise(audited(np.ones(at + 1), wrong[: at + 1]), TARGET)
        ]
        audits.append(int(alarms[0]) if alarms else horizon)
    assert np.mean(audits) >= FALSE_ALARM_AUDITS


def test_threshold_is_certified_with_its_share_and_sentence() -> None:
    confidence, wrong = simulate_audits(np.random.default_rng(7), (3000,), 1.4)
    found = control_risk(
        audited(confidence, wrong), confidence.tolist(), target=TARGET, in_force=0.98, promised=False, auroc=0.9
    )
    assert found.threshold is not None
    assert found.automated == pytest.approx((confidence >= found.threshold).mean())
    assert f"threshold of doubt of {found.threshold:g}" in found.sentence
    certified = [point.threshold for point in found.points if point.certified]
    assert certified == [point.threshold for point in found.points][: len(certified)]
    assert all((point.certified_error <= TARGET) for point in found.points if point.certified)
    assert not found.alarm


def test_audits_above_a_higher_threshold_say_nothing_about_a_lower_one() -> None:
    audits = audited(np.full(1000, 0.999), np.zeros(1000, dtype=bool), floor=0.9)
    found = control_risk(audits, [0.999] * 10, target=TARGET, in_force=0.9, promised=False)
    assert {point.threshold: point.error.n for point in found.points}[0.9] == 1000
    assert {point.threshold: point.error.n for point in found.points}[0.85] == 0
    assert found.threshold in {point.threshold for point in found.points if point.threshold >= 0.9}


def test_thresholds_that_hardly_any_verdict_exceeds_are_not_waited_for() -> None:
    population = [0.995, *[0.94] * 19]
    found = control_risk(
        audited(np.full(500, 0.94), np.zeros(500, dtype=bool)), population, target=TARGET, in_force=0.9, promised=False
    )
    assert found.threshold is not None
    assert (found.automated, next(point.threshold for point in found.points if point.certified)) == (1.0, 0.93)
    few = audited(np.full(100, 0.94), np.zeros(100, dtype=bool))
    waiting = control_risk(few, population, target=TARGET, in_force=0.9, promised=False)
    assert waiting.threshold is None
    assert waiting.more_audits is not None
    assert waiting.more_audits <= 500


def test_without_audits_nothing_is_certified_and_the_number_needed_is_stated() -> None:
    found = control_risk([], [0.99, 0.5], target=TARGET, in_force=0.9, promised=False)
    assert (found.threshold, found.automated, found.auroc, found.alarm) == (None, 0.0, None, False)
    assert found.more_audits is not None
    assert 300 <= found.more_audits <= 600
    assert f"about {found.more_audits} more audits" in found.sentence


def test_broken_promise_raises_the_alarm() -> None:
    audits = audited(np.full(200, 0.95), np.arange(200) % 10 == 0)
    found = control_risk(audits, [0.95], target=TARGET, in_force=0.9, promised=True)
    assert found.alarm
    assert found.sentence.startswith("Alarm: ")
    assert not control_risk(audits, [0.95], target=TARGET, in_force=0.9, promised=False).alarm
    before = [replace(each, under_promise=False) for each in audits]
    assert not control_risk(before, [0.95], target=TARGET, in_force=0.9, promised=True).alarm


def test_weighted_auroc_counts_pairs() -> None:
    confidence, correct = np.array([0.9, 0.8, 0.8, 0.3]), np.array([True, True, False, False])
    assert weighted_auroc(confidence, correct, np.ones(4)) == pytest.approx(3.5 / 4)
    assert weighted_auroc(confidence, correct, np.array([1, 1, 3, 1])) == pytest.approx(6.5 / 8)
    assert weighted_auroc(confidence, np.ones(4, dtype=bool), np.ones(4)) is None


def test_doubt_is_widened_to_the_lowest_threshold_that_keeps_the_promise_since_the_change() -> None:
    before = audited(np.full(500, 0.94), np.zeros(500, dtype=bool))
    drifted = audited(np.tile([0.94, 0.985], 50), np.tile([True, False], 50))
    assert widened_threshold([*before, *drifted], 0.9, TARGET) == 0.95
    assert widened_threshold(audited(np.full(20, 0.999), np.ones(20, dtype=bool)), 0.9, TARGET) == MAX_DOUBT
    assert widened_threshold(audited(np.full(20, 0.94), np.ones(20, dtype=bool)), 0.9, TARGET) == MAX_DOUBT


@pytest.mark.parametrize("drifted", [0.7, 0.4])
def test_drift_raises_the_alarm_and_widening_restores_the_promise(drifted: float, full: bool) -> None:
    """The error grows in the middle of the year. Until its end, doubt is widened after each alarm."""
    errors = errors_above(drifted)
    alarmed, kept = [], []
    for seed in range(100 if full else 8):
        rng = np.random.default_rng(seed)
        halves = [audited(*simulate_audits(rng, (1500,), exponent)) for exponent in (1.4, drifted)]
        threshold = 0.9
        since: list[Audited] = []
        alarms = 0
        for each in [audit for half in halves for audit in half]:
            if each.confidence < threshold:
                continue
            since.append(each)
            if each.wrong and breaks_promise(since, TARGET):
                threshold, since, alarms = widened_threshold(since, threshold, TARGET), [], alarms + 1
        alarmed.append(alarms > 0)
        kept.append(threshold > 1 or errors[THRESHOLDS.index(threshold)] <= 1.5 * TARGET)
    print(f"(1 - c)^{drifted}: alarm in {np.mean(alarmed):.0%}, restored {np.mean(kept):.0%}, {len(alarmed)} years")
    assert np.mean(alarmed) >= 0.95
    assert np.mean(kept) >= 0.75
