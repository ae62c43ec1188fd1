"""Check what a model service answered: a service that lies must not get its lie into a record.

Nor may it keep the others' answers out of one: what DynamoDB would refuse, it would refuse with the whole record.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.errors import CallFailed
from records.outcomes import Prediction

MAX_ANSWER_BYTES = 96 * 1024
"""No honest answer comes near this; a longer one is not read to its end. An item of DynamoDB, with the answers of all
versions in it, has at most 400 KB."""

_MAX_TEXT = 100
"""Characters of a label or of any other name."""
_MAX_TIMINGS = 20
_MAX_MS = 1e9
_MAX_PAGES = 10_000


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
            probabilities={_name(label): _probability(p) for label, p in answer["probabilities"].items()},
            abstained=answer.get("abstained") is True,
            pages=_pages(answer["pages"]),
            model_sha256=_text(answer, "model_sha256"),
            latency_ms=latency_ms,
            timings_ms=_timings(answer.get("timings_ms", {})),
        )
        _check(answer.get("model") == version, f"it is signed by {answer.get('model')!r}, not {version!r}")
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        detail = _storable(f"The answer is not in the contract's form: {error!r}")
        raise CallFailed("invalid_answer", detail, 200) from error
    return _consistent(prediction)


def _consistent(prediction: Prediction) -> Prediction:
    total = math.fsum(prediction.probabilities.values())
    top = prediction.probabilities.get(prediction.label, -1.0)
    try:
        _check(abs(total - 1) < 1e-3, f"the probabilities sum to {total:.4f}")
        _check(top == max(prediction.probabilities.values()), "the label is not the most probable one")
        _check(abs(top - prediction.confidence) < 1e-3, "the confidence is not the label's probability")
    except ValueError as error:
        raise CallFailed("invalid_answer", f"The answer contradicts itself: {error}.", 200) from error
    return prediction


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer[name]
    _check(isinstance(value, str), f"{name} is no text")
    return _name(value)


def _name(text: str) -> str:
    _check(0 < len(text) <= _MAX_TEXT, f"a text has {len(text):,} characters, not 1 to {_MAX_TEXT}")
    text.encode()  # half a surrogate pair can be said in JSON, and not be stored
    return text


def _pages(value: Any) -> int:
    _check(type(value) is int and 1 <= value <= _MAX_PAGES, "pages is no number of pages that were scored")
    return int(value)


def _timings(said: Mapping[str, Any]) -> dict[str, float]:
    timings = {_name(name): _finite(ms) for name, ms in said.items()}
    _check(len(timings) <= _MAX_TIMINGS, f"there are {len(timings):,} timings")
    _check(all(0 <= ms <= _MAX_MS for ms in timings.values()), "a timing is no time")
    return timings


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
    name = _storable(re.split("[:/]", kind)[-1])[:_MAX_TEXT] if isinstance(kind, str) else ""
    return name or None, _storable(str(detail)) if detail else f"The service answered {status}."


def _storable(text: str) -> str:
    """The beginning of a text from outside, as it can be stored."""
    return text[:500].encode(errors="replace").decode()
