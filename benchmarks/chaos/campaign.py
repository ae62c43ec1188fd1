"""The steps that faults consist of: upload, deliver, wait."""

import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from records.keys import timestamp
from testkit.consistency import ConfirmedUpload, dead_letter_version_ids, scan_records
from testkit.documents import numbered_document
from testkit.local_stack import VERSIONS, LocalTestStack
from triptych import stack
from triptych.repair.invocation import ALIAS
from triptych.stack import Ingest


@dataclass
class CampaignLog:
    """All uploads, and how often each fault was injected.

    Attributes:
        uploads: The uploads.
        injected: Number of injections of each fault.
        numbers: Numbers of documents; no two documents are the same.
    """

    uploads: list[ConfirmedUpload] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class Campaign:
    """Uploads in one ingest mode.

    Args:
        test_stack: The stack to break.
        ingest: Its ingest mode.
        log: Where uploads and faults are recorded.
        per_fault: Documents uploaded for each fault.
    """

    def __init__(self, test_stack: LocalTestStack, ingest: Ingest, log: CampaignLog, per_fault: int) -> None:
        self.stack, self.ingest, self.log, self.per_fault = test_stack, ingest, log, per_fault
        self.numbers = log.numbers
        connection = test_stack.connection
        self.bucket, self._function = connection.bucket, connection.function
        self._s3, self.table, self._lambdas, self._sqs = (
            connection.s3,
            connection.table,
            connection.lambdas,
            connection.sqs,
        )
        self._queue_url = stack.running_stack(test_stack.home).inbox_queue_url
        self.rng = random.Random(ingest)
        self.versions = itertools.cycle(VERSIONS)

    def upload(self, fault: str, *, scale: int = 1) -> list[ConfirmedUpload]:
        """Upload documents under new keys, all at once. The fault names them in the report.

        Args:
            fault: Name of the fault.
            scale: Factor by which the documents are larger than usual.
        """
        prefix = f"{self.ingest}/{fault.split('(')[0].strip()}"
        keys = [f"{prefix}/{next(self.numbers)}.png" for _ in range(self.per_fault)]
        with ThreadPoolExecutor(self.per_fault) as pool:
            uploads = list(pool.map(lambda key: self.put(fault, key, scale=scale), keys))
        self.log.injected[fault] += 1
        return uploads

    def put(self, fault: str, key: str, *, scale: int = 1) -> ConfirmedUpload:
        """Upload one document."""
        content = numbered_document(next(self.numbers), scale)
        response = self._s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        upload = ConfirmedUpload(fault, self.ingest, key, content, response["ETag"].strip('"'), response["VersionId"])
        self.log.uploads.append(upload)
        return upload

    @contextmanager
    def notifications_off(self) -> Iterator[None]:
        """Suspend S3's event notifications, so that the campaign can deliver the events itself."""
        configuration = self._s3.get_bucket_notification_configuration(Bucket=self.bucket)
        former = {name: part for name, part in configuration.items() if name != "ResponseMetadata"}
        self._s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            time.sleep(0.3)  # the emulator reads the configuration shortly after the upload
            self._s3.put_bucket_notification_configuration(
                Bucket=self.bucket,
                NotificationConfiguration=former,  # type: ignore[arg-type]
            )

    def deliver(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Deliver events all at once, as S3 does in this ingest mode."""

        def deliver(event: Mapping[str, Any]) -> None:
            body = json.dumps(event)
            if self._queue_url:
                self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)
            else:
                self._lambdas.invoke(FunctionName=self._function, Qualifier=ALIAS, InvocationType="Event", Payload=body)

        with ThreadPoolExecutor(len(events)) as pool:
            list(pool.map(deliver, events))

    def pause(self, least: float, most: float) -> None:
        """Sleep for a random number of seconds."""
        time.sleep(self.rng.uniform(least, most))

    def wait_for_records(self, uploads: Sequence[ConfirmedUpload]) -> None:
        """Wait until half of the uploads have a record, so that the fault took effect, for five seconds at most."""
        deadline = time.monotonic() + 5
        expected = {upload.version_id for upload in uploads}
        while time.monotonic() < deadline:
            time.sleep(0.1)
            found = expected & {record.upload.version_id or "" for record in scan_records(self.table)}
            if len(found) * 2 >= len(expected):
                return

    def wait_for_dead_letters(self, uploads: Sequence[ConfirmedUpload]) -> None:
        """Wait until the events of all uploads are dead letters, for a minute at most."""
        deadline = time.monotonic() + 60
        missing = {upload.version_id for upload in uploads}
        while missing and time.monotonic() < deadline:
            time.sleep(0.5)
            missing -= dead_letter_version_ids(self.stack)


def notification_of(bucket: str, upload: ConfirmedUpload, order: int) -> dict[str, Any]:
    """Return the notification that S3 sends for an upload."""
    s3_object = {
        "key": quote_plus(upload.key),
        "size": len(upload.content),
        "eTag": upload.etag,
        "versionId": upload.version_id,
        "sequencer": f"{0x68000000000000 + order:016X}",
    }
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": timestamp(datetime.now(UTC)),
        "s3": {"bucket": {"name": bucket}, "object": s3_object},
    }
    return {"Records": [record]}
