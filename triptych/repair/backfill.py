"""Classify objects that were uploaded before the orchestrator was deployed, or whose events were lost."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from records.uploads import Upload, is_document
from triptych.repair.invocation import Event, InvocationError, Invoke, run_concurrently
from triptych.repair.progress import BackfillProgress
from triptych.storage.results import Results

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PAUSES_S = (1.0, 2.0, 4.0)
"""Pauses before each further attempt after a transient failure, such as a task that restarts or a throttled table."""

_SAVE_EVERY_S = 1.0


class BackfillOutcome(StrEnum):
    """The result for one object."""

    SUCCEEDED = "succeeded"
    ALREADY_THERE = "already there"
    """It already has a final record, so the orchestrator was not invoked."""
    GONE = "gone"
    """It was deleted after it was listed."""
    FAILED = "failed"


@dataclass(frozen=True)
class KeyListing:
    """The objects to classify.

    Attributes:
        keys: Keys in S3's order.
        too_young: Number of objects left out because they are too young.
        first_too_young: The first key of those, or an empty string.
        complete: Whether `keys` has all objects; it does not if there are more than the limit.
    """

    keys: tuple[str, ...]
    too_young: int
    first_too_young: str
    complete: bool


def list_objects(s3: "S3Client", bucket: str, prefix: str, *, after: str = "") -> Iterator[tuple[str, datetime]]:
    """Yield key and modification time of each object after the key `after`.

    Only current versions of documents are listed.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after)
    for page in pages:
        for item in page.get("Contents", []):
            if is_document(item["Key"], item["Size"]):
                yield item["Key"], item["LastModified"]


def select_keys(objects: Iterable[tuple[str, datetime]], *, before: datetime, limit: int) -> KeyListing:
    """Return at most `limit` keys of objects stored before a moment. The event of a younger one may still arrive."""
    keys: list[str] = []
    young: list[str] = []
    complete = True
    for key, modified in objects:
        if modified >= before:
            young.append(key)
        elif len(keys) == limit:
            complete = False
            break
        else:
            keys.append(key)
    return KeyListing(tuple(keys), len(young), young[0] if young else "", complete)


class RateLimiter:
    """Lets one caller pass every `1 / per_second` seconds. Safe for use by several threads."""

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Block until the caller may pass."""
        with self._lock:
            turn = max(self._next, self._clock())
            self._next = turn + self._gap
        self._sleep(max(0.0, turn - self._clock()))


class Backfill:
    """Sends the objects of one bucket to the orchestrator, as S3 Batch Operations would.

    Args:
        s3: Client of the bucket's service.
        bucket: The inbox.
        results: The table of records.
        invoke: Invokes the orchestrator.
        rate: Limits the rate of invocations. Objects that already have a record do not wait.
        sleep: Pauses before another attempt.
    """

    def __init__(
        self,
        s3: "S3Client",
        bucket: str,
        results: Results,
        invoke: Invoke,
        rate: RateLimiter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._results = results
        self._invoke = invoke
        self._rate = rate
        self._sleep = sleep
        self.counts: Counter[BackfillOutcome] = Counter()

    def run(
        self, listing: KeyListing, progress: BackfillProgress, *, max_concurrent: int, on_done: Callable[[], None]
    ) -> None:
        """Classify each object of the listing and call `on_done` after each.

        On Ctrl-C, finish what has begun, save the progress and raise KeyboardInterrupt.
        """
        lock = threading.Lock()
        saved = time.monotonic()
        progress.stop_before = listing.first_too_young

        def started() -> Iterator[str]:
            for key in listing.keys:
                with lock:
                    progress.start(key)
                yield key

        def classify(key: str) -> None:
            nonlocal saved
            outcome, failure = self._classify(key)
            with lock:
                self.counts[outcome] += 1
                progress.finish(key, failure)
                if time.monotonic() - saved > _SAVE_EVERY_S:
                    progress.save()
                    saved = time.monotonic()
            on_done()

        try:
            run_concurrently(classify, started(), max_concurrent=max_concurrent)
        finally:
            progress.save()

    def _classify(self, key: str) -> tuple[BackfillOutcome, str]:
        """Return the outcome for one object, and why it failed."""
        try:
            if self._has_final_record(key):
                return BackfillOutcome.ALREADY_THERE, ""
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code in ("404", "NoSuchKey"):
                return BackfillOutcome.GONE, ""
            if code == "400":  # encrypted with a customer's key: the orchestrator's response states it
                return self._invoke_with_retries(key)
            return BackfillOutcome.FAILED, f"cannot look up the object or its record: {error}"
        except BotoCoreError as error:
            return BackfillOutcome.FAILED, f"cannot look up the object or its record: {error}"
        return self._invoke_with_retries(key)

    def _has_final_record(self, key: str) -> bool:
        """Return whether this very upload has a final record whose object was readable.

        The orchestrator checks this too. Checking it here saves an invocation, and most of the time of a second run.
        """
        head = self._s3.head_object(Bucket=self._bucket, Key=key)
        upload = Upload(
            bucket=self._bucket,
            key=key,
            sequencer="",
            event_time=head["LastModified"],
            size=head["ContentLength"],
            etag=head["ETag"].strip('"'),
            version_id=head.get("VersionId"),
        )
        history = self._results.history(upload.document)
        return any(record.final and not record.inaccessible and record.upload.same_object(upload) for record in history)

    def _invoke_with_retries(self, key: str) -> tuple[BackfillOutcome, str]:
        """Invoke the orchestrator, and again after a pause if the failure is transient."""
        failure = ""
        for pause in (*PAUSES_S, None):
            self._rate.wait()
            try:
                [result] = self._invoke(batch_event(self._bucket, key))["results"]
                code, failure = result["resultCode"], str(result["resultString"])
            except InvocationError as error:
                code, failure = "TemporaryFailure", str(error)
            if code == "Succeeded":
                return BackfillOutcome.SUCCEEDED, ""
            if code == "PermanentFailure" or pause is None:
                break
            self._sleep(pause)
        return BackfillOutcome.FAILED, failure


def batch_event(bucket: str, key: str) -> Event:
    """Return the event that S3 Batch Operations sends for the current version of one object (schema 2.0)."""
    task = {"taskId": uuid.uuid4().hex, "s3Key": encode_key(key), "s3VersionId": None, "s3Bucket": bucket}
    return {
        "invocationSchemaVersion": "2.0",
        "invocationId": uuid.uuid4().hex,
        "job": {"id": "triptych-backfill"},
        "tasks": [task],
    }


def encode_key(key: str) -> str:
    """Percent-encode a key as batch jobs do. A plus is encoded too, so that both ways of decoding return the key."""
    return quote(key, safe="/")
