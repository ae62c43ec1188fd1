"""Read the answers of endpoints that have another form than a model service: a mapping of fields.

Expressions are JMESPath (https://jmespath.org). For the answer `[{"label": "INV", "score": 7.1}, …]`, the mapping is

    {"labels": "[].label", "scores": "[].score", "scale": "logits", "rename": {"INV": "invoice"}}
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jmespath

SCALES = ("probabilities", "percent", "logits")

UNKNOWN_WEIGHTS = "external"
"""`model_sha256` of a prediction whose answer does not identify the weights."""

_TIE = 1e-6


@dataclass(frozen=True)
class AnswerMapping:
    """How to find a prediction in an answer.

    Attributes:
        scores: Expression for the scores: a list, or an object with a score for each label.
        labels: Labels in the order of the scores, or an expression for them; None if the scores are an object.
        scale: What scores are: `probabilities`, `percent`, or `logits`, to which the softmax is applied.
        rename: Labels of the project by labels of the endpoint. Scores with the same new label are added.
        label: Expression for the most probable label, if the answer names it; it must agree with the scores.
        pages: Expression for the number of pages; None for 1.
        model_sha256: Expression for what identifies the weights; None for `UNKNOWN_WEIGHTS`.
        abstained: Expression for whether the endpoint abstains; None if only the threshold decides.
        abstain_below: Confidence below which a prediction counts as abstained.
    """

    scores: str
    labels: str | tuple[str, ...] | None = None
    scale: str = "probabilities"
    rename: Mapping[str, str] = field(default_factory=dict)
    label: str | None = None
    pages: str | None = None
    model_sha256: str | None = None
    abstained: str | None = None
    abstain_below: float = 0.0

    def apply(self, answer: Any, version: str) -> dict[str, Any]:
        """Return an answer in the form of a model service.

        Args:
            answer: The answer as JSON values.
            version: The version that was called.

        Raises:
            TypeError, ValueError: The answer does not fit the mapping.
        """
        probabilities = self._probabilities(answer)
        top = max(probabilities, key=lambda label: probabilities[label])
        label = self._named_label(answer, top)
        if label not in probabilities or probabilities[label] < probabilities[top] - _TIE:
            raise ValueError(f"it names the label {label!r}, but {top!r} has the highest score")
        confidence = probabilities[top]
        return {
            "model": version,
            "label": top,
            "confidence": confidence,
            "probabilities": probabilities,
            "abstained": confidence < self.abstain_below or self._find(self.abstained, answer, False) is True,
            "pages": self._find(self.pages, answer, 1),
            "model_sha256": self._find(self.model_sha256, answer, UNKNOWN_WEIGHTS),
        }

    def _find(self, expression: str | None, answer: Any, default: Any) -> Any:
        return default if expression is None else jmespath.search(expression, answer)

    def _named_label(self, answer: Any, top: str) -> str:
        named = self._find(self.label, answer, None)
        if self.label is None:
            return top
        if not isinstance(named, str):
            raise TypeError(f"the label {named!r} is not a string")
        return self.rename.get(named, named)

    def _probabilities(self, answer: Any) -> dict[str, float]:
        """Return the probability of each label."""
        labels, scores = self._scores(answer)
        if not labels or len(labels) != len(scores):
            raise ValueError(f"it has {len(scores)} scores for {len(labels)} labels")
        if len(set(labels)) < len(labels):
            raise ValueError("it has two scores for one label")
        found: dict[str, float] = {}
        for label, probability in zip(labels, self._scaled([_number(score) for score in scores]), strict=True):
            name = self.rename.get(label, label)
            found[name] = found.get(name, 0.0) + probability
        return {name: _without_rounding(probability) for name, probability in found.items()}

    def _scores(self, answer: Any) -> tuple[Sequence[str], Sequence[Any]]:
        """Return labels and scores, in the same order."""
        scores = jmespath.search(self.scores, answer)
        if self.labels is None:
            if not isinstance(scores, dict):
                raise TypeError("its scores are not an object with a score for each label")
            return list(scores), list(scores.values())
        labels = jmespath.search(self.labels, answer) if isinstance(self.labels, str) else self.labels
        if not isinstance(scores, list) or not isinstance(labels, list | tuple):
            raise TypeError("its scores or its labels are not a list")
        if not all(isinstance(label, str) for label in labels):
            raise TypeError("a label is not a string")
        return labels, scores

    def _scaled(self, scores: list[float]) -> list[float]:
        """Return the probabilities that scores mean."""
        match self.scale:
            case "percent":
                return [score / 100 for score in scores]
            case "logits":
                highest = max(scores)
                exponentials = [math.exp(score - highest) for score in scores]
                total = math.fsum(exponentials)
                return [each / total for each in exponentials]
            case _:
                return scores


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"the score {value!r} is not a finite number")
    return float(value)


def _without_rounding(probability: float) -> float:
    """Return a sum of probabilities, without what rounding added above 1."""
    return 1.0 if 1 < probability < 1 + _TIE else probability
