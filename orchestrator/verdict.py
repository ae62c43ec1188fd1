"""Combine what the versions said into one verdict."""

from collections import Counter
from collections.abc import Mapping

from orchestrator.records import Agreement, Outcome, Prediction, Reason, Status, Verdict

DISAGREEMENT = "disagreement"
"""Versions that answered give different labels."""
UNSURE = "unsure"
"""At least half of the versions that answered are less sure than their own threshold asks for."""
UNCORROBORATED = "uncorroborated"
"""One version alone answered, so nothing checks it."""


def combine(outcomes: Mapping[str, Outcome]) -> Verdict | None:
    """The verdict of every version that answered; None where none did.

    The label is the soft vote: the highest mean of the calibrated probabilities, which beats counting votes where
    the classifiers are calibrated (Kittler et al., "On combining classifiers", IEEE TPAMI 20(3), 1998). A label
    that a version does not know counts as probability 0 there. Agreement counts the votes and is relative to all
    versions, those that failed included: two of three that agree are a majority, not unanimous.
    """
    answered = [said for said in outcomes.values() if isinstance(said, Prediction)]
    if not answered:
        return None
    labels = sorted({label for said in answered for label in said.probabilities})
    mean = {label: sum(said.probabilities.get(label, 0.0) for said in answered) / len(answered) for label in labels}
    label = max(labels, key=mean.__getitem__)
    votes = Counter(said.label for said in answered)
    return Verdict(
        label=label,
        confidence=mean[label],
        agreement=_agreement(max(votes.values()), of=len(outcomes)),
        review_reasons=tuple(_reasons(answered)),
    )


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


def _reasons(answered: list[Prediction]) -> list[str]:
    reasons = []
    if len({said.label for said in answered}) > 1:
        reasons.append(DISAGREEMENT)
    if sum(said.abstained for said in answered) * 2 >= len(answered):
        reasons.append(UNSURE)
    if len(answered) == 1:
        reasons.append(UNCORROBORATED)
    return reasons
