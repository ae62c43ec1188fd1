"""Builds what is missing in the repository, and waits until it is there."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_codebuild.client import CodeBuildClient
    from mypy_boto3_codebuild.type_defs import BuildTypeDef
    from mypy_boto3_ecr.client import ECRClient

logger = logging.getLogger(__name__)

_POLL_S = 10.0

_MARGIN_S = 60.0
"""What a last look, with the retries of its calls, and the answer may take before Lambda ends the invocation."""

_GIVE_UP_S = 28 * 60.0
"""Age of a build that will not end any more: CodeBuild itself ends one after 8 minutes in its queue and 18 of work."""

_LOOK_BACK = 20
"""Builds among which that of a request is looked for, newest first."""


class BuildFailed(Exception):
    """There will be no images; the message says why."""


class StillBuilding(Exception):
    """The invocation's time is over before the build's. Asked again, `Builder.provide` goes on waiting."""


@dataclass(frozen=True)
class Order:
    """What is wanted: images of these tags in this repository.

    `package` is the version of the Lambda function whose package holds the contexts; `request_id` tells the build of
    one request from that of another.
    """

    request_id: str
    project: str
    repository: str
    tags: tuple[str, ...]
    package: str


class Builder:
    """Builds images with CodeBuild.

    Args:
        codebuild: client of the account's CodeBuild.
        ecr: client of its registry.
        sleep: waits between looks at a build.
        now: the time, with its zone.
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

    def provide(self, order: Order, remaining: Callable[[], float]) -> None:
        """Return once the repository holds every image.

        It may be called again for the same order, at the same time even: one request has one build.

        Args:
            order: what is wanted.
            remaining: seconds that the invocation still has.

        Raises:
            BuildFailed: it will not hold them.
            StillBuilding: the invocation's time is over.
        """
        missing = self._missing(order)
        if not missing:
            logger.info("Nothing to build: %s", ", ".join(order.tags))
            return
        build = self._find(order) or self._start(order, missing)
        while build["buildStatus"] == "IN_PROGRESS":
            if (self._now() - build["startTime"]).total_seconds() > _GIVE_UP_S:
                self._codebuild.stop_build(id=build["id"])
                raise BuildFailed(f"The build does not end, and was stopped. {_where(build)}")
            if remaining() < _MARGIN_S:
                raise StillBuilding(build["id"])
            self._sleep(_POLL_S)
            [build] = self._codebuild.batch_get_builds(ids=[build["id"]])["builds"]
        if build["buildStatus"] != "SUCCEEDED":
            raise BuildFailed(f"The build ended as {build['buildStatus']}. {_why(build)} {_where(build)}")
        if missing := self._missing(order):
            raise BuildFailed(f"The build succeeded, but pushed no {', '.join(missing)}. {_where(build)}")

    def stop(self, project: str) -> None:
        """End every build of a project, so that none pushes into a repository that is being deleted."""
        for build in self._builds(project):
            if build["buildStatus"] == "IN_PROGRESS":
                self._codebuild.stop_build(id=build["id"])

    def _missing(self, order: Order) -> list[str]:
        return [tag for tag in order.tags if not self._holds(order.repository, tag)]

    def _holds(self, repository: str, tag: str) -> bool:
        try:
            answer = self._ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except self._ecr.exceptions.ImageNotFoundException:
            return False
        return bool(answer["imageDetails"])

    def _find(self, order: Order) -> "BuildTypeDef | None":
        """The build that an earlier invocation for the same request started."""
        for build in self._builds(order.project):
            variables = build["environment"].get("environmentVariables", [])
            if {"name": "REQUEST_ID", "value": order.request_id, "type": "PLAINTEXT"} in variables:
                logger.info("Going on with %s", build["id"])
                return build
        return None

    def _builds(self, project: str) -> "list[BuildTypeDef]":
        ids = self._codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
        return self._codebuild.batch_get_builds(ids=ids[:_LOOK_BACK])["builds"] if ids else []

    def _start(self, order: Order, tags: list[str]) -> "BuildTypeDef":
        variables = {"REQUEST_ID": order.request_id, "PACKAGE": order.package, "TAGS": " ".join(tags)}
        build = self._codebuild.start_build(
            projectName=order.project,
            idempotencyToken=order.request_id,  # for five minutes the same build is the answer to the same token
            environmentVariablesOverride=[
                {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()
            ],
        )["build"]
        logger.info("Started %s for %s", build["id"], variables["TAGS"])
        return build


def _why(build: "BuildTypeDef") -> str:
    """What CodeBuild says of the phases that failed."""
    contexts = [context for phase in build.get("phases", []) for context in phase.get("contexts", [])]
    return "; ".join(message for context in contexts if (message := context.get("message", "").strip()))


def _where(build: "BuildTypeDef") -> str:
    logs: Mapping[str, object] = build.get("logs") or {}
    return f"Log: {logs.get('groupName', '?')} {logs.get('streamName', build['id'])}"
