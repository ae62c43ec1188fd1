"""Alarms and the dashboard: about numbers that exist, to somebody who hears of them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from records.record import Agreement, Status
from testkit.template import ROOT, rollout

STACK = rollout(Ingest="queue", AlarmEmail="on-call@example.com")


def metrics(alarm: dict[str, Any]) -> list[tuple[str, str]]:
    """Namespace and name of each metric that an alarm looks at."""
    if "Metrics" not in alarm:
        return [(alarm["Namespace"], alarm["MetricName"])]
    found = [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]
    return [(metric["Namespace"], metric["MetricName"]) for metric in found]


def told() -> set[str]:
    """The names of the metrics that the orchestrator sends, as its own page of them says."""
    known = {"Documents", "HandlerLatency", "EventLatency", "NeedsReview"}
    known |= {str(status).capitalize() for status in Status} | {str(value).capitalize() for value in Agreement}
    text = Path(ROOT / "orchestrator" / "telemetry.py").read_text()
    assert all(name in text for name in known)
    return known | {f"v{number}.{what}" for number in (1, 2, 3) for what in ("Latency", "Error")}


@pytest.mark.parametrize("name", STACK.of_type("AWS::CloudWatch::Alarm"))
def test_every_alarm_is_heard_and_says_what_to_do(name: str) -> None:
    alarm = STACK[name]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert len(alarm["AlarmDescription"]) > 30


@pytest.mark.parametrize("name", STACK.of_type("AWS::CloudWatch::Alarm"))
def test_what_it_counts_of_ours_is_counted(name: str) -> None:
    for namespace, metric in metrics(STACK[name]):
        if namespace == "Triptych":
            assert metric in told()


def test_there_is_an_alarm_for_what_can_go_wrong() -> None:
    alarms = {name.rstrip("123") for name in STACK.of_type("AWS::CloudWatch::Alarm")}
    assert alarms == {
        "Slow",
        "Incomplete",
        "Drift",
        "DeadLetters",
        "Waiting",
        "Throttled",
        "NewOrchestratorFails",
        "ErrorsOfV",
        "NoHealthyV",
        "UnhealthyV",
    }


def test_what_waits_is_looked_at_where_it_waits() -> None:
    assert metrics(STACK["Waiting"]) == [("AWS/SQS", "ApproximateAgeOfOldestMessage")]
    assert metrics(rollout()["Waiting"]) == [("AWS/Lambda", "AsyncEventAge")]


def test_a_mail_is_sent_where_an_address_was_given() -> None:
    assert STACK["AlarmMail"]["Endpoint"] == "on-call@example.com"
    assert "AlarmMail" not in rollout()


@pytest.mark.parametrize("ingest", ["direct", "queue"])
def test_the_dashboard_is_one_and_shows_what_there_is(ingest: str) -> None:
    text, values = rollout(Ingest=ingest)["Dashboard"]["DashboardBody"]["Sub"]
    body = json.loads(re.sub(r"\$\{\w[^}]*\}", "x", text.replace("${Waits}", values["Waits"]["Sub"])))
    assert len(body["widgets"]) == 8
    for widget in body["widgets"]:
        assert widget["x"] + widget["width"] <= 24
        for metric in widget["properties"]["metrics"]:
            if metric[0] == "Triptych":
                assert metric[1] in told()
