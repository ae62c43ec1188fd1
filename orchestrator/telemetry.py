"""What an operator sees of each document: one structured log line, and one line of metrics.

Metrics go to the log in CloudWatch's embedded metric format, which costs no call. All carry the dimension `service`,
which is the stack's name:

    Documents, Complete, Partial, Rejected, Failed          count
    Unanimous, Majority, Split, NeedsReview                 count
    HandlerLatency      from the handler's start to the written record (ours: three seconds)
    EventLatency        from S3's time of the event to the written record
    v1.Latency          the version's call, answered or not
    v1.Error, v1.timeout, v1.unreachable …                  count, in all and by kind
"""

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from records.outcomes import ModelFailure
from records.record import Record

_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "triptych")
"""The stack's name, so that two stacks in one account do not mix their numbers."""

logger = Logger(service=_SERVICE)
metrics = Metrics(namespace="Triptych", service=_SERVICE)


def summary(record: Record) -> dict[str, Any]:
    """Which document, and what became of it."""
    label = record.verdict.label if record.verdict else None
    keys = {"document": record.upload.document, "sequencer": record.upload.sort_key}
    return {**keys, "status": str(record.status), "final": record.final, "label": label}


def report(record: Record, *, handler_ms: float, event_ms: float) -> None:
    """Tell of one written record. Both latencies end after the write, which the record's own cannot."""
    logger.info(
        "classified",
        extra={
            **summary(record),
            "trace_id": record.trace_id,
            "policy": record.policy,
            "handler_ms": round(handler_ms, 1),
            "event_to_written_ms": round(event_ms, 1),
            "models_ms": {name: round(said.latency_ms, 1) for name, said in record.predictions.items()},
        },
    )
    _count("Documents", str(record.status).capitalize())
    _time("HandlerLatency", handler_ms)
    _time("EventLatency", event_ms)
    if record.verdict:
        _count(str(record.verdict.agreement).capitalize())
        if record.verdict.needs_review:
            _count("NeedsReview")
    for version, said in record.predictions.items():
        _time(f"{version}.Latency", said.latency_ms)
        if isinstance(said, ModelFailure):
            _count(f"{version}.Error", f"{version}.{said.kind}")
    metrics.flush_metrics()


def _count(*names: str) -> None:
    for name in names:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)


def _time(name: str, milliseconds: float) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Milliseconds, value=milliseconds)
