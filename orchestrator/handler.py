"""The Lambda's entry point: translates between AWS and the pipeline, and does nothing else."""

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from orchestrator.documents import Documents
from orchestrator.errors import IncompleteRecords
from orchestrator.events import uploads
from orchestrator.models import Models
from orchestrator.pipeline import Budget, Pipeline
from orchestrator.records import Record
from orchestrator.settings import Settings
from orchestrator.table import Records

logger = Logger(service="triptych")

_AWS = Config(
    connect_timeout=0.5,
    read_timeout=1.0,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=4,
)
"""The SDK's own timeouts are a minute: one lost packet would cost the whole budget."""


@cache
def pipeline() -> Pipeline:
    """The pipeline of this process, built once: clients and connections outlive an invocation."""
    settings = Settings.from_environment(os.environ)
    return Pipeline(
        Documents(boto3.client("s3", config=_AWS), max_bytes=settings.max_bytes),
        Models(settings.endpoints, time.monotonic),
        Records(boto3.resource("dynamodb", config=_AWS).Table(settings.table_name)),
        budget=Budget(settings.deadline_s, settings.write_reserve_s),
        clock=time.monotonic,
        now=lambda: datetime.now(UTC),
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Classify every upload that an S3 notification announces.

    Returns:
        What was stored: `{"records": [{"document", "sequencer", "status", "label"}]}`.

    Raises:
        MalformedEvent: not an S3 notification. Lambda delivers it again and then keeps it in the on-failure queue.
        IncompleteRecords: stored, but PARTIAL or FAILED. Lambda's retry, a minute later, asks the missing versions.
    """
    trace_id = os.environ.get("_X_AMZN_TRACE_ID") or context.aws_request_id
    started = time.monotonic()
    stored = []
    for upload in uploads(event):
        record = pipeline().classify(upload, trace_id=trace_id)
        _log(record, handler_ms=(time.monotonic() - started) * 1000)
        stored.append(record)
    incomplete = [record for record in stored if not record.status.final]
    if incomplete:
        names = ", ".join(f"{record.upload.document} is {record.status}" for record in incomplete)
        raise IncompleteRecords(names)
    return {"records": [_summary(record) for record in stored]}


def _summary(record: Record) -> dict[str, Any]:
    label = record.verdict.label if record.verdict else None
    keys = {"document": record.upload.document, "sequencer": record.upload.sort_key}
    return {**keys, "status": str(record.status), "label": label}


def _log(record: Record, *, handler_ms: float) -> None:
    """One line a document, with the two latencies: from the handler's start, and from the event's own time."""
    event_ms = (datetime.now(UTC) - record.upload.event_time).total_seconds() * 1000
    logger.info(
        "classified",
        extra={
            **_summary(record),
            "trace_id": record.trace_id,
            "handler_ms": round(handler_ms, 1),
            "event_to_written_ms": round(event_ms, 1),
            "models_ms": {name: round(said.latency_ms, 1) for name, said in record.predictions.items()},
        },
    )
