"""Build uploads, outcomes, records and policies for tests. Arguments override the defaults."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from records.outcomes import ModelFailure, Outcome, Prediction
from records.policy import DEFAULT_POLICY, Policy
from records.record import Record, Status
from records.uploads import Upload
from records.verdict import combine, status_of

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def upload(key: str = "inbox/invoice.pdf", **changes: Any) -> Upload:
    given: dict[str, Any] = {
        "bucket": "documents",
        "key": key,
        "sequencer": "0055AED6DCD90281E5",
        "event_time": NOON,
        "size": 5,
        "etag": "",
    }
    return Upload(**{**given, **changes})


def prediction(label: str = "invoice", confidence: float = 0.9, **changes: Any) -> Prediction:
    other = "receipt" if label == "invoice" else "invoice"
    given: dict[str, Any] = {
        "label": label,
        "confidence": confidence,
        "probabilities": {label: confidence, other: round(1 - confidence, 6)},
        "abstained": False,
        "pages": 1,
        "model_sha256": "ab" * 32,
        "latency_ms": 20.0,
        "timings_ms": {"decode": 8.0, "infer": 4.0},
    }
    return Prediction(**{**given, **changes})


def model_failure(
    kind: str = "timeout", detail: str = "no answer in time", status: int | None = None, problem: str | None = None
) -> ModelFailure:
    return ModelFailure(kind=kind, detail=detail, latency_ms=2700.0, status=status, problem=problem)


def record(outcomes: Mapping[str, Outcome], of: Upload | None = None, **changes: Any) -> Record:
    status, reason = status_of(outcomes) if outcomes else (Status.FAILED, None)
    given: dict[str, Any] = {
        "upload": of or upload(),
        "status": status,
        "predictions": outcomes,
        "verdict": combine(outcomes),
        "reason": reason,
        "classified_at": NOON,
        "latency_ms": 40.0,
        "trace_id": "Root=1-5759e988-bd862e3fe1be46a994272793",
    }
    return Record(**{**given, **changes})


class FixedPolicy:
    """A policy source whose policy needs no reading."""

    def __init__(self, policy: Policy = DEFAULT_POLICY) -> None:
        self.policy = policy

    def refresh(self) -> None:
        """Do nothing."""

    def get(self, timeout: float) -> Policy:
        return self.policy


def policy(number: int = 1, **changes: Any) -> Policy:
    given: dict[str, Any] = {
        "id": f"p{number}",
        "weights": {"v1": 1.0, "v2": 1.0, "v3": 2.0},
        "champion": "v3",
        "audit_share": 0.1,
        "by": "ann",
        "at": NOON,
        "why": "v3 finds more invoices",
    }
    return Policy(**{**given, **changes})
