"""Comparison of the answers of two hosting options of the model service to the same documents."""

from collections.abc import Mapping
from dataclasses import dataclass

from testkit.hosting_options import Answer

Answers = Mapping[tuple[str, str], Answer]
"""The answers of a hosting option by document and version."""


@dataclass(frozen=True)
class Agreement:
    """How the answers of one hosting option agree with those of another.

    Attributes:
        answers: Number of answers compared.
        same_labels: Answers with the same label, or the same kind of problem.
        identical: Answers that are equal in every field, probabilities to the last bit.
        largest_difference: Largest difference of a probability.
        differing: Documents and versions whose answers are not identical.
    """

    answers: int
    same_labels: int
    identical: int
    largest_difference: float
    differing: tuple[tuple[str, str], ...]


def compare_answers(answers: Answers, reference: Answers) -> Agreement:
    """Compare the answers of two hosting options to the same documents.

    Raises:
        ValueError: They are answers to different documents or versions.
    """
    if answers.keys() != reference.keys():
        raise ValueError("the hosting options did not get the same documents")
    pairs = [(key, answers[key], reference[key]) for key in reference]
    return Agreement(
        answers=len(pairs),
        same_labels=sum(_outcome(ours) == _outcome(theirs) for _, ours, theirs in pairs),
        identical=sum(ours == theirs for _, ours, theirs in pairs),
        largest_difference=max((_difference(ours, theirs) for _, ours, theirs in pairs), default=0.0),
        differing=tuple(key for key, ours, theirs in pairs if ours != theirs),
    )


def _outcome(answer: Answer) -> tuple[object, object]:
    return answer.get("label"), answer.get("problem")


def _difference(ours: Answer, theirs: Answer) -> float:
    """Return the largest difference of a probability: 1 if only one answer has probabilities."""
    if "probabilities" not in ours or "probabilities" not in theirs:
        return float(("probabilities" in ours) != ("probabilities" in theirs))
    differences = (abs(ours["probabilities"][label] - value) for label, value in theirs["probabilities"].items())
    return float(max(differences))
