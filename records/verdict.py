"""Combine the outcomes of all versions into one verdict and one status."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from records.outcomes import PROBABILITY_DIGITS, ModelFailure, Outcome, Prediction
from records.policy import DEFAULT_POLICY, Policy
from records.record import TOO_SLOW, Agreement, Reason, Status, Verdict

DOUBTFUL = "doubtful"
"""Review reason: the confidence of the verdict is below the policy's threshold."""
UNSURE = "unsure"
"""Review reason: at least half of the deciding predictions abstain, as for documents of an unknown kind."""
UNCORROBORATED = "uncorroborated"
"""Review reason: several versions have a vote, but only one returned a prediction."""
UNTRUSTED = "untrusted"
"""Review reason: no version with a vote returned a prediction, so that the others decided."""


SLOW_DECODE_MS = 1000.0
"""A version that decoded for longer than this confirms that the document is slow. Ordinary documents take less."""

_DECODER_TIMEOUT = "decoder-timeout"
"""Problem of a service whose decoder process worked on the document until the time limit."""


def combine(outcomes: Mapping[str, Outcome], policy: Policy = DEFAULT_POLICY) -> Verdict | None:
    """Return the verdict derived from all predictions; None without a prediction.

    Label and confidence come from the soft vote, in which the policy weights each version. If no version with a vote
    returned a prediction, the others decide with equal weights, and the verdict needs review.

    Whether the verdict needs review depends on the versions that decide alone: a challenger without a vote may differ
    as often as it likes. Its disagreements are in the evidence queue, see `records.record.Record.differing`.

    Agreement counts every version alike and includes those that failed: two of three versions that agree are a
    majority, not unanimous.
    """
    predictions = {version: outcome for version, outcome in outcomes.items() if isinstance(outcome, Prediction)}
    if not predictions:
        return None
    trusted = any(policy.weight(version) for version in predictions)
    weights = {version: policy.weight(version) if trusted else 1.0 for version in predictions}
    pooled = soft_vote([(weights[version], outcome.probabilities) for version, outcome in predictions.items()])
    label = max(pooled, key=pooled.__getitem__)
    votes = Counter(prediction.label for prediction in predictions.values())
    return Verdict(
        label=label,
        confidence=pooled[label],
        agreement=_agreement(max(votes.values()), of=len(outcomes)),
        review_reasons=tuple(_review_reasons(outcomes, policy, pooled[label], trusted=trusted)),
    )


def soft_vote(ballots: Sequence[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """Return the pooled probability of each label, sorted by label.

    The winner is the label with the highest weighted mean of softened probabilities, see `soften`. For calibrated
    classifiers a mean is better than counting votes (Kittler et al., "On combining classifiers", IEEE TPAMI 20(3),
    1998), but it is underconfident: a mean of calibrated probabilities is calibrated only if all of them agree (Ranjan
    and Gneiting, "Combining probability forecasts", JRSS B 72(1), 2010). The winner's mean is therefore sharpened, see
    `sharpen`. The other labels share the rest in proportion to their means.

    Ballots are softened with the exponent 1/√n and the winner is sharpened with n^0.7. Here n is Kish's effective
    number of ballots, 1 / Σ weight² for weights that sum to 1, so that a single ballot stays unchanged. Softening makes
    the confidence depend on the whole distributions: a ballot whose rest is spread over many labels, as for pages of
    unknown kinds, counts less than one that hesitates between two. Both exponents were chosen on pages of unseen
    sources; docs/training.md has the figures.

    Args:
        ballots: Weight and probabilities of each version. A missing label counts as 0. At least one weight is above 0.
    """
    total = math.fsum(weight for weight, _ in ballots)
    votes = 1 / math.fsum((weight / total) ** 2 for weight, _ in ballots)
    shares = [(weight / total, soften(probabilities, votes**-0.5)) for weight, probabilities in ballots]
    labels = sorted({label for _, probabilities in shares for label in probabilities})
    mean = {label: math.fsum(share * each.get(label, 0.0) for share, each in shares) for label in labels}
    winner = max(mean, key=mean.__getitem__)
    top = sharpen(mean[winner] / math.fsum(mean.values()), votes**0.7, len(labels))
    rest = math.fsum(p for label, p in mean.items() if label != winner)
    scale = (1 - top) / rest if rest else 0.0
    return {label: top if label == winner else p * scale for label, p in mean.items()}


def soften(probabilities: Mapping[str, float], exponent: float) -> dict[str, float]:
    """Return a distribution after each probability was raised to an exponent.

    Probabilities are rounded as in records first. Softening would enlarge the rounding of small ones, so that a verdict
    that is derived from a record would differ from the one that was stored.

    Args:
        probabilities: Probability of each label.
        exponent: Exponent; 1 changes nothing, and 0 would make all possible labels equally probable.
    """
    if exponent == 1:
        return dict(probabilities)
    powers = {label: math.pow(round(p, PROBABILITY_DIGITS), exponent) for label, p in probabilities.items()}
    total = math.fsum(powers.values())
    return {label: power / total for label, power in powers.items()}


def sharpen(probability: float, exponent: float, labels: int) -> float:
    """Return the highest probability of a distribution after each probability was raised to an exponent.

    All other labels are treated as equally probable, so that the result grows with the highest probability alone.

    Args:
        probability: The highest probability.
        exponent: Exponent; 1 changes nothing.
        labels: Number of labels.
    """
    if labels < 2 or probability >= 1:
        return 1.0
    high = math.pow(probability, exponent)
    low = math.pow(1 - probability, exponent) * math.pow(labels - 1, 1 - exponent)
    return high / (high + low)


def status_of(outcomes: Mapping[str, Outcome]) -> tuple[Status, Reason | None]:
    """Return the status that follows from the outcomes, with the reason unless it is COMPLETE.

    A document is REJECTED only if more than half of all versions cannot read it and none can. A single faulty service
    must not end the processing of a document. A PARTIAL document is `TOO_SLOW` if all missing versions exceeded the
    time limit of decoding and most versions confirm that the document is slow.
    """
    failures = {version: outcome for version, outcome in outcomes.items() if not isinstance(outcome, Prediction)}
    if not failures:
        return Status.COMPLETE, None
    predicted = len(outcomes) > len(failures)
    rejections = [failure for failure in failures.values() if failure.kind == "rejected"]
    if not predicted and len(rejections) * 2 > len(outcomes):
        return Status.REJECTED, _rejection_reason(rejections)
    timeouts = [failure for failure in failures.values() if failure.problem == _DECODER_TIMEOUT]
    if predicted and len(timeouts) == len(failures) and is_slow(outcomes):
        return Status.PARTIAL, _too_slow(timeouts[0])
    missing = ", ".join(f"{version} ({failure.kind})" for version, failure in sorted(failures.items()))
    return (Status.PARTIAL if predicted else Status.FAILED), Reason("versions-missing", f"No answer from {missing}.")


def is_slow(outcomes: Mapping[str, Outcome]) -> bool:
    """Return whether most versions indicate that the document is slow to decode.

    A version does so if it timed out, or if it decoded for longer than `SLOW_DECODE_MS`. If only one of three timed
    out and the others were fast, that version is slow and not the document.
    """
    return sum(map(_was_slow, outcomes.values())) * 2 > len(outcomes)


def _was_slow(outcome: Outcome) -> bool:
    if isinstance(outcome, Prediction):
        return outcome.timings_ms.get("decode", 0.0) > SLOW_DECODE_MS
    return outcome.kind == "timeout" or outcome.problem == _DECODER_TIMEOUT


def _rejection_reason(rejections: Sequence[ModelFailure]) -> Reason:
    """Return the reason of most rejections; of the first one if several reasons are equally frequent."""
    problems = Counter(rejection.problem for rejection in rejections)
    rejection = max(rejections, key=lambda rejection: problems[rejection.problem])
    if rejection.problem == _DECODER_TIMEOUT:
        return _too_slow(rejection)
    return Reason(rejection.problem or "unreadable", rejection.detail)


def _too_slow(timeout: ModelFailure) -> Reason:
    advice = "Upload it in a simpler form, for example as a scan or as a PDF with images instead of drawings."
    return Reason(TOO_SLOW, f"The document takes too long to decode. {timeout.detail} {advice}")


def _agreement(votes: int, *, of: int) -> Agreement:
    if votes == of:
        return Agreement.UNANIMOUS
    return Agreement.MAJORITY if votes * 2 > of else Agreement.SPLIT


def _review_reasons(
    outcomes: Mapping[str, Outcome], policy: Policy, confidence: float, *, trusted: bool
) -> Iterator[str]:
    """Yield why a verdict may be wrong.

    Args:
        outcomes: Outcome of each version.
        policy: The policy that makes the verdict.
        confidence: Confidence of the verdict.
        trusted: Whether a version with a vote returned a prediction. If not, all versions decide.
    """
    voters = [outcome for version, outcome in outcomes.items() if policy.weight(version) or not trusted]
    deciding = [outcome for outcome in voters if isinstance(outcome, Prediction)]
    if confidence < policy.doubt_below:
        yield DOUBTFUL
    if sum(prediction.abstained for prediction in deciding) * 2 >= len(deciding):
        yield UNSURE
    if len(deciding) == 1 < len(voters):
        yield UNCORROBORATED
    if not trusted:
        yield UNTRUSTED
