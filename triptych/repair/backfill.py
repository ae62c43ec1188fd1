"""Classify documents that were in the inbox before the orchestrator was, or whose events never came."""

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

from records.uploads import Upload, is_folder_marker
from triptych.repair.invocation import Event, InvocationError, Invoke, run_concurrently
from triptych.repair.progress import BackfillProgress
from triptych.storage.results import Results

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PAUSES_S = (1.0, 2.0, 4.0)
"""Waits before another attempt at what failed for the time being: a task restarts, a throttled table recovers."""

_SAVE_EVERY_S = 1.0


class BackfillOutcome(StrEnum):
    """What became of one object."""

    SUCCEEDED = "succeeded"
    ALREADY_THERE = "already there"
    """It has a final record: the orchestrator was not asked."""
    GONE = "gone"
    """It was deleted since it was listed."""
    FAILED = "failed"


@dataclass(frozen=True)
class KeyListing:
    """The keys to classify, in S3's order, and how many were passed over as too young."""

    keys: tuple[str, ...]
    too_young: int
    whole: bool
    """Whether these are all; there may be more than were asked for."""


def documents(s3: "S3Client", bucket: str, prefix: str, *, after: str = "") -> Iterator[tuple[str, datetime]]:
    """Key and time of each object behind `after`: current versions only, folder markers left out."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after)
    for page in pages:
        for found in page.get("Contents", []):
            if not is_folder_marker(found["Key"], found["Size"]):
                yield found["Key"], found["LastModified"]


def listed(found: Iterable[tuple[str, datetime]], *, before: datetime, limit: int) -> KeyListing:
    """At most `limit` keys of objects stored before a moment: the event of a younger one may still be on its way."""
    keys: list[str] = []
    too_young = 0
    for key, at in found:
        if at >= before:
            too_young += 1
        elif len(keys) == limit:
            return KeyListing(tuple(keys), too_young, whole=False)
        else:
            keys.append(key)
    return KeyListing(tuple(keys), too_young, whole=True)


class RateLimiter:
    """Lets one caller through every `1 / per_second` seconds; used by several threads at once."""

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
        """Return when it is the caller's turn."""
        with self._lock:
            turn = max(self._next, self._clock())
            self._next = turn + self._gap
        self._sleep(max(0.0, turn - self._clock()))


class Backfill:
    """Brings the objects of one bucket through the orchestrator, as S3 Batch Operations would.

    Args:
        s3: where the objects are.
        bucket: the inbox.
        results: where their records are.
        invoke: gives an event to the orchestrator.
        pace: lets invocations through; what has its record already does not wait.
        sleep: waits before another attempt.
    """

    def __init__(
        self,
        s3: "S3Client",
        bucket: str,
        results: Results,
        invoke: Invoke,
        pace: RateLimiter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._results = results
        self._invoke = invoke
        self._pace = pace
        self._sleep = sleep
        self.fates: Counter[BackfillOutcome] = Counter()

    def run(self, keys: Iterable[str], checkpoint: BackfillProgress, *, at_once: int, done: Callable[[], None]) -> None:
        """Classify each key; `done` is called after each. Ctrl-C waits for what has begun, and the checkpoint stays."""
        lock = threading.Lock()
        saved = time.monotonic()

        def begun() -> Iterator[str]:
            for key in keys:
                with lock:
                    checkpoint.begin(key)
                yield key

        def work(key: str) -> None:
            nonlocal saved
            fate, why = self._classify(key)
            with lock:
                self.fates[fate] += 1
                checkpoint.finish(key, why)
                if time.monotonic() - saved > _SAVE_EVERY_S:
                    checkpoint.save()
                    saved = time.monotonic()
            done()

        try:
            run_concurrently(work, begun(), at_once=at_once)
        finally:
            checkpoint.save()

    def _classify(self, key: str) -> tuple[BackfillOutcome, str]:
        try:
            if self._has_record(key):
                return BackfillOutcome.ALREADY_THERE, ""
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
                return BackfillOutcome.GONE, ""
            return BackfillOutcome.FAILED, f"it cannot be looked up: {error}"
        except BotoCoreError as error:
            return BackfillOutcome.FAILED, f"it cannot be looked up: {error}"
        return self._ask(key)

    def _has_record(self, key: str) -> bool:
        """Whether this very upload has a final record, however it was met; but not that it was gone, for it is here.

        The orchestrator looks too; here it saves an invocation, and a second run over the same prefix its time.
        """
        found = self._s3.head_object(Bucket=self._bucket, Key=key)
        version = found.get("VersionId")
        upload = Upload(
            bucket=self._bucket,
            key=key,
            sequencer="",
            event_time=found["LastModified"],
            size=found["ContentLength"],
            etag=found["ETag"].strip('"'),
            version_id=version if version != "null" else None,
        )
        history = self._results.history(upload.document)
        return any(record.final and not record.gone and record.upload.same_object(upload) for record in history)

    def _ask(self, key: str) -> tuple[BackfillOutcome, str]:
        """Invoke the orchestrator, and again after a while if it says that this may help."""
        why = ""
        for pause in (*PAUSES_S, None):
            self._pace.wait()
            try:
                [result] = self._invoke(batch_event(self._bucket, key))["results"]
                code, why = result["resultCode"], str(result["resultString"])
            except InvocationError as error:
                code, why = "TemporaryFailure", str(error)
            if code == "Succeeded":
                return BackfillOutcome.SUCCEEDED, ""
            if code == "PermanentFailure" or pause is None:
                break
            self._sleep(pause)
        return BackfillOutcome.FAILED, why


def batch_event(bucket: str, key: str) -> Event:
    """What S3 Batch Operations sends for one object (invocation schema 2.0): its current version."""
    task = {"taskId": uuid.uuid4().hex, "s3Key": encode_key(key), "s3VersionId": None, "s3Bucket": bucket}
    return {
        "invocationSchemaVersion": "2.0",
        "invocationId": uuid.uuid4().hex,
        "job": {"id": "triptych-backfill"},
        "tasks": [task],
    }


def encode_key(key: str) -> str:
    """A key as batch jobs name it: percent-encoded, so that both readings of a plus give the same key."""
    return quote(key, safe="/")
