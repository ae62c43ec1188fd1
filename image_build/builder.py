"""Build the images that a repository lacks, with CodeBuild."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_codebuild.client import CodeBuildClient
    from mypy_boto3_codebuild.type_defs import BuildTypeDef
    from mypy_boto3_ecr.client import ECRClient

logger = logging.getLogger(__name__)

_POLL_S = 10.0

_MARGIN_S = 60.0
"""Seconds reserved at the end of an invocation for the last poll with its retries, and for the response."""

_GIVE_UP_S = 28 * 60.0
"""Age at which a build counts as stuck. CodeBuild's own limits are 8 minutes in its queue and 18 minutes of work."""

_RECENT_BUILDS = 20
"""How many of the newest builds are searched for those of a request."""

_MAX_STARTS = 3
"""Maximum number of builds per request. Only a build that failed before its first command is started again."""

_IAM_DELAYS_S = (10.0, 20.0, 30.0)
"""Waits for IAM. The permissions of a new role, as all roles of a new stack are, take seconds to take effect
everywhere. Until then calls are denied, and builds fail before their first command."""

_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})

_QUOTA_ADVICE = (
    "New accounts may have a quota of no builds: request an increase of 'Concurrently running builds' for Linux/Small "
    "or ARM/Small in Service Quotas, or set ModelImageUri."
)


class ImageBuildFailed(Exception):
    """The images cannot be built; the message states the reason."""


class StillBuilding(Exception):
    """The invocation is about to end, and the build has not finished. The next call of `build_missing` waits for it."""


@dataclass(frozen=True)
class ImageOrder:
    """The images that a request needs.

    Attributes:
        request_id: Id of the request. Builds carry it, so that a repeated request finds its own.
        project: Name of the CodeBuild project.
        repository: Name of the ECR repository.
        tags: Tags of the images.
        package: ARN of the function version whose package contains the build contexts.
    """

    request_id: str
    project: str
    repository: str
    tags: tuple[str, ...]
    package: str


class ImageBuilder:
    """Builds images with CodeBuild.

    Args:
        codebuild: A client for CodeBuild.
        ecr: A client for ECR.
        sleep: Waits between polls of a build.
        now: Returns the current time, with its time zone.
    """

    def __init__(
        self,
        codebuild: "CodeBuildClient",
        ecr: "ECRClient",
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._codebuild = codebuild
        self._ecr = ecr
        self._sleep = sleep
        self._now = now

    def build_missing(self, order: ImageOrder, remaining: Callable[[], float]) -> None:
        """Build the images that the repository lacks, and return once it contains all of them.

        Calls with the same order can be repeated, and can overlap: each waits for the build that the first one started.

        Args:
            order: The images.
            remaining: Returns the seconds until the invocation ends.

        Raises:
            ImageBuildFailed: The build failed, or did not push every image.
            StillBuilding: The invocation is about to end, and the build has not finished.
        """
        build = self._retry_while_denied(lambda: self._find_or_start(order))
        if build is None:
            return
        while (build := self._wait(build, remaining))["buildStatus"] != "SUCCEEDED":
            starts = len(self._builds_of(order))
            if not _failed_before_start(build) or starts >= _MAX_STARTS:
                raise ImageBuildFailed(f"The build ended as {build['buildStatus']}. {_reason(build)} {_log(build)}")
            logger.warning("The build failed before its first command; starting another one: %s", _reason(build))
            self._sleep(_IAM_DELAYS_S[0])
            build = self._start(order, self._missing(order), starts)
        if missing := self._missing(order):
            raise ImageBuildFailed(f"The build succeeded, but pushed no {', '.join(missing)}. {_log(build)}")

    def stop_all(self, project: str) -> None:
        """Stop every running build of a project, so that none pushes into a repository that is being deleted."""
        for build in self._builds(project):
            if build["buildStatus"] == "IN_PROGRESS":
                self._codebuild.stop_build(id=build["id"])

    def _find_or_start(self, order: ImageOrder) -> "BuildTypeDef | None":
        """Return the build to wait for, an existing or a new one; None if no image is missing."""
        missing = self._missing(order)
        if not missing:
            logger.info("All images exist: %s", ", ".join(order.tags))
            return None
        if builds := self._builds_of(order):
            logger.info("Waiting for %s", builds[0]["id"])
            return builds[0]
        return self._start(order, missing, 0)

    def _retry_while_denied(self, call: Callable[[], "BuildTypeDef | None"]) -> "BuildTypeDef | None":
        """Return the result of `call`, repeating it while a new role's permissions do not take effect yet."""
        for delay in _IAM_DELAYS_S:
            try:
                return call()
            except ClientError as error:
                if error.response["Error"]["Code"] not in _DENIED:
                    raise
                logger.warning("%s; retrying in %.0f s", error, delay)
                self._sleep(delay)
        return call()

    def _wait(self, build: "BuildTypeDef", remaining: Callable[[], float]) -> "BuildTypeDef":
        """Return the build once it has ended."""
        while build["buildStatus"] == "IN_PROGRESS":
            if (self._now() - build["startTime"]).total_seconds() > _GIVE_UP_S:
                self._codebuild.stop_build(id=build["id"])
                raise ImageBuildFailed(f"The build did not end in time, and was stopped. {_log(build)}")
            if remaining() < _MARGIN_S:
                raise StillBuilding(build["id"])
            self._sleep(_POLL_S)
            [build] = self._codebuild.batch_get_builds(ids=[build["id"]])["builds"]
        return build

    def _missing(self, order: ImageOrder) -> list[str]:
        return [tag for tag in order.tags if not self._exists(order.repository, tag)]

    def _exists(self, repository: str, tag: str) -> bool:
        try:
            found = self._ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except self._ecr.exceptions.ImageNotFoundException:
            return False
        return bool(found["imageDetails"])

    def _builds_of(self, order: ImageOrder) -> "list[BuildTypeDef]":
        """Return the builds of this request from this or an earlier invocation, newest first."""
        marker = {"name": "REQUEST_ID", "value": order.request_id, "type": "PLAINTEXT"}
        builds = self._builds(order.project)
        return [build for build in builds if marker in build["environment"].get("environmentVariables", [])]

    def _builds(self, project: str) -> "list[BuildTypeDef]":
        ids = self._codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
        return self._codebuild.batch_get_builds(ids=ids[:_RECENT_BUILDS])["builds"] if ids else []

    def _start(self, order: ImageOrder, tags: list[str], number: int) -> "BuildTypeDef":
        variables = {"REQUEST_ID": order.request_id, "PACKAGE": order.package, "TAGS": " ".join(tags)}
        try:
            build = self._codebuild.start_build(
                projectName=order.project,
                # For five minutes CodeBuild returns the same build for the same token.
                idempotencyToken=f"{order.request_id}-{number}",
                environmentVariablesOverride=[
                    {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()
                ],
            )["build"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccountLimitExceededException":
                raise
            raise ImageBuildFailed(f"{error.response['Error']['Message']}. {_QUOTA_ADVICE}") from error
        logger.info("Started %s for %s", build["id"], variables["TAGS"])
        return build


def _failed_before_start(build: "BuildTypeDef") -> bool:
    """Return whether a build failed before its first command. A time-out in the queue is not such a failure."""
    ran = any(phase.get("phaseType") == "BUILD" for phase in build.get("phases", []))
    return build["buildStatus"] in ("FAILED", "FAULT") and not ran


def _reason(build: "BuildTypeDef") -> str:
    """Return CodeBuild's messages about the phases that failed."""
    contexts = [context for phase in build.get("phases", []) for context in phase.get("contexts", [])]
    return "; ".join(message for context in contexts if (message := context.get("message", "").strip()))


def _log(build: "BuildTypeDef") -> str:
    """Return where the log of a build is."""
    logs: Mapping[str, object] = build.get("logs") or {}
    return f"Log: {logs.get('groupName', '?')} {logs.get('streamName', build['id'])}"
