"""Check what a model service answered: a service that lies must not get its lie into a record."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.errors import CallFailed
from orchestrator.outcomes import Prediction


def read_prediction(body: bytes, version: str, *, latency_ms: float) -> Prediction:
    """The prediction in an answer that keeps the contract.

    Raises:
        CallFailed: `invalid_answer`, saying what is wrong.
    """
    try:
        answer = json.loads(body)
        prediction = Prediction(
            label=_text(answer, "label"),
            confidence=_probability(answer["confidence"]),
            probabilities={str(label): _probability(p) for label, p in answer["probabilities"].items()},
            abstained=answer.get("abstained") is True,
            pages=int(answer["pages"]),
            model_sha256=_text(answer, "model_sha256"),
            latency_ms=latency_ms,
            timings_ms={str(name): _finite(ms) for name, ms in answer.get("timings_ms", {}).items()},
        )
        _check(answer.get("model") == version, f"it is signed by {answer.get('model')!r}, not {version!r}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CallFailed("invalid_answer", f"The answer is not in the contract's form: {error!r}", 200) from error
    return _consistent(prediction)


def _consistent(prediction: Prediction) -> Prediction:
    total = math.fsum(prediction.probabilities.values())
    top = prediction.probabilities.get(prediction.label, -1.0)
    try:
        _check(abs(total - 1) < 1e-3, f"the probabilities sum to {total:.4f}")
        _check(top == max(prediction.probabilities.values()), "the label is not the most probable one")
        _check(abs(top - prediction.confidence) < 1e-3, "the confidence is not the label's probability")
        _check(prediction.pages > 0, "no page was scored")
    except ValueError as error:
        raise CallFailed("invalid_answer", f"The answer contradicts itself: {error}.", 200) from error
    return prediction


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer[name]
    _check(isinstance(value, str) and bool(value), f"{name} is no text")
    return str(value)


def _finite(value: Any) -> float:
    _check(isinstance(value, int | float) and math.isfinite(value), f"{value!r} is no number")
    return float(value)


def _probability(value: Any) -> float:
    number = _finite(value)
    _check(0 <= number <= 1, f"{value!r} is no probability")
    return number


def read_problem(body: bytes, status: int) -> tuple[str | None, str]:
    """The last part of a problem's type and its sentence (RFC 9457); None and the bare status where there is none."""
    try:
        problem = json.loads(body)
        kind, detail = problem.get("type"), problem.get("detail") or problem.get("title")
    except (AttributeError, ValueError):
        kind = detail = None
    name = re.split("[:/]", kind)[-1][:100] if isinstance(kind, str) else ""
    return name or None, str(detail)[:500] if detail else f"The service answered {status}."
