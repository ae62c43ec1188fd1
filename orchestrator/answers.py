"""Validate the responses of model services, so that an invalid one does not reach a record.

Nor may one response keep the others out of a record: a value that DynamoDB rejects fails the write of the whole item.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.answer_mapping import AnswerMapping
from orchestrator.errors import CallFailed
from records.labels import normalize_label
from records.outcomes import Prediction

MAX_ANSWER_BYTES = 96 * 1024
"""Maximum length of a response, far above that of any valid one. A DynamoDB item with the predictions of all versions
has at most 400 KB."""

_MAX_TEXT = 100
"""Maximum number of characters in a label or another name."""
_MAX_TIMINGS = 20
_MAX_MS = 1e9
_MAX_PAGES = 10_000
_ROTATIONS = (0, 90, 180, 270)
_MAX_PAGE_VALUES = 1000
"""Maximum number of values that a field has for the pages; a service reads at most 100 pages of a document."""
_MAX_FAMILIARITY = 1e6
_MAX_DETAIL = 500
"""Maximum number of characters in a sentence for operators."""
_SENTENCES = ("detail", "title", "message", "Message")
"""Fields that may contain a sentence for operators. The last two are those of API Gateway and of function URLs."""


def read_prediction(
    body: bytes, version: str, *, latency_ms: float, mapping: AnswerMapping | None = None
) -> Prediction:
    """Return the prediction in a response.

    Args:
        body: Body of the response.
        version: The version that was called.
        latency_ms: Duration of the call.
        mapping: How to find a prediction in the response of an endpoint that is not a model service.

    Raises:
        CallFailed: `invalid_answer`: The response does not conform to the contract.
    """
    try:
        answer = json.loads(body)
        if mapping:
            answer = mapping.apply(answer, version)
        prediction = Prediction(
            label=normalize_label(_text_field(answer, "label")),
            confidence=_probability(answer["confidence"]),
            probabilities={
                normalize_label(_short_text(label)): _probability(p) for label, p in answer["probabilities"].items()
            },
            abstained=answer.get("abstained") is True,
            pages=_page_count(answer["pages"]),
            model_sha256=_text_field(answer, "model_sha256"),
            latency_ms=latency_ms,
            timings_ms=_timings(answer.get("timings_ms", {})),
            rotated=_page_values(answer, "rotated", lambda value: type(value) is int and value in _ROTATIONS),
            cropped=_page_values(answer, "cropped", lambda value: type(value) is bool),
            familiarity=_familiarity(answer.get("familiarity")),
        )
        _require(answer.get("model") == version, f"it names the model {answer.get('model')!r}, not {version!r}")
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        detail = storable_text(f"The answer does not conform to the contract: {error!r}")
        raise CallFailed("invalid_answer", detail, 200) from error
    return _consistent(prediction)


def _consistent(prediction: Prediction) -> Prediction:
    total = math.fsum(prediction.probabilities.values())
    top = prediction.probabilities.get(prediction.label, -1.0)
    try:
        _require(abs(total - 1) < 1e-3, f"the probabilities sum to {total:.4f}")
        _require(top == max(prediction.probabilities.values()), "the label is not the most probable one")
        _require(abs(top - prediction.confidence) < 1e-3, "the confidence is not the label's probability")
    except ValueError as error:
        raise CallFailed("invalid_answer", f"The answer contradicts itself: {error}.", 200) from error
    return prediction


def _familiarity(value: object) -> float | None:
    """Return the familiarity; services of release 0.2 and versions without a threshold state none."""
    if value is None:
        return None
    familiarity = _finite(value)
    _require(0 <= familiarity <= _MAX_FAMILIARITY, f"the familiarity {value!r} is out of range")
    return familiarity


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _text_field(answer: Mapping[str, Any], name: str) -> str:
    value = answer[name]
    _require(isinstance(value, str), f"{name} is not a string")
    return _short_text(value)


def _short_text(text: str) -> str:
    _require(0 < len(text) <= _MAX_TEXT, f"a string has {len(text):,} characters, not 1 to {_MAX_TEXT}")
    text.encode()  # a lone surrogate is valid in JSON, but cannot be stored
    return text


def _page_count(value: Any) -> int:
    _require(type(value) is int and 1 <= value <= _MAX_PAGES, f"pages is not an integer from 1 to {_MAX_PAGES:,}")
    return int(value)


def _page_values(answer: Mapping[str, Any], name: str, is_valid: Callable[[Any], bool]) -> tuple[Any, ...]:
    """Return the values of a field, one per page; empty if all are the default. Older services omit the field."""
    values = answer.get(name, [])
    _require(
        isinstance(values, list) and len(values) in (0, answer["pages"]), f"{name} has not one value for each page"
    )
    _require(len(values) <= _MAX_PAGE_VALUES, f"{name} has more than {_MAX_PAGE_VALUES} values")
    _require(all(map(is_valid, values)), f"{name} has an invalid value")
    return tuple(values) if any(values) else ()


def _timings(answer: Mapping[str, Any]) -> dict[str, float]:
    timings = {_short_text(name): _finite(ms) for name, ms in answer.items()}
    _require(len(timings) <= _MAX_TIMINGS, f"there are {len(timings):,} timings, more than {_MAX_TIMINGS}")
    _require(all(0 <= ms <= _MAX_MS for ms in timings.values()), "a timing is out of range")
    return timings


def _finite(value: Any) -> float:
    _require(isinstance(value, int | float) and math.isfinite(value), f"{value!r} is not a finite number")
    return float(value)


def _probability(value: Any) -> float:
    number = _finite(value)
    _require(0 <= number <= 1, f"{value!r} is not a probability")
    return number


def read_problem(body: bytes, status: int) -> tuple[str | None, str]:
    """Return the last part of a problem's type and its detail (RFC 9457).

    A body that is not a problem gives None and a sentence with the status.
    """
    try:
        problem = json.loads(body)
        kind = problem.get("type")
        detail = next((problem[name] for name in _SENTENCES if problem.get(name)), None)
    except (AttributeError, ValueError):
        kind = detail = None
    name = storable_text(re.split("[:/]", kind)[-1])[:_MAX_TEXT] if isinstance(kind, str) else ""
    return name or None, storable_text(str(detail)) if detail else f"The service answered {status}."


def storable_text(text: str) -> str:
    """Return the beginning of an external text in a form that can be stored."""
    return text[:_MAX_DETAIL].encode(errors="replace").decode()
