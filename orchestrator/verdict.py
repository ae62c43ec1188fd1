"""Combine what the versions said into one verdict."""

import math
from collections import Counter
from collections.abc import Mapping

from orchestrator.policy import EQUAL, Policy
from orchestrator.records import Agreement, Outcome, Prediction, Reason, Status, Verdict

DISAGREEMENT = "disagreement"
"""Versions that answered give different labels."""
UNSURE = "unsure"
"""At least half of the versions that answered are less sure than their own threshold asks for."""
UNCORROBORATED = "uncorroborated"
"""One version alone answered, so nothing checks it."""
UNTRUSTED = "untrusted"
"""No version that has a vote answered; those that did decided in their place."""


def combine(outcomes: Mapping[str, Outcome], policy: Policy = EQUAL) -> Verdict | None:
    """The verdict of every version that answered; None where none did.

    The label is the soft vote: the highest mean of the calibrated probabilities, each version weighted as the policy
    says, which beats counting votes where the classifiers are calibrated (Kittler et al., "On combining classifiers",
    IEEE TPAMI 20(3), 1998). A label that a version does not know counts as probability 0 there. Where none of those
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
    mean = _soft_vote(answered, weights)
    label = max(mean, key=mean.__getitem__)
    votes = Counter(said.label for said in answered.values())
    return Verdict(
        label=label,
        confidence=min(1.0, mean[label]),
        agreement=_agreement(max(votes.values()), of=len(outcomes)),
        review_reasons=tuple(_reasons(list(answered.values()), trusted=trusted)),
    )


def _soft_vote(answered: Mapping[str, Prediction], weights: Mapping[str, float]) -> dict[str, float]:
    """The weighted mean probability of each label, in the labels' order."""
    total = math.fsum(weights.values())
    labels = sorted({label for said in answered.values() for label in said.probabilities})
    return {
        label: math.fsum(weights[name] / total * said.probabilities.get(label, 0.0) for name, said in answered.items())
        for label in labels
    }


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
