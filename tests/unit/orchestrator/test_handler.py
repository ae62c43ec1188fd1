"""Protects: the entry point wires bucket, versions and table together, and tells Lambda what to deliver again."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
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
from tests.support.servers import Behaviour, Request, Server, serving, truth
from tests.support.uploads import policy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3.client import S3Client

EVENTS = Path(__file__).parents[2] / "events"


@dataclass
class Context:
    """What Lambda tells of an invocation."""

    function_name: str = "orchestrator"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:orchestrator:live"
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"


CONTEXT = cast(LambdaContext, Context())


def agree(request: Request) -> None:
    request.answer(truth(request.path.split("/")[1]))


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Three versions behind one address, as behind the load balancer; they agree until told otherwise."""
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
    """Store a document and give the event that S3 would send."""
    etag = inbox.put_object(Bucket="documents", Key=key, Body=b"%PDF-")["ETag"]
    event = json.loads((EVENTS / "s3_put.json").read_text())
    event["Records"][0]["s3"]["object"] |= {"key": quote_plus(key), "eTag": etag, "versionId": None}
    assert isinstance(event, dict)
    return event


def test_an_upload_ends_in_one_item_with_three_predictions(inbox: "S3Client", records: "Table") -> None:
    answer = entry.handler(put(inbox), CONTEXT)
    [item] = records.scan()["Items"]
    assert item["document"] == "documents/from Zürich/50% off+tax.pdf"
    assert (item["status"], item["label"], item["agreement"]) == ("COMPLETE", "invoice", "unanimous")
    assert sorted(cast(dict[str, Any], item["predictions"])) == ["v1", "v2", "v3"]
    assert answer["records"][0]["status"] == "COMPLETE"


def test_a_partial_record_is_written_before_lambda_is_asked_to_try_again(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    event = put(inbox)
    services.behaviour = down("v2")
    with pytest.raises(IncompleteRecords, match="PARTIAL"):
        entry.handler(event, CONTEXT)
    assert [item["status"] for item in records.scan()["Items"]] == ["PARTIAL"]
    services.behaviour = agree
    assert entry.handler(event, CONTEXT)["records"][0]["status"] == "COMPLETE"
    assert [item["revision"] for item in records.scan()["Items"]] == [2]


def test_a_partial_document_that_was_deleted_is_delivered_no_more(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    event = put(inbox)
    services.behaviour = down("v2")
    with pytest.raises(IncompleteRecords):
        entry.handler(event, CONTEXT)
    inbox.delete_object(Bucket="documents", Key="from Zürich/50% off+tax.pdf")
    [told] = entry.handler(event, CONTEXT)["records"]
    assert (told["status"], told["final"]) == ("PARTIAL", True)
    [item] = cast(list[dict[str, Any]], records.scan()["Items"])
    assert (item["reason"]["kind"], set(item["predictions"])) == ("deleted", {"v1", "v2", "v3"})


def test_a_document_that_every_version_refuses_is_rejected_and_not_tried_again(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    services.behaviour = lambda request: request.answer({"detail": "the PDF is encrypted"}, 422)
    assert entry.handler(put(inbox), CONTEXT)["records"][0]["status"] == "REJECTED"
    [item] = records.scan()["Items"]
    assert item["reason"] == {"kind": "unreadable", "detail": "the PDF is encrypted"}


def down(version: str) -> Behaviour:
    """A version that closes every connection; the others agree."""
    return lambda request: request.drop() if request.path.startswith(f"/{version}/") else agree(request)


def in_queue(*bodies: dict[str, Any] | str) -> dict[str, Any]:
    """The event with which Lambda hands over messages of these bodies."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    records = [
        {"messageId": f"message-{number}", "eventSource": "aws:sqs", "body": text} for number, text in enumerate(texts)
    ]
    return {"Records": records}


def test_messages_that_are_done_leave_the_queue_and_the_others_come_again(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    good, test_event = put(inbox, "good.pdf"), json.loads((EVENTS / "s3_test_event.json").read_text())
    answer = entry.handler(in_queue(good, "no JSON", {"hello": "world"}, test_event, "[1]"), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": f"message-{number}"} for number in (1, 2, 4)]}
    assert [item["status"] for item in records.scan()["Items"]] == ["COMPLETE"]


def test_a_message_whose_record_is_partial_comes_again_and_completes_it(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    event = in_queue(put(inbox))
    services.behaviour = down("v2")
    assert len(entry.handler(event, CONTEXT)["batchItemFailures"]) == 1
    services.behaviour = agree
    assert entry.handler(event, CONTEXT) == {"batchItemFailures": []}
    assert [(item["status"], item["revision"]) for item in records.scan()["Items"]] == [("COMPLETE", 2)]


@pytest.mark.parametrize("queued", [False, True])
def test_eventbridge_s_events_are_uploads_too(inbox: "S3Client", records: "Table", queued: bool) -> None:
    etag = put(inbox)["Records"][0]["s3"]["object"]["eTag"]
    event = json.loads((EVENTS / "eventbridge_object_created.json").read_text())
    event["detail"]["object"] |= {"etag": etag, "version-id": ""}
    entry.handler(in_queue(event) if queued else event, CONTEXT)
    [item] = records.scan()["Items"]
    assert (item["key"], item["status"]) == ("from Zürich/50% off+tax.pdf", "COMPLETE")


def batch(**changes: Any) -> dict[str, Any]:
    event = json.loads((EVENTS / "s3_batch_operations.json").read_text())
    event["tasks"][0] |= changes
    assert isinstance(event, dict)
    return event


def test_a_backfilled_object_gets_a_record_once(inbox: "S3Client", records: "Table", services: Server) -> None:
    put(inbox)
    for _ in range(2):
        answer = entry.handler(batch(), CONTEXT)
        assert (answer["invocationSchemaVersion"], answer["treatMissingKeysAs"]) == ("2.0", "PermanentFailure")
        [result] = answer["results"]
        assert result == {"taskId": "dGFza2lkZ29lc2hlcmUK", "resultCode": "Succeeded", "resultString": "COMPLETE"}
    [item] = records.scan()["Items"]
    assert (item["status"], item["backfilled"], item["revision"]) == ("COMPLETE", True, 1)
    assert len(services.requests) == 3


def test_an_upload_that_has_its_record_is_not_backfilled_again(
    inbox: "S3Client", records: "Table", services: Server
) -> None:
    entry.handler(put(inbox), CONTEXT)
    entry.handler(batch(), CONTEXT)
    assert len(records.scan()["Items"]) == 1
    assert len(services.requests) == 3


def test_a_task_says_whether_trying_again_may_help(inbox: "S3Client", records: "Table", services: Server) -> None:
    [gone] = entry.handler(batch(s3Key="gone.pdf"), CONTEXT)["results"]
    assert gone["resultCode"] == "PermanentFailure"
    put(inbox)
    services.behaviour = down("v1")
    [partial] = entry.handler(batch(), CONTEXT)["results"]
    assert (partial["resultCode"], partial["resultString"]) == ("TemporaryFailure", "PARTIAL")


def test_s3_s_test_event_stores_nothing(records: "Table") -> None:
    event = json.loads((EVENTS / "s3_test_event.json").read_text())
    assert entry.handler(event, CONTEXT) == {"records": []}
    assert records.scan()["Items"] == []


def test_what_is_no_notification_goes_back_to_lambda(services: Server) -> None:
    with pytest.raises(MalformedEvent):
        entry.handler({"hello": "world"}, CONTEXT)


def test_each_document_is_one_line_in_the_log_with_both_latencies(
    inbox: "S3Client", records: "Table", caplog: pytest.LogCaptureFixture
) -> None:
    entry.handler(put(inbox), CONTEXT)
    [line] = [vars(entry) for entry in caplog.records if entry.message == "classified"]
    assert line["status"] == "COMPLETE"
    assert line["handler_ms"] >= 0
    since_event = line["created"] - datetime.fromisoformat("2026-11-22T12:00:00.123Z").timestamp()
    assert line["event_to_written_ms"] == pytest.approx(since_event * 1000, abs=2000)
    assert sorted(line["models_ms"]) == ["v1", "v2", "v3"]


def test_each_document_is_counted_and_timed_in_the_embedded_metric_format(
    inbox: "S3Client", records: "Table", services: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    services.behaviour = down("v3")
    with pytest.raises(IncompleteRecords):
        entry.handler(put(inbox), CONTEXT)
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines() if '"CloudWatchMetrics"' in text]
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Triptych", [["service"]])
    names = {metric["Name"] for metric in directive["Metrics"]}
    assert {"Documents", "Partial", "Majority", "HandlerLatency", "EventLatency", "v3.Error", "v3.unreachable"} <= names
    assert line["v1.Latency"][0] > 0
    assert line["Documents"] == [1.0]


def test_the_function_loads_nothing_that_only_the_services_need() -> None:
    program = (
        "import sys, orchestrator.handler\n"
        "heavy = {'torch', 'numpy', 'PIL', 'fastapi', 'openvino', 'model_service', 'triptych'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "built"), [("_HANDLER", 1), ("HANDLER", 0)])
def test_in_lambda_the_clients_are_there_before_the_first_event(services: Server, name: str, built: int) -> None:
    program = (
        "from orchestrator.handler import orchestrator\n"
        f"assert orchestrator.cache_info().currsize == {built}, orchestrator.cache_info()"
    )
    environment = {**os.environ, name: "orchestrator.handler.handler"}
    done = run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_policy_in_the_table_is_the_one_that_decides(inbox: "S3Client", records: "Table") -> None:
    records.put_item(Item=policy(1, weights={"v2": 1.0}, champion="v2").to_item())
    assert decided_under(inbox, records, "p1")


def test_a_policy_that_makes_no_sense_is_logged_and_the_one_before_it_holds(
    inbox: "S3Client", records: "Table", caplog: pytest.LogCaptureFixture
) -> None:
    records.put_item(Item=policy(1).to_item())
    records.put_item(Item={**policy(2).to_item(), "weights": {"v1": -1}})
    assert decided_under(inbox, records, "p1")
    assert "the policy 000000000002 makes no sense: the weight of v1" in caplog.text


def decided_under(inbox: "S3Client", records: "Table", wanted: str) -> bool:
    """Whether a document is decided under the policy: perhaps not the first, for none waits long for it."""
    for number in range(50):
        entry.handler(put(inbox, f"{number}.pdf"), CONTEXT)
        [item] = records.query(KeyConditionExpression=Key("document").eq(f"documents/{number}.pdf"))["Items"]
        if item["policy"] == wanted:
            return True
    return False
