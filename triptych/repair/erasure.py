"""Erasure of a document: every version of its object, everything derived from it, and its records.

Records are deleted last, because they name what was derived. So an erasure that was interrupted can be repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from records.derived import pages_key
from records.record import Record
from triptych.storage.results import Results

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3.client import S3Client


@dataclass(frozen=True)
class ErasurePlan:
    """Objects and records that an erasure deletes.

    Attributes:
        objects: Key and version ID of each object, delete markers included.
        records: The records of the document and of its members.
    """

    objects: tuple[tuple[str, str], ...]
    records: tuple[Record, ...]


class Erasure:
    """Erases documents of one stack.

    Args:
        s3: Client of S3.
        table: The table of records.
        bucket: The inbox.
    """

    def __init__(self, s3: "S3Client", table: "Table", bucket: str) -> None:
        self._s3, self._table, self._bucket = s3, table, bucket

    def plan(self, key: str) -> ErasurePlan:
        """Find everything that an erasure of the document at `key` deletes. Members come before their document."""
        objects: list[tuple[str, str]] = []
        records: list[Record] = []
        history = list(Results(self._table).history(f"{self._bucket}/{key}", limit=10_000))
        for record in history:
            if record.conversion:
                for member in record.conversion.members:
                    within = self.plan(member)
                    objects += within.objects
                    records += within.records
                objects += self._versions(pages_key(record.upload))
        objects += self._versions(key)
        return ErasurePlan(tuple(objects), (*records, *history))

    def run(self, plan: ErasurePlan) -> None:
        """Delete what a plan contains.

        Raises:
            ClientError: AWS refuses a deletion. What is left is deleted when the erasure is repeated.
        """
        for key, version_id in plan.objects:
            self._s3.delete_object(Bucket=self._bucket, Key=key, VersionId=version_id)
        for record in plan.records:
            self._table.delete_item(Key={"document": record.upload.document, "sequencer": record.upload.sort_key})

    def _versions(self, key: str) -> Iterator[tuple[str, str]]:
        """Yield every version of an object. A bucket without versions has the version `null`."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=key)
        for page in pages:
            for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                if found["Key"] == key:
                    yield key, found["VersionId"]
