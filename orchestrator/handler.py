"""The Lambda's entry point: translates between AWS and the pipeline, and does nothing else.

Four kinds of caller, each with its own way to be told that something is left to do:

    S3, EventBridge        the event itself      raise: Lambda delivers it again, after a minute, then after two
    SQS                    messages of events    name the messages: the queue shows them again
    S3 Batch Operations    keys, no events       a result a task: the job tries a temporary failure again
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from orchestrator.errors import IncompleteRecords, OrchestratorError
from orchestrator.events import Message, Task, from_batch, from_queue
from orchestrator.models import ModelClient
from orchestrator.pipeline import Budget, Pipeline
from orchestrator.policy_cache import PolicyCache
from orchestrator.settings import OrchestratorSettings
from orchestrator.telemetry import logger, report, summary
from records.documents import DocumentStore
from records.errors import DocumentRejected, RecordsError
from records.notifications import parse_notification
from records.record import Record
from records.table import PolicyTable, RecordTable
from records.uploads import Upload

_AWS = Config(
    connect_timeout=0.5, read_timeout=1.0, retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=4
)
"""The SDK's own timeouts are a minute: one lost packet would cost the whole budget."""


class Orchestrator:
    """Everything that outlives an invocation: clients, connections, and the pipeline on top of them."""

    def __init__(self, settings: OrchestratorSettings) -> None:
        self.documents = DocumentStore(boto3.client("s3", config=_AWS), max_bytes=settings.max_bytes)
        table = boto3.resource("dynamodb", config=_AWS).Table(settings.table_name)
        self._pipeline = Pipeline(
            self.documents,
            ModelClient(settings.endpoints, time.monotonic),
            RecordTable(table),
            PolicyCache(PolicyTable(table).newest, now=_now, fresh=settings.policy_fresh),
            budget=Budget(settings.deadline_s, settings.write_reserve_s),
            clock=time.monotonic,
            now=_now,
        )

    def classify(self, upload: Upload, trace_id: str) -> Record:
        """Bring one upload's record as far as it can be brought now, and tell of it."""
        started = time.monotonic()
        record = self._pipeline.classify(upload, trace_id=trace_id)
        since_event = _now() - upload.event_time
        report(record, handler_ms=(time.monotonic() - started) * 1000, event_ms=since_event.total_seconds() * 1000)
        return record


@cache
def orchestrator() -> Orchestrator:
    """The orchestrator of this process: built before the first event in Lambda, at the first event elsewhere."""
    return Orchestrator(OrchestratorSettings.from_environment(os.environ))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Classify every upload that an event announces.

    Returns:
        To S3 and EventBridge, who do not read it, what was stored; to SQS the messages that are to come again; to
        S3 Batch Operations a result a task.

    Raises:
        MalformedEvent: neither of these. Lambda delivers it again and then keeps it in the on-failure queue.
        IncompleteRecords: stored, but PARTIAL or FAILED: Lambda's retry asks the missing versions.
    """
    trace_id = os.environ.get("_X_AMZN_TRACE_ID") or context.aws_request_id
    if (tasks := from_batch(event)) is not None:
        return _answer_batch(event, [_do_task(task, trace_id) for task in tasks])
    if (messages := from_queue(event)) is not None:
        again = [message.id for message in messages if not _is_done(message, trace_id)]
        return {"batchItemFailures": [{"itemIdentifier": name} for name in again]}
    stored = [orchestrator().classify(upload, trace_id) for upload in parse_notification(event)]
    _raise_if_incomplete(stored)
    return {"records": [summary(record) for record in stored]}


def _is_done(message: Message, trace_id: str) -> bool:
    """Whether a message can leave the queue. One that cannot be handled must not keep the others from it."""
    try:
        _raise_if_incomplete([orchestrator().classify(upload, trace_id) for upload in message.uploads()])
    except (OrchestratorError, RecordsError) as error:
        logger.warning("message left in the queue", extra={"message_id": message.id, "reason": str(error)})
        return False
    except Exception:
        logger.exception("message left in the queue", extra={"message_id": message.id})
        return False
    return True


def _raise_if_incomplete(stored: list[Record]) -> None:
    incomplete = [record for record in stored if not record.final]
    if incomplete:
        raise IncompleteRecords(", ".join(f"{record.upload.document} is {record.status}" for record in incomplete))


def _do_task(task: Task, trace_id: str) -> dict[str, str]:
    """One task's result: what is final succeeded, a REJECTED record too; what a retry may mend is temporary."""
    try:
        upload = orchestrator().documents.describe(task.bucket, task.key, task.version_id)
        if upload.is_folder_marker:
            return _result(task, "Succeeded", "a folder marker, no document")
        record = orchestrator().classify(upload, trace_id)
    except DocumentRejected as error:
        return _result(task, "PermanentFailure", str(error))
    except (OrchestratorError, RecordsError) as error:
        return _result(task, "TemporaryFailure", str(error))
    except Exception as error:
        logger.exception("task failed", extra={"key": task.key})
        return _result(task, "TemporaryFailure", repr(error))
    return _result(task, "Succeeded" if record.final else "TemporaryFailure", str(record.status))


def _result(task: Task, code: str, text: str) -> dict[str, str]:
    return {"taskId": task.id, "resultCode": code, "resultString": text[:1024]}


def _answer_batch(event: Mapping[str, Any], results: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "invocationSchemaVersion": event["invocationSchemaVersion"],
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": event.get("invocationId"),
        "results": results,
    }


def _now() -> datetime:
    return datetime.now(UTC)


if "_HANDLER" in os.environ:  # Lambda imports this before the first event, whose three seconds have not begun then
    orchestrator()
