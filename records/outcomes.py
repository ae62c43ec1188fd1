"""What one version said of a document, or why it said nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Prediction:
    """What one version said. `probabilities` are calibrated and sum to 1; times are milliseconds."""

    label: str
    confidence: float
    probabilities: Mapping[str, float]
    abstained: bool
    pages: int
    model_sha256: str
    latency_ms: float
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelFailure:
    """Why one version said nothing.

    `kind` is one of `timeout`, `unreachable`, `overloaded`, `rejected` (the service cannot read the document),
    `failed` and `invalid_answer`. Where the service answered at all, `status` is its HTTP status; where that answer
    was a problem (RFC 9457), `problem` is the last part of its type, such as `encrypted-document`.
    """

    kind: str
    detail: str
    latency_ms: float
    status: int | None = None
    problem: str | None = None


Outcome = Prediction | ModelFailure


def outcome_as_dict(said: Outcome) -> dict[str, Any]:
    """Plain JSON values."""
    if isinstance(said, ModelFailure):
        error: dict[str, Any] = {"kind": said.kind, "detail": said.detail}
        if said.status is not None:
            error["status"] = said.status
        if said.problem is not None:
            error["problem"] = said.problem
        return {"error": error, "latency_ms": round(said.latency_ms, 1)}
    return {
        "label": said.label,
        "confidence": round(said.confidence, 6),
        "probabilities": {label: round(p, 6) for label, p in said.probabilities.items()},
        "abstained": said.abstained,
        "pages": said.pages,
        "model_sha256": said.model_sha256,
        "latency_ms": round(said.latency_ms, 1),
        "timings_ms": {name: round(ms, 2) for name, ms in said.timings_ms.items()},
    }


def outcome_from_dict(said: Mapping[str, Any]) -> Outcome:
    """Read what `outcome_as_dict` wrote.

    Raises:
        KeyError, ValueError: it is no outcome.
    """
    if "error" in said:
        error = said["error"]
        status = error.get("status")
        return ModelFailure(
            kind=error["kind"],
            detail=error["detail"],
            latency_ms=float(said["latency_ms"]),
            status=None if status is None else int(status),
            problem=error.get("problem"),
        )
    return Prediction(
        label=said["label"],
        confidence=float(said["confidence"]),
        probabilities={label: float(p) for label, p in said["probabilities"].items()},
        abstained=bool(said["abstained"]),
        pages=int(said["pages"]),
        model_sha256=said["model_sha256"],
        latency_ms=float(said["latency_ms"]),
        timings_ms={name: float(ms) for name, ms in said["timings_ms"].items()},
    )
