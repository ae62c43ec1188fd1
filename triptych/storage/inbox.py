"""Upload files to the inbox bucket."""

import mimetypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from records.uploads import normalize_version_id
from triptych.errors import TriptychError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@dataclass(frozen=True)
class FileUpload:
    """A local file and the key to store it under."""

    path: Path
    key: str


@dataclass(frozen=True)
class StoredObject:
    """An object that S3 confirmed.

    Attributes:
        bucket: The inbox.
        key: The object's key.
        etag: Its ETag, without quotes.
        version_id: Its version, or None where the bucket is not versioned.
        at: The `Date` header of S3's response, in whole seconds; the local time if there was no such header.
    """

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
    """List the files to upload with their keys.

    A file's key is its name. The files of a folder keep their path below it; hidden files and folders are left out.

    Raises:
        UsageError: A path does not exist, a folder contains no files, or two files would get the same key.
    """
    uploads = [upload for path in paths for upload in _expand(path, prefix)]
    path_by_key: dict[str, Path] = {}
    for upload in uploads:
        if upload.key in path_by_key:
            raise UsageError(f"{path_by_key[upload.key]} and {upload.path} would both be stored as {upload.key!r}.")
        path_by_key[upload.key] = upload.path
    return uploads


def _expand(path: Path, prefix: str) -> Iterator[FileUpload]:
    if path.is_file():
        yield FileUpload(path, prefix + path.name)
    elif path.is_dir():
        below = sorted(file for file in path.rglob("*") if file.is_file())
        files = [file for file in below if not any(part.startswith(".") for part in file.relative_to(path).parts)]
        if not files:
            raise UsageError(f"{path} contains no files.")
        for file in files:
            yield FileUpload(file, prefix + str(PurePosixPath(*file.relative_to(path).parts)))
    else:
        raise UsageError(f"No such file or folder: {path}")


def put_file(s3: "S3Client", bucket: str, upload: FileUpload) -> StoredObject:
    """Upload one file.

    Raises:
        TriptychError: The file's name is not UTF-8, the file cannot be read, or S3 rejects it.
    """
    try:
        upload.key.encode()
    except UnicodeEncodeError as error:
        raise TriptychError(f"{upload.path} could not be stored: its name is not UTF-8.") from error
    media_type = mimetypes.guess_type(upload.path.name)[0] or "application/octet-stream"
    try:
        with upload.path.open("rb") as body:
            return put_object(s3, bucket, upload.key, body, media_type)
    except OSError as error:
        raise TriptychError(f"{upload.path} cannot be read: {error.strerror}") from error


def put_object(s3: "S3Client", bucket: str, key: str, body: IO[bytes], media_type: str) -> StoredObject:
    """Upload an open file or stream.

    Raises:
        TriptychError: S3 rejects it.
    """
    try:
        response = s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=media_type)
    except (BotoCoreError, ClientError) as error:
        raise TriptychError(f"{key} could not be stored: {error}") from error
    version_id = normalize_version_id(response.get("VersionId"))
    date = response["ResponseMetadata"]["HTTPHeaders"].get("date")
    at = parsedate_to_datetime(date) if date else datetime.now(UTC)
    return StoredObject(bucket, key, response["ETag"].strip('"'), version_id, at)
