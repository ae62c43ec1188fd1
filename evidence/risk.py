"""Risk control: how often automated verdicts are wrong, and the threshold of doubt that keeps a promise.

Verdicts below a threshold of confidence are reviewed; the others are *automated*, and some of them are audited at
random. For each threshold, a gambler bets on the audits above it that their error is below a target. Wealth of 1 /
`ALPHA` certifies the threshold: if the error were at the target or above, wealth would ever reach that with a
probability of at most `ALPHA` (Waudby-Smith and Ramdas, JRSS B 86, 2024).

Thresholds are tested in a fixed sequence until one is not certified, from the highest one that automates a third of the
verdicts to the lowest: few audits are above a higher one. So the first one whose error is too high is passed with a
probability of at most `ALPHA`, at all times together, although the lowest certified threshold is chosen. The first
threshold depends on the confidence of the verdicts, not on their errors; if that changes much, a new sequence begins.
This is fixed-sequence testing as in Angelopoulos et al., "Learn then test", Ann. Appl. Stat. 19, 2025; at all times: Xu
et al., "Active, anytime-valid risk controlling prediction sets", NeurIPS 2024.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from evidence.difference import ALPHA
from evidence.intervals import Booleans, Estimate, Floats, simple_share
from evidence.sequential import Bets, log_wealth, lower_bound
from records.policy import MAX_DOUBT

THRESHOLDS = (0.99, 0.98, 0.97, 0.96, 0.95, 0.93, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.0)
"""Tested thresholds of confidence, in this order. Fixed in advance, or the certificates would not be valid."""

RISK_BETS = Bets(np.linspace(0.1, 0.99, 12), np.full(12, -log(12)))
"""Bets that a small rate is below a target: high stakes, because most audits find no error."""

FALSE_ALARM_AUDITS = 250
"""Audits between two false alarms, on average at least, if the error is as large as the target. Promises are certified,
so the error is usually far smaller and false alarms are rarer. A higher number would miss most drifts within a year of
1,500 audits: benchmarks.evidence measures both."""

DETECTOR_STAKES = (0.5, 1.0, 2.0, 4.0)
"""Stakes of the detector of broken promises, in units of the target: for errors of 1.5 to 5 times the target."""

_FIRST_SHARE = 1 / 3
"""Share of verdicts that the first tested threshold automates at least."""

_HORIZON = 100
_MOST_AUDITS = 20_000


@dataclass(frozen=True)
class Audited:
    """One audited verdict.

    Attributes:
        confidence: Confidence of the verdict.
        wrong: Whether the verdict is wrong.
        floor: Threshold of doubt that was in force. Audits are a random sample of the verdicts above it, so they count
            for thresholds that are at least as high.
        under_promise: Whether the current policy made the verdict.
    """

    confidence: float
    wrong: bool
    floor: float
    under_promise: bool = True


@dataclass(frozen=True)
class RiskPoint:
    """One threshold of doubt.

    Attributes:
        threshold: Verdicts of lower confidence would be reviewed.
        automated: Share of all verdicts that would not be reviewed, ignoring audits.
        error: Share of them that are wrong: estimate and 95 % interval for a single look.
        certified_error: Upper bound of that share, which holds at all times with 95 %.
        certified: Whether the threshold keeps the promise, as do all higher ones that were tested.
    """

    threshold: float
    automated: float
    error: Estimate
    certified_error: float
    certified: bool


@dataclass(frozen=True)
class RiskControl:
    """Evidence on the automated verdicts.

    Attributes:
        target: Largest share of them that may be wrong.
        promised: Whether the policy promises the target.
        points: The thresholds, from the highest to the lowest.
        threshold: The lowest certified threshold; None if there is none.
        automated: Share of verdicts that it automates; 0 without one.
        automated_after: The same after 100 more audits, if errors stay as frequent as they were.
        more_audits: Forecast of audits until a threshold is certified, or a lower one than now; None for too many.
        auroc: Probability that a right verdict has a higher confidence than a wrong one; None if that is unknown.
        alarm: Whether recent audits show that the threshold in force breaks the promise.
        sentence: The result as a sentence.
    """

    target: float
    promised: bool
    points: tuple[RiskPoint, ...]
    threshold: float | None
    automated: float
    automated_after: float
    more_audits: int | None
    auroc: float | None
    alarm: bool
    sentence: str


def control_risk(
    audits: Sequence[Audited],
    population: Sequence[float],
    *,
    target: float,
    in_force: float,
    promised: bool,
    auroc: float | None = None,
) -> RiskControl:
    """Certify thresholds of doubt.

    Args:
        audits: Audited verdicts, oldest first.
        population: Confidence of each verdict of the population sample; -1 for verdicts that need review for another
            reason than their confidence.
        target: Largest share of automated verdicts that may be wrong.
        in_force: The threshold of the current policy.
        promised: Whether the current policy promises the target.
        auroc: Area under the curve of the confidence, for display.
    """
    points: list[RiskPoint] = []
    untested = True
    certified = True
    for threshold in THRESHOLDS:
        right, wrong = _counts(audits, threshold)
        bound = (1 - float(lower_bound(right, 0, wrong, ALPHA, RISK_BETS))) / 2
        share = sum(confidence >= threshold for confidence in population) / max(1, len(population))
        untested &= share < _FIRST_SHARE
        if not untested:
            certified &= bool(_log_evidence(right, wrong, target) >= -log(ALPHA))
        points.append(
            RiskPoint(threshold, share, simple_share(wrong, right + wrong), bound, certified and not untested)
        )
    best = next((point for point in reversed(points) if point.certified), None)
    later = _certified_after(audits, points, target, _HORIZON)
    current = [each for each in audits if each.under_promise and each.confidence >= in_force]
    alarm = promised and breaks_promise(current, target)
    more = _more_audits(audits, points, target)
    return RiskControl(
        target=target,
        promised=promised,
        points=tuple(points),
        threshold=best.threshold if best else None,
        automated=best.automated if best else 0.0,
        automated_after=max(best.automated if best else 0.0, later),
        more_audits=more,
        auroc=auroc,
        alarm=alarm,
        sentence=_sentence(best, target, more, alarm=alarm),
    )


def breaks_promise(audits: Sequence[Audited], target: float) -> bool:
    """Return whether the audits up to now raise an alarm that more than the target are wrong since some time.

    An e-detector (Shin, Ramdas and Rinaldo, "E-detectors", New England J. Stat. Data Sci. 2, 2024) of Shiryaev and
    Roberts: the sum of the wealth of gamblers who start at each audit and bet that the error exceeds the target. While
    the promise holds, false alarms are at least `FALSE_ALARM_AUDITS` audits apart on average.
    """
    stakes = np.array(DETECTOR_STAKES) * target
    wealth = np.zeros(len(stakes))
    for each in audits:
        payout = 1 + stakes * (1 / target - 1) if each.wrong else 1 - stakes
        wealth = (wealth + 1) * payout
        if wealth.mean() >= FALSE_ALARM_AUDITS:
            return True
    return False


def widened_threshold(audits: Sequence[Audited], in_force: float, target: float) -> float:
    """Return the threshold of doubt that should replace one whose promise is broken.

    It is the lowest of `THRESHOLDS` above the one in force at which, of the audits since the change, at most the target
    are wrong; `MAX_DOUBT`, with which every verdict is reviewed, if there is none. This is an estimate and no
    certificate, so `breaks_promise` must continue to watch the new threshold.

    Args:
        audits: Audits under the broken promise, oldest first.
        in_force: The threshold in force.
        target: Largest share of automated verdicts that may be wrong.
    """
    recent = audits[_change_point(audits, target) :]
    for threshold in sorted(each for each in THRESHOLDS if each > in_force):
        above = [each.wrong for each in recent if each.confidence >= threshold]
        if above and sum(above) <= target * len(above):
            return threshold
    return MAX_DOUBT


def _change_point(audits: Sequence[Audited], target: float) -> int:
    """Return the index since which errors are most evidently more frequent than the target (CUSUM)."""
    stake = 4 * target
    wealth = highest = 0.0
    start = 0
    for index in range(len(audits) - 1, -1, -1):
        wealth += log(1 + stake * (1 / target - 1) if audits[index].wrong else 1 - stake)
        if wealth > highest:
            highest, start = wealth, index
    return start


def weighted_auroc(confidence: Floats, correct: Booleans, weights: Floats) -> float | None:
    """Return the probability that a right verdict has a higher confidence than a wrong one; ties count half.

    Args:
        confidence: Confidence of each verdict.
        correct: Whether each is right.
        weights: Number of documents that each represents, up to a common factor.
    """
    right, wrong = (float(weights[which].sum()) for which in (correct, ~correct))
    if not right or not wrong:
        return None
    values, index = np.unique(confidence, return_inverse=True)
    mass = np.bincount(index, weights=weights * correct, minlength=len(values))
    errors = np.bincount(index, weights=weights * ~correct, minlength=len(values))
    below = np.cumsum(errors) - errors
    return float((mass * (below + errors / 2)).sum() / (right * wrong))


def _counts(audits: Sequence[Audited], threshold: float) -> tuple[int, int]:
    """Return the numbers of right and wrong verdicts among the audits that count for a threshold."""
    counting = [each.wrong for each in audits if each.floor <= threshold <= each.confidence]
    return len(counting) - sum(counting), sum(counting)


def _log_evidence(right: float, wrong: float, target: float) -> float:
    """Return the log e-value against "at least the target are wrong"."""
    return float(log_wealth(right, 0, wrong, 1 - 2 * target, RISK_BETS))


def _certified_after(audits: Sequence[Audited], points: Sequence[RiskPoint], target: float, more: int) -> float:
    """Return the share automated after more audits with the same share of errors."""
    automated = 0.0
    for point in points:
        if point.automated < _FIRST_SHARE:
            continue
        right, wrong = _counts(audits, point.threshold)
        if not right + wrong:
            break
        # Audits are drawn from the verdicts above the threshold in force, and some of them are below this one.
        above = (right + wrong) / len(audits)
        scale = 1 + more * above / (right + wrong)
        if _log_evidence(right * scale, wrong * scale, target) < -log(ALPHA):
            break
        automated = max(automated, point.automated)
    return automated


def _more_audits(audits: Sequence[Audited], points: Sequence[RiskPoint], target: float) -> int | None:
    """Return the audits after which more verdicts are automated than now; None for more than 20,000."""
    now = max((point.automated for point in points if point.certified), default=0.0)
    steps = [round(step, -1) for step in np.geomspace(10, _MOST_AUDITS, 40).astype(int).tolist()]
    if not audits:  # if no audit finds an error
        return next((step for step in steps if _log_evidence(step, 0, target) >= -log(ALPHA)), None)
    return next((step for step in steps if _certified_after(audits, points, target, step) > now), None)


def _sentence(best: RiskPoint | None, target: float, more: int | None, *, alarm: bool) -> str:
    goal = f"{target:.3g}" if target < 0.001 else f"{100 * target:.3g} %"
    if alarm:
        return (
            f"Alarm: recent audits show that more than {goal} of the automated verdicts are wrong. "
            "Raise the threshold of doubt."
        )
    if best:
        return (
            f"At most {goal} of the automated verdicts are wrong with a threshold of doubt of "
            f"{best.threshold:g}: it automates {best.automated:.0%} (certified at all times, 95 %)."
        )
    wait = f"about {more} more audits are needed" if more else "more audits or better versions are needed"
    return f"It is not certain yet that at most {goal} of the automated verdicts are wrong: {wait}."
