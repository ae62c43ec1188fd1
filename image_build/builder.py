"""Builds what is missing in the repository, and waits until it is there."""

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
"""What a last look, with the retries of its calls, and the answer may take before Lambda ends the invocation."""

_GIVE_UP_S = 28 * 60.0
"""Age of a build that will not end any more: CodeBuild itself ends one after 8 minutes in its queue and 18 of work."""

_LOOK_BACK = 20
"""Builds among which that of a request is looked for, newest first."""

_STARTS = 3
"""Builds that one request may start. A second one follows only where the first ended before it began."""

_SETTLING_S = (10.0, 20.0, 30.0)
"""Waits for IAM. A role that is seconds old, as all are in a new stack, may not have its rights everywhere yet: calls
are refused, and builds end before they begin."""

_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


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

        It may be called again for the same order, at the same time even: what one call started, the next waits for.

        Args:
            order: what is wanted.
            remaining: seconds that the invocation still has.

        Raises:
            BuildFailed: it will not hold them.
            StillBuilding: the invocation's time is over.
        """
        build = self._settled(lambda: self._begin(order))
        if build is None:
            return
        while (build := self._ended(build, remaining))["buildStatus"] != "SUCCEEDED":
            starts = len(self._builds_of(order))
            if not _never_began(build) or starts >= _STARTS:
                raise BuildFailed(f"The build ended as {build['buildStatus']}. {_why(build)} {_where(build)}")
            logger.warning("The build did not begin, and is started again: %s", _why(build))
            self._sleep(_SETTLING_S[0])
            build = self._start(order, self._missing(order), starts)
        if missing := self._missing(order):
            raise BuildFailed(f"The build succeeded, but pushed no {', '.join(missing)}. {_where(build)}")

    def stop(self, project: str) -> None:
        """End every build of a project, so that none pushes into a repository that is being deleted."""
        for build in self._builds(project):
            if build["buildStatus"] == "IN_PROGRESS":
                self._codebuild.stop_build(id=build["id"])

    def _begin(self, order: Order) -> "BuildTypeDef | None":
        """The build to wait for, an earlier invocation's or a new one; None where nothing is missing."""
        missing = self._missing(order)
        if not missing:
            logger.info("Nothing to build: %s", ", ".join(order.tags))
            return None
        if builds := self._builds_of(order):
            logger.info("Going on with %s", builds[0]["id"])
            return builds[0]
        return self._start(order, missing, 0)

    def _settled(self, call: Callable[[], "BuildTypeDef | None"]) -> "BuildTypeDef | None":
        """What `call` gives, once IAM lets it."""
        for pause in _SETTLING_S:
            try:
                return call()
            except ClientError as error:
                if error.response["Error"]["Code"] not in _DENIED:
                    raise
                logger.warning("%s; again in %.0f s", error, pause)
                self._sleep(pause)
        return call()

    def _ended(self, build: "BuildTypeDef", remaining: Callable[[], float]) -> "BuildTypeDef":
        """The build, once it has ended."""
        while build["buildStatus"] == "IN_PROGRESS":
            if (self._now() - build["startTime"]).total_seconds() > _GIVE_UP_S:
                self._codebuild.stop_build(id=build["id"])
                raise BuildFailed(f"The build does not end, and was stopped. {_where(build)}")
            if remaining() < _MARGIN_S:
                raise StillBuilding(build["id"])
            self._sleep(_POLL_S)
            [build] = self._codebuild.batch_get_builds(ids=[build["id"]])["builds"]
        return build

    def _missing(self, order: Order) -> list[str]:
        return [tag for tag in order.tags if not self._holds(order.repository, tag)]

    def _holds(self, repository: str, tag: str) -> bool:
        try:
            answer = self._ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except self._ecr.exceptions.ImageNotFoundException:
            return False
        return bool(answer["imageDetails"])

    def _builds_of(self, order: Order) -> "list[BuildTypeDef]":
        """What was started for this request, by this invocation or an earlier one; newest first."""
        mark = {"name": "REQUEST_ID", "value": order.request_id, "type": "PLAINTEXT"}
        builds = self._builds(order.project)
        return [build for build in builds if mark in build["environment"].get("environmentVariables", [])]

    def _builds(self, project: str) -> "list[BuildTypeDef]":
        ids = self._codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
        return self._codebuild.batch_get_builds(ids=ids[:_LOOK_BACK])["builds"] if ids else []

    def _start(self, order: Order, tags: list[str], number: int) -> "BuildTypeDef":
        variables = {"REQUEST_ID": order.request_id, "PACKAGE": order.package, "TAGS": " ".join(tags)}
        build = self._codebuild.start_build(
            projectName=order.project,
            # For five minutes the same build is the answer to the same token.
            idempotencyToken=f"{order.request_id}-{number}",
            environmentVariablesOverride=[
                {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()
            ],
        )["build"]
        logger.info("Started %s for %s", build["id"], variables["TAGS"])
        return build


def _never_began(build: "BuildTypeDef") -> bool:
    """Whether it failed before the first command of ours. One that waited too long in the queue did not fail."""
    ran = any(phase.get("phaseType") == "BUILD" for phase in build.get("phases", []))
    return build["buildStatus"] in ("FAILED", "FAULT") and not ran


def _why(build: "BuildTypeDef") -> str:
    """What CodeBuild says of the phases that failed."""
    contexts = [context for phase in build.get("phases", []) for context in phase.get("contexts", [])]
    return "; ".join(message for context in contexts if (message := context.get("message", "").strip()))


def _where(build: "BuildTypeDef") -> str:
    logs: Mapping[str, object] = build.get("logs") or {}
    return f"Log: {logs.get('groupName', '?')} {logs.get('streamName', build['id'])}"
