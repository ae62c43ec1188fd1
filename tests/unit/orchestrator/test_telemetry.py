"""Protects: metrics count documents, not attempts."""

import json
from collections import Counter

import pytest

from orchestrator import telemetry
from orchestrator.pipeline import Pipeline
from records.errors import DocumentUnavailable
from records.policy import DEFAULT_POLICY, Policy
from tests.support.pipelines import VERSIONS, FakeDocuments, FakeModels, FakeRecords, pipeline
from tests.support.uploads import FixedPolicy, model_failure, policy, prediction, record, upload


def metrics_of(line: Pipeline, capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """Return the metrics of one attempt at an upload."""
    telemetry.emit_metrics(line.classify(upload()), handler_ms=40.0, event_ms=900.0)
    [emitted] = [json.loads(text) for text in capsys.readouterr().out.splitlines() if '"CloudWatchMetrics"' in text]
    [directive] = emitted["_aws"]["CloudWatchMetrics"]
    return {metric["Name"]: emitted[metric["Name"]][0] for metric in directive["Metrics"]}


DURATIONS = {"HandlerLatency", "EventLatency", *(f"{version}.Latency" for version in VERSIONS)}
DISSENTS = {f"{version}.Dissent" for version in VERSIONS}


def test_document_counts_once_in_all_attempts(capsys: pytest.CaptureFixture[str]) -> None:
    models = FakeModels(v3=model_failure("timeout"))
    line = pipeline(models=models)
    attempts = [metrics_of(line, capsys), metrics_of(line, capsys)]
    models.outcomes["v3"] = prediction()
    attempts += [metrics_of(line, capsys), metrics_of(line, capsys)]
    totals: Counter[str] = Counter()
    for attempt in attempts:
        totals.update(attempt.keys())
    assert {name: totals[name] for name in totals if name not in DURATIONS | DISSENTS} == {
        "Documents": 1,
        "Partial": 1,
        "Complete": 1,
        "Majority": 1,
        "Unanimous": 1,
        "v3.Error": 2,
        "v3.timeout": 2,
        "RepeatedEvents": 1,
    }
    assert {name: totals[name] for name in totals if name in DURATIONS} == {
        "HandlerLatency": 3,
        "EventLatency": 1,
        "v1.Latency": 1,
        "v2.Latency": 1,
        "v3.Latency": 3,
    }


def test_retry_reports_only_the_versions_that_it_called(capsys: pytest.CaptureFixture[str]) -> None:
    models = FakeModels(v2=model_failure("unreachable"))
    line = pipeline(models=models)
    metrics_of(line, capsys)
    models.outcomes["v2"] = prediction()
    retry = metrics_of(line, capsys)
    assert {name for name in retry if name[0] == "v"} == {"v2.Latency", "v2.Dissent"}
    assert retry["Complete"] == 1


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("failed", True), ("invalid_answer", True), ("overloaded", False), ("timeout", False), ("unreachable", False)],
)
def test_only_failures_of_a_broken_version_are_faults(
    kind: str, fault: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Faults undo the rollout of a version; load must not."""
    emitted = metrics_of(pipeline(models=FakeModels(v2=model_failure(kind))), capsys)
    assert emitted.get("v2.Fault", 0) == fault
    assert "v1.Fault" not in emitted


def test_version_that_differs_from_the_verdict_dissents(capsys: pytest.CaptureFixture[str]) -> None:
    emitted = metrics_of(pipeline(models=FakeModels(v3=prediction("letter"))), capsys)
    assert {name: emitted[name] for name in DISSENTS} == {"v1.Dissent": 0, "v2.Dissent": 0, "v3.Dissent": 100}


def test_document_that_could_not_be_read_counts_as_failed_once(capsys: pytest.CaptureFixture[str]) -> None:
    line = pipeline(FakeDocuments(DocumentUnavailable("storage-error", "slow down")))
    first, retry = metrics_of(line, capsys), metrics_of(line, capsys)
    assert set(first) == {"Documents", "Failed", "HandlerLatency", "EventLatency"}
    assert set(retry) == {"HandlerLatency"}


def test_attempt_overtaken_by_another_writer_counts_no_document(capsys: pytest.CaptureFixture[str]) -> None:
    rival = record({version: prediction() for version in VERSIONS})
    overtaken = metrics_of(pipeline(records=FakeRecords(rival=rival)), capsys)
    assert set(overtaken) == {"RepeatedEvents", *(f"{version}.Latency" for version in VERSIONS)}


def test_latencies_of_a_patient_attempt_are_not_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """They would trigger the alarm for the latency of ordinary documents."""
    attempt = pipeline().classify(upload(), budget_s=27.0)
    telemetry.emit_metrics(attempt, handler_ms=22_000.0, event_ms=900.0)
    [emitted] = [json.loads(text) for text in capsys.readouterr().out.splitlines() if '"CloudWatchMetrics"' in text]
    names = {metric["Name"] for metric in emitted["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert names == {"PatientAttempts", "Documents", "Complete", "Unanimous"} | DISSENTS


def test_verdict_that_needs_review_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    emitted = metrics_of(pipeline(models=FakeModels(v1=prediction("receipt"))), capsys)
    assert (emitted["NeedsReview"], emitted["Majority"]) == (1, 1)


def test_log_line_distinguishes_repeated_events(caplog: pytest.LogCaptureFixture) -> None:
    line = pipeline()
    for _ in range(2):
        telemetry.log_attempt(line.classify(upload()), handler_ms=40.0, event_ms=900.0)
    lines = [vars(entry) for entry in caplog.records if "classified" in entry.message]
    assert [line["message"] for line in lines] == ["classified", "already classified"]
    assert [sorted(line["models_ms"]) for line in lines] == [list(VERSIONS), []]


@pytest.mark.parametrize(
    ("in_force", "expected"),
    [(DEFAULT_POLICY, None), (policy(2), 0), (policy(2, at_most_wrong=0.01, widened_from="p1"), 1)],
)
def test_broken_promise_is_counted_until_the_next_promotion(
    in_force: Policy, expected: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    emitted = metrics_of(pipeline(policy=FixedPolicy(in_force)), capsys)
    assert emitted.get("PromiseBroken") == expected
