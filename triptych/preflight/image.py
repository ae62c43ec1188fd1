"""The check of images that were built elsewhere: they exist, and the tasks can reach them."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings, warning

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
    r"(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>.+))?"
)


@dataclass(frozen=True)
class RegistryImage:
    """An image in ECR."""

    account: str
    region: str
    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, uri: str) -> "RegistryImage | None":
        """Return the image that a URI names, or None if it is not in ECR."""
        match = _ECR.fullmatch(uri)
        return cls(*match.group("account", "region", "repository", "tag", "digest")) if match else None

    @property
    def identifier(self) -> "ImageIdentifierTypeDef":
        """The image as ECR identifies it."""
        return {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag or "latest"}


def find_images(ecr: "ECRClient", deployment: Deployment) -> Findings:
    """Yield a finding for each image that the tasks could not download."""
    for uri in deployment.images:
        image = RegistryImage.parse(uri)
        if image is None or image.region != deployment.region:
            yield from _find_unreachable(uri, image, deployment)
        if image is None:
            continue
        yield from _find_denied_pull(uri, image, deployment)
        if (image.account, image.region) == (deployment.account, deployment.region):
            yield from _find_missing_image(ecr, uri, image)


def _find_unreachable(uri: str, image: RegistryImage | None, deployment: Deployment) -> Findings:
    if not deployment.is_private:
        return
    found = Finding if deployment.creates_endpoints else warning  # an existing VPC may have another route
    where = f"in ECR of {image.region}" if image else "not in ECR"
    yield found(
        f"The image {uri} is {where}, and tasks in a private network reach ECR in {deployment.region} only.",
        f"Copy it to a repository in ECR in {deployment.region}, leave ModelImageUri empty, or use Network=public.",
    )


def _find_denied_pull(uri: str, image: RegistryImage, deployment: Deployment) -> Findings:
    arn = f"arn:{deployment.partition}:ecr:{image.region}:{image.account}:repository/{image.repository}"
    if not any(fnmatchcase(arn, pattern) for pattern in deployment.repositories):
        needed = ",".join(filter(None, (deployment["ImageRepositoryArns"], arn)))
        yield Finding(
            f"The role of the tasks may not pull {uri}: it is limited to {', '.join(deployment.repositories)}.",
            f"Set ImageRepositoryArns={needed}, or copy the image.",
        )


def _find_missing_image(ecr: "ECRClient", uri: str, image: RegistryImage) -> Findings:
    try:
        ecr.describe_images(repositoryName=image.repository, imageIds=[image.identifier])
    except ClientError as error:
        if error.response["Error"].get("Code") not in ("RepositoryNotFoundException", "ImageNotFoundException"):
            raise
        yield Finding(f"The image {uri} does not exist.", "Push it, or correct ModelImageUri.")
