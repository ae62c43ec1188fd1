"""Drop files into the inbox bucket."""

import mimetypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from triptych.errors import TriptychError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@dataclass(frozen=True)
class FileUpload:
    """A file and the key that it gets."""

    path: Path
    key: str


@dataclass(frozen=True)
class StoredObject:
    """A stored file, as S3 confirmed it. `at` is S3's own time, or ours where it tells none."""

    bucket: str
    key: str
    etag: str
    version_id: str | None
    at: datetime

    @property
    def document(self) -> str:
        """The partition key of its record."""
        return f"{self.bucket}/{self.key}"


def plan_uploads(paths: Iterable[Path], *, prefix: str = "") -> list[FileUpload]:
    """Which files get which keys: a file its name, a folder's files their path below it, hidden ones left out.

    Raises:
        UsageError: a path is not there, a folder holds nothing, or two files would get one key.
    """
    drops = [drop for path in paths for drop in _plan_one(path, prefix)]
    keys: dict[str, Path] = {}
    for drop in drops:
        if drop.key in keys:
            raise UsageError(f"{keys[drop.key]} and {drop.path} would both be stored as {drop.key!r}")
        keys[drop.key] = drop.path
    return drops


def _plan_one(path: Path, prefix: str) -> Iterator[FileUpload]:
    if path.is_file():
        yield FileUpload(path, prefix + path.name)
    elif path.is_dir():
        below = sorted(file for file in path.rglob("*") if file.is_file())
        files = [file for file in below if not any(part.startswith(".") for part in file.relative_to(path).parts)]
        if not files:
            raise UsageError(f"{path} holds no file")
        for file in files:
            yield FileUpload(file, prefix + str(PurePosixPath(*file.relative_to(path).parts)))
    else:
        raise UsageError(f"There is no file or folder {path}")


def put_file(s3: "S3Client", bucket: str, what: FileUpload) -> StoredObject:
    """Store one file.

    Raises:
        TriptychError: it cannot be read, or S3 does not take it.
    """
    kind = mimetypes.guess_type(what.path.name)[0] or "application/octet-stream"
    try:
        with what.path.open("rb") as body:
            return put_object(s3, bucket, what.key, body, kind)
    except OSError as error:
        raise TriptychError(f"{what.path} cannot be read: {error.strerror}") from error


def put_object(s3: "S3Client", bucket: str, key: str, body: IO[bytes], kind: str) -> StoredObject:
    """Store what is not a file yet, or no longer; `kind` is its media type.

    Raises:
        TriptychError: S3 does not take it.
    """
    try:
        answer = s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)
    except (BotoCoreError, ClientError) as error:
        raise TriptychError(f"{key} could not be stored: {error}") from error
    said_at = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    at = parsedate_to_datetime(said_at) if said_at else datetime.now(UTC)
    return StoredObject(bucket, key, answer["ETag"].strip('"'), answer.get("VersionId"), at)
