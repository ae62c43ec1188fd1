"""Protects: the entry point connects bucket, versions and table, and reports to AWS what to deliver again."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from subprocess import run
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote_plus

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.conditions import Key
from moto import mock_aws

from orchestrator import handler as entry
from orchestrator.errors import IncompleteRecords
from records.errors import MalformedEvent
from testkit.template import table_definition
from tests.support.events import example_event, sns_event, sns_message
from tests.support.servers import Behaviour, Request, Server, serving, valid_answer
from tests.support.uploads import policy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3.client import S3Client


@dataclass
class Context:
    """What Lambda passes to an invocation."""

    function_name: str = "orchestrator"
    function_version: str = "7"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:orchestrator:live"
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"
    remaining_ms: int = 15_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


CONTEXT = cast(LambdaContext, Context())


def agree(request: Request) -> None:
    request.answer(valid_answer(request.path.split("/")[1]))


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Three versions behind one address, as behind the load balancer. By default, they agree."""
    with serving(agree) as server:
        endpoints = {version: f"{server.url}/{version}" for version in ("v1", "v2", "v3")}
        for name, value in {
            "TABLE_NAME": "records",
            "MODEL_ENDPOINTS": json.dumps(endpoints),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        entry.orchestrator.cache_clear()
        with mock_aws(config={"core": {"passthrough": {"urls": [f"{server.url}/.*"]}}}):
            yield server
        entry.orchestrator.cache_clear()


@pytest.fixture
def inbox(services: Server) -> "S3Client":
    client = boto3.client("s3")
    client.create_bucket(Bucket="documents")
    return client


@pytest.fixture
def records(services: Server) -> "Table":
    return boto3.resource("dynamodb").create_table(**table_definition("records"))


def put(inbox: "S3Client", key: str = "from Zürich/50% off+tax.pdf") -> dict[str, Any]:
    """Store a document and return the event that S3 would send."""
    etag = inbox.put_object(Bucket="documents", Key=key, Body=b"%PDF-")["ETag"]
    event = example_event("s3_put")
    event["Records"][0]["s3"]["object"] |= {"key": quote_plus(key), "eTag": etag, "versionId": None}
    return event


def test_upload_is_stored_as_one_item_with_three_predictions(inbox: "S3Client", records: "Table") -> None:
    answer = entry.handler(put(inbox), CONTEXT)
    [item] = records.scan()["Items"]
    assert item["document"] == "documents/from Zürich/50% off+tax.pdf"
    assert (item["status"], item["label"], item["agreement"]) == ("COMPLETE", "invoice", "unanimous")
    assert sorted(cast(dict[str, Any], item["predictions"])) == ["v1", "v2", "v3"]
    assert answer["records"][0]["status"] == "COMPLETE"


def test_partial_record_is_written_before_lambda_retries(inbox: "S3Client", records: "Table", services: Server) -> None:
    event = put(inbox)
    services.behaviour = down("v2")
    with pytest.raises(IncompleteRecords, match="PARTIAL"):
        entry.handler(event, CONTEXT)
    assert [item["status"] for item in records.scan()["Items"]] == ["PARTIAL"]
    services.behaviour = agree
    assert entry.handler(event, CONTEXT)["records"][0]["status"] == "COMPLETE"
    assert [item["revision"] for item in records.scan()["Items"]] == [2]


def test_partial_record_of_a_deleted_object_is_not_retried(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    event = put(inbox)
    services.behaviour = down("v2")
    with pytest.raises(IncompleteRecords):
        entry.handler(event, CONTEXT)
    inbox.delete_object(Bucket="documents", Key="from Zürich/50% off+tax.pdf")
    [summary] = entry.handler(event, CONTEXT)["records"]
    assert (summary["status"], summary["final"]) == ("PARTIAL", True)
    [item] = cast(list[dict[str, Any]], records.scan()["Items"])
    assert (item["reason"]["kind"], set(item["predictions"])) == ("deleted", {"v1", "v2", "v3"})


@pytest.mark.parametrize(("remaining_ms", "longest_ms"), [(60_000, 26_700), (15_000, 13_700)])
def test_budget_in_the_event_is_limited_by_the_timeout_of_the_function(
    inbox: "S3Client", records: "Table", services: Server, remaining_ms: int, longest_ms: int
) -> None:
    timeouts: list[int] = []

    def behave(request: Request) -> None:
        timeouts.append(int(request.headers["X-Timeout-Ms"]))
        agree(request)

    services.behaviour = behave
    context = cast(LambdaContext, Context(remaining_ms=remaining_ms))
    entry.handler({**put(inbox), "budget_seconds": 27}, context)
    assert len(timeouts) == 3
    assert all(longest_ms - 3000 < timeout <= longest_ms for timeout in timeouts)


@pytest.mark.parametrize(("queued", "status"), [(False, 408), (True, 408), (False, 504)])
def test_slow_document_ends_at_the_third_delivery(
    inbox: "S3Client", records: "Table", services: Server, queued: bool, status: int
) -> None:
    """No redrive is needed. Services before 0.3 answer 504."""

    def decode(request: Request) -> None:
        if int(request.headers["X-Timeout-Ms"]) < 20_000:
            request.answer({"type": "urn:triptych:problem:deadline-exceeded", "detail": "No response in time."}, status)
        else:
            request.answer({"type": "urn:triptych:problem:decoder-timeout", "detail": "Not decoded in 20 s."}, 422)

    services.behaviour = decode
    event = put(inbox)
    context = cast(LambdaContext, Context(remaining_ms=30_000))
    for _ in range(2):
        if queued:
            assert len(entry.handler(queue_event(event), context)["batchItemFailures"]) == 1
        else:
            with pytest.raises(IncompleteRecords):
                entry.handler(event, context)
    entry.handler(queue_event(event) if queued else event, context)
    [item] = cast(list[dict[str, Any]], records.scan()["Items"])
    assert (item["status"], item["reason"]["kind"], item["revision"]) == ("REJECTED", "too-slow", 3)


def test_document_rejected_by_every_version_is_not_retried(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    services.behaviour = lambda request: request.answer({"detail": "the PDF is encrypted"}, 422)
    assert entry.handler(put(inbox), CONTEXT)["records"][0]["status"] == "REJECTED"
    [item] = records.scan()["Items"]
    assert item["reason"] == {"kind": "unreadable", "detail": "the PDF is encrypted"}


def down(version: str) -> Behaviour:
    """Return a behaviour in which one version closes every connection and the others agree."""
    return lambda request: request.drop() if request.path.startswith(f"/{version}/") else agree(request)


def queue_event(*bodies: dict[str, Any] | str) -> dict[str, Any]:
    """Return the event of a queue with messages of these bodies."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    records = [
        {"messageId": f"message-{number}", "eventSource": "aws:sqs", "body": text} for number, text in enumerate(texts)
    ]
    return {"Records": records}


def test_queue_batch_reports_only_the_failed_messages(inbox: "S3Client", records: "Table", services: Server) -> None:
    good, test_event = put(inbox, "good.pdf"), example_event("s3_test_event")
    answer = entry.handler(queue_event(good, "no JSON", {"hello": "world"}, test_event, "[1]"), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": f"message-{number}"} for number in (1, 2, 4)]}
    assert [item["status"] for item in records.scan()["Items"]] == ["COMPLETE"]


def unfinished(output: str) -> list[dict[str, Any]]:
    """Return the metrics named Unfinished in a log."""
    lines = [json.loads(line) for line in output.splitlines() if '"CloudWatchMetrics"' in line]
    return [line for line in lines if "Unfinished" in line]


def test_message_without_a_record_is_counted_by_version_of_the_function(
    inbox: "S3Client", records: "Table", capsys: pytest.CaptureFixture[str]
) -> None:
    """Lambda counts no error. The rollout of a broken version of the function would go unnoticed."""
    event = queue_event(put(inbox))
    records.delete()
    assert len(entry.handler(event, CONTEXT)["batchItemFailures"]) == 1
    [line] = unfinished(capsys.readouterr().out)
    assert (line["function_version"], line["Unfinished"]) == ("7", [1.0])
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert set(directive["Dimensions"][0]) == {"service", "function_version"}


def test_partial_record_and_malformed_message_do_not_count_against_the_function(
    inbox: "S3Client", records: "Table", services: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    services.behaviour = down("v2")
    assert len(entry.handler(queue_event(put(inbox), "no JSON"), CONTEXT)["batchItemFailures"]) == 2
    assert not unfinished(capsys.readouterr().out)


def test_message_of_a_partial_record_is_redelivered_and_completes_it(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    event = queue_event(put(inbox))
    services.behaviour = down("v2")
    assert len(entry.handler(event, CONTEXT)["batchItemFailures"]) == 1
    services.behaviour = agree
    assert entry.handler(event, CONTEXT) == {"batchItemFailures": []}
    assert [(item["status"], item["revision"]) for item in records.scan()["Items"]] == [("COMPLETE", 2)]


@pytest.mark.parametrize("queued", [False, True])
def test_eventbridge_event_is_classified(inbox: "S3Client", records: "Table", queued: bool) -> None:
    etag = put(inbox)["Records"][0]["s3"]["object"]["eTag"]
    event = example_event("eventbridge_object_created")
    event["detail"]["object"] |= {"etag": etag, "version-id": ""}
    entry.handler(queue_event(event) if queued else event, CONTEXT)
    [item] = records.scan()["Items"]
    assert (item["key"], item["status"]) == ("from Zürich/50% off+tax.pdf", "COMPLETE")


@pytest.mark.parametrize("queued", [False, True])
def test_notification_wrapped_by_sns_is_classified(inbox: "S3Client", records: "Table", queued: bool) -> None:
    event = put(inbox)
    entry.handler(queue_event(sns_message(event)) if queued else sns_event(event), CONTEXT)
    [item] = records.scan()["Items"]
    assert (item["key"], item["status"]) == ("from Zürich/50% off+tax.pdf", "COMPLETE")


def test_event_without_a_size_is_classified(inbox: "S3Client", records: "Table") -> None:
    inbox.put_object(Bucket="documents", Key="scan.pdf", Body=b"%PDF-")
    event = example_event("s3_put_without_size")
    event["Records"][0]["s3"]["bucket"]["name"] = "documents"
    event["Records"][0]["s3"]["object"]["key"] = "scan.pdf"
    assert entry.handler(event, CONTEXT)["records"][0]["status"] == "COMPLETE"
    [item] = records.scan()["Items"]
    assert item["size"] == 5


def batch(**changes: Any) -> dict[str, Any]:
    event = example_event("s3_batch_operations")
    event["tasks"][0] |= changes
    return event


def test_batch_task_creates_one_record(inbox: "S3Client", records: "Table", services: Server) -> None:
    put(inbox)
    for _ in range(2):
        answer = entry.handler(batch(), CONTEXT)
        assert (answer["invocationSchemaVersion"], answer["treatMissingKeysAs"]) == ("2.0", "PermanentFailure")
        [result] = answer["results"]
        assert result == {"taskId": "dGFza2lkZ29lc2hlcmUK", "resultCode": "Succeeded", "resultString": "COMPLETE"}
    [item] = records.scan()["Items"]
    assert (item["status"], item["backfilled"], item["revision"]) == ("COMPLETE", True, 1)
    assert len(services.requests) == 3


def test_batch_task_of_a_recorded_upload_creates_no_record(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    entry.handler(put(inbox), CONTEXT)
    entry.handler(batch(), CONTEXT)
    assert len(records.scan()["Items"]) == 1
    assert len(services.requests) == 3


def test_batch_result_distinguishes_permanent_from_temporary_failures(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    [gone] = entry.handler(batch(s3Key="gone.pdf"), CONTEXT)["results"]
    assert gone["resultCode"] == "PermanentFailure"
    put(inbox)
    services.behaviour = down("v1")
    [partial] = entry.handler(batch(), CONTEXT)["results"]
    assert (partial["resultCode"], partial["resultString"]) == ("TemporaryFailure", "PARTIAL")


def test_test_event_of_s3_stores_nothing(records: "Table") -> None:
    event = example_event("s3_test_event")
    assert entry.handler(event, CONTEXT) == {"records": []}
    assert records.scan()["Items"] == []


def test_malformed_event_raises(services: Server) -> None:
    with pytest.raises(MalformedEvent):
        entry.handler({"hello": "world"}, CONTEXT)


def test_each_attempt_is_logged_once_with_both_latencies(
    inbox: "S3Client", records: "Table", caplog: pytest.LogCaptureFixture
) -> None:
    entry.handler(put(inbox), CONTEXT)
    [line] = [vars(entry) for entry in caplog.records if entry.message == "classified"]
    assert line["status"] == "COMPLETE"
    assert line["handler_ms"] >= 0
    since_event = line["created"] - datetime.fromisoformat("2026-11-22T12:00:00.123Z").timestamp()
    assert line["event_to_written_ms"] == pytest.approx(since_event * 1000, abs=2000)
    assert sorted(line["models_ms"]) == ["v1", "v2", "v3"]


def emitted(capsys: pytest.CaptureFixture[str]) -> dict[str, list[float]]:
    """Return the values of each metric written since the last call."""
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines() if '"CloudWatchMetrics"' in text]
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Triptych", [["service"]])
    return {metric["Name"]: line[metric["Name"]] for metric in directive["Metrics"]}


def test_metrics_are_written_in_the_embedded_metric_format(
    inbox: "S3Client", records: "Table", services: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    services.behaviour = down("v3")
    with pytest.raises(IncompleteRecords):
        entry.handler(put(inbox), CONTEXT)
    values = emitted(capsys)
    assert {"Partial", "Majority", "HandlerLatency", "EventLatency", "v3.Error", "v3.unreachable"} <= set(values)
    assert values["v1.Latency"][0] > 0
    assert values["Documents"] == [1.0]


def test_repeated_event_is_counted_as_such_and_changes_no_other_metric(
    inbox: "S3Client", records: "Table", capsys: pytest.CaptureFixture[str]
) -> None:
    event = put(inbox)
    entry.handler(event, CONTEXT)
    emitted(capsys)
    entry.handler(event, CONTEXT)
    assert emitted(capsys) == {"RepeatedEvents": [1.0]}


def test_function_imports_no_package_of_the_services() -> None:
    program = (
        "import sys, orchestrator.handler\n"
        "heavy = {'torch', 'numpy', 'PIL', 'fastapi', 'openvino', 'model_service', 'triptych'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_policy_in_the_table_is_applied(inbox: "S3Client", records: "Table") -> None:
    records.put_item(Item=policy(1, weights={"v2": 1.0}, champion="v2").to_item())
    assert is_applied(inbox, records, "p1")


def test_invalid_policy_is_logged_and_the_previous_one_is_applied(
    inbox: "S3Client", records: "Table", caplog: pytest.LogCaptureFixture
) -> None:
    records.put_item(Item=policy(1).to_item())
    records.put_item(Item={**policy(2).to_item(), "weights": {"v1": -1}})
    assert is_applied(inbox, records, "p1")
    assert "skipped invalid policy 000000000002: the weight of v1" in caplog.text


def is_applied(inbox: "S3Client", records: "Table", policy_id: str) -> bool:
    """Return whether the policy is applied, perhaps not to the first document: none waits long for a policy."""
    for number in range(50):
        entry.handler(put(inbox, f"{number}.pdf"), CONTEXT)
        [item] = records.query(KeyConditionExpression=Key("document").eq(f"documents/{number}.pdf"))["Items"]
        if item["policy"] == policy_id:
            return True
    return False
