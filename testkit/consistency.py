"""A check of records and dead letters against the uploads that S3 confirmed.

Every upload must have exactly one correct record, or its event must be in the dead-letter queue.
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.table import Table

from orchestrator.models import ModelClient
from orchestrator.settings import OrchestratorSettings
from records.outcomes import Outcome, Prediction
from records.policy import POLICY_KEY
from records.record import Record, Status
from testkit.local_stack import LocalTestStack
from triptych.repair.dead_letters import DeadLetterQueue
from triptych.stack import Ingest

_SETTLE_SECONDS = 90.0
"""Longer than all retries take together, and than the ingest queue needs to drain."""

_TOLERANCE = 1e-4
"""Probabilities that differ by less are equal: records keep six digits."""

NO_UPLOAD = "no upload at all"
"""The fault under which records without an upload are reported."""


@dataclass(frozen=True)
class ConfirmedUpload:
    """One upload as S3 confirmed it, and the fault during which it happened."""

    fault: str
    ingest: Ingest
    key: str
    content: bytes = field(repr=False)
    etag: str
    version_id: str


@dataclass(frozen=True)
class UploadResult:
    """The result of one upload.

    Attributes:
        upload: The upload.
        outcome: `complete`, `dead letter` or `lost`.
        repaired: Whether a retry or redrive changed its record.
        records: Number of its records.
        errors: Differences between its records and the expected ones; empty if there are none.
    """

    upload: ConfirmedUpload
    outcome: str
    repaired: bool
    records: int
    errors: str = ""


def scan_records(table: Any) -> list[Record]:
    """Return every record. Only a scan also finds unexpected records."""
    found: list[Record] = []
    query: dict[str, Any] = {"ConsistentRead": True}
    while True:
        page = table.scan(**query)
        found += [Record.from_item(item) for item in page["Items"] if item["document"] != POLICY_KEY]
        if "LastEvaluatedKey" not in page:
            return found
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def dead_letter_version_ids(stack: LocalTestStack) -> set[str]:
    """Return the version ids of the uploads in the dead-letter queue."""
    connection = stack.connection
    with DeadLetterQueue(connection.sqs, connection.dead_letter_queue_url) as queue:
        return {upload.version_id or "" for letter in queue.receive(10_000) for upload in letter.uploads}


def wait_until_settled(stack: LocalTestStack, uploads: Sequence[ConfirmedUpload]) -> None:
    """Wait until every upload has a final record or a dead letter, for 90 seconds at most."""
    table = stack.connection.table
    deadline = time.monotonic() + _SETTLE_SECONDS
    pending = {upload.version_id for upload in uploads}
    while pending and time.monotonic() < deadline:
        time.sleep(1)
        pending -= {record.upload.version_id or "" for record in scan_records(table) if record.final}
        if pending:
            pending -= dead_letter_version_ids(stack)


class ReferencePredictions:
    """The predictions of the model services while nothing is broken; each document is classified once.

    Args:
        stack: The stack.
        others: Base URLs of services with other weights, by version.
    """

    def __init__(self, stack: LocalTestStack, others: Mapping[str, str] | None = None) -> None:
        connection = stack.connection
        function = connection.lambdas.get_function_configuration(FunctionName=connection.function)
        settings = OrchestratorSettings.from_environment(function["Environment"]["Variables"])
        self._models = ModelClient(settings.endpoints, time.monotonic)
        self._others = ModelClient(others or {}, time.monotonic)
        self._known: dict[bytes, tuple[Mapping[str, Outcome], Mapping[str, Outcome]]] = {}

    def __call__(self, content: bytes, record: Record) -> Mapping[str, Outcome]:
        """Return the right outcome of each version for a document, with the weights that the record names."""
        if content not in self._known:
            self._known[content] = self._predict(self._models, content), self._predict(self._others, content)
        expected, others = self._known[content]
        same = {name: other for name, other in others.items() if _same_weights(other, record.predictions.get(name))}
        return {**expected, **same}

    @staticmethod
    def _predict(models: ModelClient, content: bytes) -> Mapping[str, Outcome]:
        return models.predict(content, versions=models.versions, deadline=time.monotonic() + 30)


def _same_weights(first: Outcome, second: Outcome | None) -> bool:
    return (
        isinstance(first, Prediction) and isinstance(second, Prediction) and first.model_sha256 == second.model_sha256
    )


def difference(record: Record, expected: Mapping[str, Outcome]) -> str:
    """Describe how a record's predictions differ from the expected ones; empty if they do not."""
    for version, right in expected.items():
        found = record.predictions.get(version)
        if not isinstance(right, Prediction):
            return f"{version} does not answer the check: {right}"
        if not isinstance(found, Prediction):
            return f"{version} is missing"
        distance = max(abs(found.probabilities.get(label, -1) - p) for label, p in right.probabilities.items())
        if (found.label, found.model_sha256) != (right.label, right.model_sha256) or distance > _TOLERANCE:
            return f"{version} predicts {right.label}, its record says {found.label} (probabilities ±{distance:.6f})"
    return ""


def check_uploads(
    stack: LocalTestStack, uploads: Sequence[ConfirmedUpload], reference: ReferencePredictions
) -> list[UploadResult]:
    """Compare the table and the dead-letter queue with the uploads."""
    by_version: dict[str | None, list[Record]] = {}
    for record in scan_records(stack.connection.table):
        by_version.setdefault(record.upload.version_id, []).append(record)
    dead_letters, bucket = dead_letter_version_ids(stack), stack.connection.bucket
    results = [
        check_upload(upload, by_version.pop(upload.version_id, []), dead_letters, reference, bucket)
        for upload in uploads
    ]
    for record in itertools.chain.from_iterable(by_version.values()):
        unknown = ConfirmedUpload(NO_UPLOAD, "direct", record.upload.key, b"", "", "")
        results.append(UploadResult(unknown, "lost", False, 1, "no upload has this version"))
    return results


def check_upload(
    upload: ConfirmedUpload,
    records: Sequence[Record],
    dead_letters: set[str],
    reference: Callable[[bytes, Record], Mapping[str, Outcome]],
    bucket: str,
) -> UploadResult:
    """Check one upload.

    Args:
        upload: The upload.
        records: Every record with its version id.
        dead_letters: Version ids in the dead-letter queue.
        reference: Returns the expected predictions for a document and its record.
        bucket: The inbox.

    Returns:
        The outcome, and every difference from the expected record.
    """
    complete = any(record.status is Status.COMPLETE for record in records)
    outcome = "complete" if complete else "dead letter" if upload.version_id in dead_letters else "lost"
    expected = (f"{bucket}/{upload.key}", upload.etag, upload.version_id, len(upload.content))
    errors = []
    for record in records:
        recorded = record.upload
        found = (recorded.document, recorded.etag, recorded.version_id, recorded.size)
        if found != expected:
            errors.append(f"the record is of another upload: {found}")
        if record.status is Status.COMPLETE and (differs := difference(record, reference(upload.content, record))):
            errors.append(differs)
    repaired = any(record.revision > 1 for record in records)
    return UploadResult(upload, outcome, repaired, len(records), "; ".join(errors))


def table_of(results: Sequence[UploadResult], injected: Mapping[str, int]) -> Table:
    """Return a table of the results by fault, with the number of times that each fault was injected."""
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title="Uploads by fault", title_justify="left"
    )
    headings = ("times", "uploads", "records", "repaired", "dead", "lost", "twice", "wrong")
    table.add_column("fault", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    for fault in [*injected, NO_UPLOAD]:
        group = [result for result in results if result.upload.fault == fault]
        if group:
            table.add_row(fault, str(injected.get(fault, 0)), *map(str, _counts(group)))
    table.add_section()
    table.add_row("total", str(sum(injected.values())), *map(str, _counts(results)))
    return table


def _counts(results: Sequence[UploadResult]) -> tuple[int, ...]:
    outcomes = Counter(result.outcome for result in results)
    repaired = sum(result.repaired and result.outcome == "complete" for result in results)
    twice = sum(result.records > 1 for result in results)
    wrong = sum(bool(result.errors) for result in results)
    return (len(results), outcomes["complete"], repaired, outcomes["dead letter"], outcomes["lost"], twice, wrong)
