"""Combine what the versions said into one verdict."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from records.outcomes import Outcome, Prediction
from records.policy import DEFAULT_POLICY, Policy
from records.record import Agreement, Reason, Record, Status, Verdict
from records.uploads import audit_number

DISAGREEMENT = "disagreement"
"""Versions that answered give different labels."""
UNSURE = "unsure"
"""At least half of the versions that answered are less sure than their own threshold asks for."""
UNCORROBORATED = "uncorroborated"
"""One version alone answered, so nothing checks it."""
UNTRUSTED = "untrusted"
"""No version that has a vote answered; those that did decided in their place."""


def combine(outcomes: Mapping[str, Outcome], policy: Policy = DEFAULT_POLICY) -> Verdict | None:
    """The verdict of every version that answered; None where none did.

    Label and confidence are the soft vote's, see there, each version weighted as the policy says. Where none of those
    answered that have a vote, the others decide, each alike, and a person is asked.

    Agreement counts the votes of all versions, whatever they weigh, and is relative to all, those that failed
    included: two of three that agree are a majority, not unanimous. A version without a vote may disagree, too: that
    is how it comes to be judged.
    """
    answered = {version: said for version, said in outcomes.items() if isinstance(said, Prediction)}
    if not answered:
        return None
    trusted = any(policy.weight(version) for version in answered)
    weights = {version: policy.weight(version) if trusted else 1.0 for version in answered}
    pooled = soft_vote([(weights[version], said.probabilities) for version, said in answered.items()])
    label = max(pooled, key=pooled.__getitem__)
    votes = Counter(said.label for said in answered.values())
    return Verdict(
        label=label,
        confidence=pooled[label],
        agreement=_agreement(max(votes.values()), of=len(outcomes)),
        review_reasons=tuple(_reasons(list(answered.values()), trusted=trusted)),
    )


def with_verdict(record: Record, policy: Policy) -> Record:
    """Return the record with the verdict that the policy makes of its predictions, and whether it is audited."""
    verdict = combine(record.predictions, policy)
    number = audit_number(record.upload.document, record.upload.sort_key)
    return replace(
        record,
        verdict=verdict,
        policy=policy.id if verdict else "",
        audit=verdict is not None and not verdict.needs_review and number < policy.audit_share,
    )


def soft_vote(ballots: Sequence[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """The probability of each label, in the labels' order, after calibrated classifiers have been asked.

    The likeliest label is that of the highest weighted mean, which beats counting votes where the classifiers are
    calibrated (Kittler et al., "On combining classifiers", IEEE TPAMI 20(3), 1998). The mean itself is too modest: a
    mean of calibrated probabilities never is calibrated unless they all agree (Ranjan and Gneiting, "Combining
    probability forecasts", JRSS B 72(1), 2010). So its highest is sharpened, see `sharpened`, by the power of √n,
    where n is Kish's effective number of ballots, 1 / Σ weight² for weights that sum to 1: one alone stays as it is.
    The other labels share what remains in proportion to their means.

    Args:
        ballots: A weight, and probabilities by label; a label that is missing counts as 0. At least one weight is
            greater than 0.
    """
    total = math.fsum(weight for weight, _ in ballots)
    shares = [(weight / total, probabilities) for weight, probabilities in ballots]
    labels = sorted({label for _, probabilities in shares for label in probabilities})
    mean = {label: math.fsum(share * said.get(label, 0.0) for share, said in shares) for label in labels}
    best = max(mean, key=mean.__getitem__)
    power = math.sqrt(1 / math.fsum(share * share for share, _ in shares))
    top = sharpened(mean[best] / math.fsum(mean.values()), power, len(labels))
    rest = math.fsum(chance for label, chance in mean.items() if label != best)
    left = (1 - top) / rest if rest else 0.0
    return {label: top if label == best else chance * left for label, chance in mean.items()}


def sharpened(chance: float, power: float, labels: int) -> float:
    """The highest of some probabilities after each was raised to a power, as if the others were all alike.

    What the others really are does not count, so that of two documents the one with the higher mean is the surer one.
    Raising the real ones would be kind to documents of unknown kinds, whose rest is spread over many labels, and lets
    more of them pass. √n as the power was found by measuring, on pages from sources that the versions had not seen:
    models/README.md has the calibration error that it leaves.
    """
    if labels < 2 or chance >= 1:
        return 1.0
    high = math.pow(chance, power)
    low = math.pow(1 - chance, power) * math.pow(labels - 1, 1 - power)
    return high / (high + low)


def status_of(outcomes: Mapping[str, Outcome]) -> tuple[Status, Reason | None]:
    """The status that the outcomes amount to, and why where it is not COMPLETE.

    A document counts as unreadable only when more than half of all versions say so and none could read it: one
    faulty service must not have the last word.
    """
    answered = sum(isinstance(said, Prediction) for said in outcomes.values())
    errors = {name: said for name, said in outcomes.items() if not isinstance(said, Prediction)}
    if not errors:
        return Status.COMPLETE, None
    refusals = [said for said in errors.values() if said.kind == "rejected"]
    if not answered and len(refusals) * 2 > len(outcomes):
        return Status.REJECTED, Reason(refusals[0].problem or "unreadable", refusals[0].detail)
    missing = ", ".join(f"{name} ({said.kind})" for name, said in sorted(errors.items()))
    reason = Reason("versions-missing", f"No answer from {missing}.")
    return (Status.PARTIAL if answered else Status.FAILED), reason


def _agreement(votes: int, *, of: int) -> Agreement:
    if votes == of:
        return Agreement.UNANIMOUS
    return Agreement.MAJORITY if votes * 2 > of else Agreement.SPLIT


def _reasons(answered: list[Prediction], *, trusted: bool) -> list[str]:
    reasons = []
    if len({said.label for said in answered}) > 1:
        reasons.append(DISAGREEMENT)
    if sum(said.abstained for said in answered) * 2 >= len(answered):
        reasons.append(UNSURE)
    if len(answered) == 1:
        reasons.append(UNCORROBORATED)
    if not trusted:
        reasons.append(UNTRUSTED)
    return reasons
