"""`triptych package`: write the package of a model version for SageMaker, and optionally upload it."""

import hashlib
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from triptych.commands.shared import translate_aws_errors
from triptych.errors import UsageError
from triptych.hosting.package import ARCHIVE_NAME, archive, package_content
from triptych.stack.home import REPOSITORY
from triptych.terminal.text import printable


class PackageFormat(StrEnum):
    """Formats of packages."""

    SAGEMAKER = "sagemaker"


def package_command(
    form: Annotated[PackageFormat, typer.Argument(metavar="FORMAT", help="`sagemaker`: model.tar.gz.")],
    version: Annotated[str, typer.Argument(help="Model version, such as v2, or the folder of one.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder to write to.", show_default="dist/VERSION, unless --to is given")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="Upload to s3://BUCKET/PREFIX/VERSION/model.tar.gz.", metavar="S3_URL", show_default=False),
    ] = None,
) -> None:
    """Write the package of a model version for SageMaker.

    It contains the version, the service's code and the application of Ray Serve, and serves in the project's own image,
    in SageMaker's Ray Serve images and in its PyTorch images (docs/hosting.md). Equal content gives equal bytes.
    """
    assert form is PackageFormat.SAGEMAKER
    destination = _parse_destination(to) if to else None
    folder = Path(version) if Path(version).is_dir() else REPOSITORY / "models" / version
    packed = archive(package_content(folder.resolve()))
    name = f"{folder.resolve().name}/{ARCHIVE_NAME}"
    if output or not destination:
        target = output / ARCHIVE_NAME if output else Path("dist") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(packed)
        typer.echo(printable(f"wrote {target} ({len(packed):,} bytes, sha256 {hashlib.sha256(packed).hexdigest()})"))
    if destination:
        bucket, prefix = destination
        _upload(packed, bucket, f"{prefix}{name}")
        typer.echo(printable(f"uploaded s3://{bucket}/{prefix}{name}"))


def _parse_destination(url: str) -> tuple[str, str]:
    """Return the bucket and the prefix of an s3:// URL. A prefix that is not empty ends with a slash."""
    match = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]+)(?:/(.*))?", url)
    if not match:
        raise UsageError(f"{url!r} is not of the form s3://BUCKET/PREFIX.")
    prefix = (match[2] or "").strip("/")
    return match[1], f"{prefix}/" if prefix else ""


def _upload(packed: bytes, bucket: str, key: str) -> None:
    import boto3  # other uses of the command need no AWS

    with translate_aws_errors():
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=packed, ContentType="application/gzip")
