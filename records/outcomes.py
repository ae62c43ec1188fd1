"""Outcomes: what each model version returned for a document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from records.labels import normalize_label

PROBABILITY_DIGITS = 6
"""Number of decimals of stored probabilities."""


@dataclass(frozen=True)
class Prediction:
    """A version's prediction for one document.

    Attributes:
        label: The most probable label.
        confidence: Probability of that label.
        probabilities: Calibrated probability of each label; they sum to 1.
        abstained: Whether confidence or familiarity are below the version's own thresholds.
        pages: Number of pages that were scored.
        model_sha256: Hash of the weights that made the prediction.
        latency_ms: Duration of the call.
        timings_ms: Duration of each step within the service.
        rotated: By how many degrees each page was turned clockwise before it was scored; empty if none was turned.
        cropped: Whether each page was cropped from a photograph before it was scored; empty if none was.
        familiarity: How familiar the document is to the version, with 1 as its threshold; None if it has none.
    """

    label: str
    confidence: float
    probabilities: Mapping[str, float]
    abstained: bool
    pages: int
    model_sha256: str
    latency_ms: float
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    rotated: tuple[int, ...] = ()
    cropped: tuple[bool, ...] = ()
    familiarity: float | None = None


@dataclass(frozen=True)
class ModelFailure:
    """Why a version returned no prediction.

    Attributes:
        kind: `timeout`, `unreachable`, `overloaded`, `rejected` (the service cannot read the document), `failed` or
            `invalid_answer`.
        detail: A sentence for operators.
        latency_ms: Duration of the call.
        status: HTTP status of the response, if there was one.
        problem: Last part of the type of the response's RFC 9457 problem, such as `encrypted-document`.
    """

    kind: str
    detail: str
    latency_ms: float
    status: int | None = None
    problem: str | None = None


Outcome = Prediction | ModelFailure


def outcome_as_dict(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as plain JSON values."""
    if isinstance(outcome, ModelFailure):
        error: dict[str, Any] = {"kind": outcome.kind, "detail": outcome.detail}
        if outcome.status is not None:
            error["status"] = outcome.status
        if outcome.problem is not None:
            error["problem"] = outcome.problem
        return {"error": error, "latency_ms": round(outcome.latency_ms, 1)}
    prediction = {
        "label": outcome.label,
        "confidence": round(outcome.confidence, PROBABILITY_DIGITS),
        "probabilities": {label: round(p, PROBABILITY_DIGITS) for label, p in outcome.probabilities.items()},
        "abstained": outcome.abstained,
        "pages": outcome.pages,
        "model_sha256": outcome.model_sha256,
        "latency_ms": round(outcome.latency_ms, 1),
        "timings_ms": {name: round(ms, 2) for name, ms in outcome.timings_ms.items()},
    }
    if outcome.familiarity is not None:
        prediction["familiarity"] = round(outcome.familiarity, 4)
    changes = {"rotated": outcome.rotated, "cropped": outcome.cropped}
    return prediction | {name: list(values) for name, values in changes.items() if any(values)}


def outcome_from_dict(content: Mapping[str, Any]) -> Outcome:
    """Read what `outcome_as_dict` wrote.

    Raises:
        KeyError: A field is missing.
        ValueError: A field is invalid.
    """
    if "error" in content:
        error = content["error"]
        status = error.get("status")
        return ModelFailure(
            kind=error["kind"],
            detail=error["detail"],
            latency_ms=float(content["latency_ms"]),
            status=None if status is None else int(status),
            problem=error.get("problem"),
        )
    return Prediction(
        label=normalize_label(content["label"]),
        confidence=float(content["confidence"]),
        probabilities={normalize_label(label): float(p) for label, p in content["probabilities"].items()},
        abstained=bool(content["abstained"]),
        pages=int(content["pages"]),
        model_sha256=content["model_sha256"],
        latency_ms=float(content["latency_ms"]),
        timings_ms={name: float(ms) for name, ms in content["timings_ms"].items()},
        # Both are absent in records before 0.3, and if no page was changed.
        rotated=tuple(int(degrees) for degrees in content.get("rotated", ())),
        cropped=tuple(bool(mark) for mark in content.get("cropped", ())),
        # Absent in records before 0.3, and if the version has no threshold.
        familiarity=float(content["familiarity"]) if "familiarity" in content else None,
    )
