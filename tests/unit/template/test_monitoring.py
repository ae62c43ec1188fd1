"""Alarms and the dashboard use existing metrics and notify the topic."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from records.record import Agreement, Status
from testkit.changes.resource_changes import references
from testkit.template import ROOT, rollout

STACK = rollout(Ingest="queue", AlarmEmail="on-call@example.com")
OTHER = rollout(ExistingBucketName="theirs", ModelRollout="Linear20PercentEvery5Minutes")
CONVERTING = rollout(OfficeFormats="convert", ConverterImageUri="registry/converter:1")
SHARED, FUNCTIONS = rollout(ModelHosting="single"), rollout(ModelHosting="lambda")
_ALARM = "AWS::CloudWatch::Alarm"
ALARMS = {
    name: alarm
    for stack in (STACK, OTHER, CONVERTING, SHARED, FUNCTIONS)
    for name, alarm in stack.of_type(_ALARM).items()
}


def metrics(alarm: dict[str, Any]) -> list[tuple[str, str]]:
    """Return namespace and name of each metric of an alarm."""
    if "Metrics" not in alarm:
        return [(alarm["Namespace"], alarm["MetricName"])]
    found = [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]
    return [(metric["Namespace"], metric["MetricName"]) for metric in found]


def orchestrator_metrics() -> set[str]:
    """Return the names of the metrics that the orchestrator sends."""
    known = {"Documents", "HandlerLatency", "EventLatency", "NeedsReview", "Unfinished", "PromiseBroken"}
    known |= {str(status).capitalize() for status in Status} | {str(value).capitalize() for value in Agreement}
    text = Path(ROOT / "orchestrator" / "telemetry.py").read_text()
    assert all(name in text for name in known)
    return known | {f"v{number}.{what}" for number in (1, 2, 3) for what in ("Latency", "Error", "Fault", "Dissent")}


@pytest.mark.parametrize("alarm", ALARMS.values(), ids=ALARMS)
def test_alarm_notifies_the_topic_and_has_a_description(alarm: dict[str, Any]) -> None:
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert len(alarm["AlarmDescription"]) > 30


@pytest.mark.parametrize("alarm", ALARMS.values(), ids=ALARMS)
def test_alarm_uses_metrics_that_the_orchestrator_sends(alarm: dict[str, Any]) -> None:
    for namespace, metric in metrics(alarm):
        if namespace == "Triptych":
            assert metric in orchestrator_metrics()


def test_alarms_are_complete() -> None:
    alarms = {re.sub(r"V[123]$", "V", name) for name in ALARMS}
    assert alarms == {
        "HandlerLatencyP99",
        "IncompleteRecords",
        "Drift",
        "DeadLetters",
        "EventsWithoutDeadLetter",
        "PromiseBroken",
        "QueueAge",
        "Throttled",
        "NewOrchestratorErrors",
        "NewOrchestratorUnfinished",
        "ServerErrorsV",
        "NoHealthyTasksV",
        "UnhealthyTasksV",
        "FaultsV",
        "LatencyV",
        "DissentV",
        "NoHealthyTargetsV",
        "FunctionThrottlesV",
        "ServerErrorsShared",
        "NoHealthyTasksShared",
        "UnhealthyTasksShared",
        "ConverterErrors",
        "NoConverter",
        "UndeliveredUploads",
        "UploadsWithoutDeadLetter",
    }


def test_queue_age_uses_the_queue_of_the_configured_ingest() -> None:
    assert metrics(STACK["QueueAge"]) == [("AWS/SQS", "ApproximateAgeOfOldestMessage")]
    assert metrics(rollout()["QueueAge"]) == [("AWS/Lambda", "AsyncEventAge")]


def test_topic_has_an_email_subscription_only_if_an_address_is_given() -> None:
    assert STACK["AlarmMail"]["Endpoint"] == "on-call@example.com"
    assert "AlarmMail" not in rollout()


@pytest.mark.parametrize("ingest", ["direct", "queue"])
@pytest.mark.parametrize("hosting", ["fargate", "single", "lambda"])
def test_dashboard_is_valid_and_uses_existing_metrics(ingest: str, hosting: str) -> None:
    stack = rollout(Ingest=ingest, ModelHosting=hosting)
    text, values = stack["Dashboard"]["DashboardBody"]["Sub"]
    assert set(references(values)) <= {*stack.resources, "AWS::Region", "AWS"}
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value["Sub"])
    body = json.loads(re.sub(r"\$\{\w[^}]*\}", "x", text))
    assert len(body["widgets"]) == 8
    for widget in body["widgets"]:
        assert widget["x"] + widget["width"] <= 24
        for metric in widget["properties"]["metrics"]:
            if metric[0] == "Triptych":
                assert metric[1] in orchestrator_metrics()
