"""The handler: translates between AWS and the pipeline. `orchestrator.function` starts it.

Callers differ in how they learn that an upload must be processed again:

    S3, EventBridge, SNS   an event               an exception: Lambda delivers it again after one and two minutes
    SQS                    a batch of messages    a list of messages that become visible again
    S3 Batch Operations    a list of objects      one result per task: the job retries temporary failures
"""

import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, assert_never

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from orchestrator.converter import ConverterClient
from orchestrator.errors import IncompleteRecords, OrchestratorError
from orchestrator.events import BatchInvocation, BatchTask, Notification, QueueBatch, QueueMessage, parse_event
from orchestrator.models import ModelClient
from orchestrator.pipeline import Budget, Pipeline
from orchestrator.policy_cache import PolicyCache
from orchestrator.preparation import Preparation
from orchestrator.settings import OrchestratorSettings
from orchestrator.telemetry import count_unfinished, emit_metrics, log_attempt, logger, record_summary
from records.derived import DerivedObjects
from records.documents import DocumentStore
from records.errors import DocumentRejected, MalformedEvent, RecordsError
from records.record import Record
from records.table import PolicyTable, RecordTable
from records.uploads import Upload

_AWS = Config(
    connect_timeout=0.5, read_timeout=1.0, retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=4
)
"""The default timeouts of the SDK are a minute: one lost packet would cost the whole budget."""


_TIMEOUT_RESERVE_S = 1.0
"""Part of the function's timeout that a longer budget leaves, so that the record is written before the timeout."""


@dataclass(frozen=True)
class Invocation:
    """One invocation of the function.

    Attributes:
        trace_id: Its AWS trace.
        context: What Lambda passes to it.
        budget_s: Seconds for each upload that the event requests; None for the configured budget.
    """

    trace_id: str
    context: LambdaContext
    budget_s: float | None = None

    def limit(self, seconds: float) -> float:
        """Return the seconds, but at most the time that is left before Lambda ends the invocation."""
        return max(0.1, min(seconds, self.context.get_remaining_time_in_millis() / 1000 - _TIMEOUT_RESERVE_S))


class Orchestrator:
    """Everything that is kept between invocations: clients, connections and the pipeline."""

    def __init__(self, settings: OrchestratorSettings) -> None:
        self._patient_s = settings.patient_s
        table = boto3.resource("dynamodb", config=_AWS).Table(settings.table_name)
        s3 = boto3.client("s3", config=_AWS)
        converter = ConverterClient(settings.converter_url, time.monotonic) if settings.converter_url else None
        self._pipeline = Pipeline(
            DocumentStore(s3, max_bytes=settings.max_bytes, max_seconds=settings.deadline_s),
            Preparation(converter, DerivedObjects(s3), time.monotonic),
            ModelClient(settings.endpoints, time.monotonic),
            RecordTable(table, keep=settings.keep_records),
            PolicyCache(PolicyTable(table).newest, now=_now, max_age=settings.policy_max_age),
            budget=Budget(settings.deadline_s, settings.write_reserve_s),
            clock=time.monotonic,
            now=_now,
        )

    def classify(self, upload: Upload, invocation: Invocation) -> Record:
        """Complete an upload's record as far as possible, and log and count the attempt."""
        started = time.monotonic()
        attempt = self._pipeline.classify(
            upload,
            trace_id=invocation.trace_id,
            budget_s=None if invocation.budget_s is None else invocation.limit(invocation.budget_s),
            patient_s=invocation.limit(self._patient_s),
        )
        handler_ms = (time.monotonic() - started) * 1000
        event_ms = (_now() - upload.event_time).total_seconds() * 1000
        log_attempt(attempt, handler_ms=handler_ms, event_ms=event_ms)
        emit_metrics(attempt, handler_ms=handler_ms, event_ms=event_ms)
        return attempt.record

    def classify_object(self, bucket: str, key: str, version_id: str | None, invocation: Invocation) -> Record | None:
        """Like `classify`, for an object without an event. Return None if the object is not a document."""
        upload = self._pipeline.describe(bucket, key, version_id)
        return self.classify(upload, invocation) if upload.is_document else None


@cache
def orchestrator() -> Orchestrator:
    """Return the orchestrator of this process, built on first use."""
    return Orchestrator(OrchestratorSettings.from_environment(os.environ))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Classify every upload that an event announces.

    Returns:
        For SQS the messages to deliver again, for S3 Batch Operations one result per task. For other callers, which
        ignore it, a summary of the records.

    Raises:
        MalformedEvent: The event has an unknown form. After its retries, Lambda sends it to the dead-letter queue.
        IncompleteRecords: Records were written, but are PARTIAL or FAILED. The retry calls the missing versions.
    """
    invocation = Invocation(os.environ.get("_X_AMZN_TRACE_ID") or context.aws_request_id, context)
    match parse_event(event):
        case BatchInvocation() as batch:
            return _batch_answer(batch, [_run_task(task, invocation) for task in batch.tasks])
        case QueueBatch(messages):
            failed = [message.id for message in messages if not _process_message(message, invocation)]
            return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
        case Notification(uploads, budget_s):
            records = _classify_all(uploads, replace(invocation, budget_s=budget_s))
            return {"records": [record_summary(record) for record in records]}
        case unreachable:
            assert_never(unreachable)


def _classify_all(uploads: list[Upload], invocation: Invocation) -> list[Record]:
    """Classify every upload.

    Raises:
        IncompleteRecords: All records were written, but some are not final.
    """
    records = [orchestrator().classify(upload, invocation) for upload in uploads]
    incomplete = [record for record in records if not record.final]
    if incomplete:
        raise IncompleteRecords(", ".join(f"{record.upload.document} is {record.status}" for record in incomplete))
    return records


def _process_message(message: QueueMessage, invocation: Invocation) -> bool:
    """Return whether a message is done. A failure must not affect the other messages of the batch.

    A failure that is neither an incomplete record nor a malformed event is counted: in a new version of the function,
    it may be a defect of the version.
    """
    try:
        _classify_all(message.uploads(), invocation)
    except (IncompleteRecords, MalformedEvent) as error:
        logger.warning("message left in the queue", extra={"message_id": message.id, "reason": str(error)})
        return False
    except Exception:  # noqa: BLE001 -- one message must not fail the others of the batch
        logger.exception("message left in the queue", extra={"message_id": message.id})
        count_unfinished(invocation.context.function_version)
        return False
    return True


def _run_task(task: BatchTask, invocation: Invocation) -> dict[str, str]:
    """Return the result of a task: final records succeeded, REJECTED ones included; others failed temporarily."""
    try:
        record = orchestrator().classify_object(task.bucket, task.key, task.version_id, invocation)
    except DocumentRejected as error:
        return _task_result(task, "PermanentFailure", str(error))
    except (OrchestratorError, RecordsError) as error:
        return _task_result(task, "TemporaryFailure", str(error))
    except Exception as error:  # noqa: BLE001 -- S3 Batch Operations needs a result for each task
        logger.exception("task failed", extra={"key": task.key})
        return _task_result(task, "TemporaryFailure", repr(error))
    if record is None:
        return _task_result(task, "Succeeded", "a folder marker or derived pages, not a document")
    return _task_result(task, "Succeeded" if record.final else "TemporaryFailure", str(record.status))


def _task_result(task: BatchTask, code: str, text: str) -> dict[str, str]:
    return {"taskId": task.id, "resultCode": code, "resultString": text[:1024]}


def _batch_answer(invocation: BatchInvocation, results: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "invocationSchemaVersion": invocation.schema_version,
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": invocation.invocation_id,
        "results": results,
    }


def _now() -> datetime:
    return datetime.now(UTC)
