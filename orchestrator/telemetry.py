"""Logs and metrics of each attempt: one structured log line and one line of metrics.

Metrics are log lines in CloudWatch's embedded metric format, which costs no call. Their dimension `service` is the
name of the stack. Each document counts once under each of the following names, whatever the number of attempts:

    Documents           when its record is first written
    Complete, Partial, Rejected, Failed
                        when the record reaches the status
    Unanimous, Majority, Split
                        when the verdict reaches the agreement
    NeedsReview         when the verdict starts to need review
    EventLatency        from S3's time of the event to the first record

Each attempt emits:

    HandlerLatency      if it wrote a record: from the handler's start to the write; the target is three seconds
    RepeatedEvents      count, if it wrote nothing because the record was already final
    PatientAttempts     count, if it had a longer budget than usual, in which case it emits no latencies
    v1.Latency          for each version that it called: duration of the call
    v1.Error, v1.timeout, v1.unreachable …
                        count, for each call that failed: in total and by kind
    v1.Fault            count, for each call that failed because the version is faulty: it returned an error or invalid
                        data. Load, lost connections and unreadable documents do not count
    v1.Dissent          for each prediction that it wrote with a verdict: 100 if its label differs from the verdict's,
                        else 0; the average is a percentage
    PromiseBroken       if a policy was promoted: 1 if audits showed that the promise of the policy before was broken,
                        so that the one in force replaced it automatically, else 0
    Converter.Latency   if the document was converted: duration of the conversion
    Converter.Error, Converter.timeout …
        count, if it could not be converted: in total (without rejected documents) and by kind

Each message of a queue that ended without a record emits:

    Unfinished          count, with the dimension `function_version` as well, so that an alarm distinguishes a new
                        version of the function from the old one during a rollout
"""

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from orchestrator.pipeline import Attempt
from records.outcomes import ModelFailure
from records.policy import Policy
from records.record import Record

_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "triptych")
"""Name of the stack, so that the metrics of two stacks in one account stay separate."""

_NAMESPACE = "Triptych"

_FAULTS = {"failed", "invalid_answer"}
"""Kinds of failures that only a broken version causes."""

logger = Logger(service=_SERVICE)
metrics = Metrics(namespace=_NAMESPACE, service=_SERVICE)


def record_summary(record: Record) -> dict[str, Any]:
    """Return which document a record describes and how far it is classified."""
    label = record.verdict.label if record.verdict else None
    keys = {"document": record.upload.document, "sequencer": record.upload.sort_key}
    return {**keys, "status": str(record.status), "final": record.final, "label": label}


def log_attempt(attempt: Attempt, *, handler_ms: float, event_ms: float) -> None:
    """Write the log line of an attempt.

    Args:
        attempt: The attempt.
        handler_ms: Milliseconds from the handler's start to now, after the write.
        event_ms: Milliseconds from S3's time of the event to now.
    """
    record = attempt.record
    converter = {"converter_ms": round(attempt.conversion.latency_ms, 1)} if attempt.conversion else {}
    logger.info(
        "classified" if attempt.written else "already classified",
        extra={
            **record_summary(record),
            "trace_id": record.trace_id,
            "policy": record.policy,
            "handler_ms": round(handler_ms, 1),
            "event_to_written_ms": round(event_ms, 1),
            "models_ms": {version: round(outcome.latency_ms, 1) for version, outcome in attempt.outcomes.items()},
            **converter,
        },
    )


def emit_metrics(attempt: Attempt, *, handler_ms: float, event_ms: float) -> None:
    """Write the metrics of an attempt.

    Args:
        attempt: The attempt.
        handler_ms: Milliseconds from the handler's start to now, after the write.
        event_ms: Milliseconds from S3's time of the event to now.
    """
    with_latencies = not attempt.patient  # they would distort those of ordinary documents
    if attempt.patient:
        _add_counts("PatientAttempts")
    for version, outcome in attempt.outcomes.items():
        if with_latencies:
            _add_duration(f"{version}.Latency", outcome.latency_ms)
        if isinstance(outcome, ModelFailure):
            _add_counts(f"{version}.Error", f"{version}.{outcome.kind}")
            if outcome.kind in _FAULTS:
                _add_counts(f"{version}.Fault")
        elif attempt.written and (verdict := attempt.record.verdict):
            dissent = 100 if outcome.label != verdict.label else 0
            metrics.add_metric(name=f"{version}.Dissent", unit=MetricUnit.Percent, value=dissent)
    _add_conversion(attempt, with_latencies=with_latencies)
    _add_promise(attempt.policy)
    if attempt.written:
        if with_latencies:
            _add_duration("HandlerLatency", handler_ms)
        _add_counts(*sorted(_milestones(attempt.record) - _milestones(attempt.replaced)))
        if with_latencies and attempt.replaced is None:
            _add_duration("EventLatency", event_ms)
    else:
        _add_counts("RepeatedEvents")
    metrics.flush_metrics()


def count_unfinished(function_version: str) -> None:
    """Count a message without a record. Lambda counts no error, because the message only returns to the queue.

    Args:
        function_version: The version of the function that processed it.
    """
    dimensions = {"service": _SERVICE}
    with single_metric(
        name="Unfinished", unit=MetricUnit.Count, value=1, namespace=_NAMESPACE, default_dimensions=dimensions
    ) as metric:
        metric.add_dimension("function_version", function_version)


def _add_conversion(attempt: Attempt, *, with_latencies: bool) -> None:
    if attempt.conversion is None:
        return
    if with_latencies:
        _add_duration("Converter.Latency", attempt.conversion.latency_ms)
    if isinstance(attempt.conversion, ModelFailure):
        _add_counts(f"Converter.{attempt.conversion.kind}")
        if attempt.conversion.kind != "rejected":
            _add_counts("Converter.Error")


def _add_promise(policy: Policy | None) -> None:
    if policy and policy.number:
        metrics.add_metric(name="PromiseBroken", unit=MetricUnit.Count, value=int(bool(policy.widened_from)))


def _milestones(record: Record | None) -> set[str]:
    """Return the names of the counts that a document has contributed to once this record is written."""
    if record is None:
        return set()
    names = {"Documents", str(record.status).capitalize()}
    if record.verdict:
        names.add(str(record.verdict.agreement).capitalize())
        if record.verdict.needs_review:
            names.add("NeedsReview")
    return names


def _add_counts(*names: str) -> None:
    for name in names:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)


def _add_duration(name: str, milliseconds: float) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Milliseconds, value=milliseconds)
