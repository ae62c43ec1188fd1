"""A fake CodeBuild behind a real client: botocore validates requests and responses, and nothing leaves the process.

moto's CodeBuild finishes every build at once and successfully. Builds of this one take time, and can fail.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_codebuild.client import CodeBuildClient

REGION = "eu-west-1"

_TOKEN_S = 300.0
"""How long CodeBuild remembers an idempotency token."""


class Clock:
    """A clock that only `sleep` advances."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class FakeCodeBuild:
    """A CodeBuild whose builds end as configured.

    Attributes:
        clock: The time.
        push: Called with the tags of a build that succeeds.
        duration: Seconds that a build takes.
        outcome: Final status of a build.
        denied: Operations that are answered with AccessDenied.
        denied_s: Seconds from the start after which they are no longer denied.
        without_quota: Whether the account may have no builds.
        failing_in_queue: Number of builds that fail before their first command.
        started: The requests that started a build.
        stopped: Ids of builds that were stopped.
    """

    clock: Clock
    push: Callable[[list[str]], None]
    duration: float = 180.0
    outcome: str = "SUCCEEDED"
    denied: set[str] = field(default_factory=set)
    denied_s: float = float("inf")
    without_quota: bool = False
    failing_in_queue: int = 0
    started: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    _builds: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._created = self.clock.seconds

    def client(self) -> "CodeBuildClient":
        client: CodeBuildClient = boto3.client(
            "codebuild",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register_first("before-send.codebuild.*", self._respond)  # type: ignore[arg-type]  # it returns a response
        return client

    def variables(self, build: int = -1) -> dict[str, str]:
        """Return the environment variables that a build was started with."""
        return {each["name"]: each["value"] for each in self.started[build]["environmentVariablesOverride"]}

    def _respond(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        if operation in self.denied and self.clock.seconds - self._created < self.denied_s:
            return _response(400, {"__type": "AccessDeniedException", "message": f"may not {operation}"})
        if operation == "StartBuild" and self.without_quota:
            message = "Cannot have more than 0 builds in queue for the account"
            return _response(400, {"__type": "AccountLimitExceededException", "message": message})
        self._finish_builds()
        assert isinstance(request.body, bytes)
        return _response(200, getattr(self, f"_{operation}")(json.loads(request.body)))

    def _finish_builds(self) -> None:
        for build in self._builds.values():
            if build["buildStatus"] != "IN_PROGRESS":
                continue
            if int(build["id"].partition(":")[2]) < self.failing_in_queue:
                contexts = [
                    {"statusCode": "ACCESS_DENIED", "message": "not authorized to perform: logs:CreateLogStream"}
                ]
                build["phases"].append({"phaseType": "QUEUED", "phaseStatus": "FAILED", "contexts": contexts})
                build["buildStatus"] = "FAILED"
            elif self.clock.seconds >= build["startTime"] + self.duration:
                build["buildStatus"] = self.outcome
                if self.outcome == "SUCCEEDED":
                    variables = {v["name"]: v["value"] for v in build["environment"]["environmentVariables"]}
                    self.push(variables["TAGS"].split())
                else:
                    contexts = [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "bash build.sh: exit status 1"}]
                    build["phases"].append({"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": contexts})

    def _StartBuild(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 (the operation's name)
        for build, earlier in zip(self._builds.values(), self.started, strict=True):
            young = self.clock.seconds - build["startTime"] < _TOKEN_S
            if young and earlier["idempotencyToken"] == request["idempotencyToken"]:
                return {"build": build}
        number = len(self.started)
        self.started.append(request)
        build = {
            "id": f"images:{number}",
            "startTime": self.clock.seconds,
            "buildStatus": "IN_PROGRESS",
            "phases": [],
            "environment": {"environmentVariables": request["environmentVariablesOverride"]},
            "logs": {"groupName": "/triptych/test/image-build", "streamName": f"stream-{number}"},
        }
        self._builds[f"images:{number}"] = build
        return {"build": build}

    def _BatchGetBuilds(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"builds": [self._builds[build] for build in request["ids"]]}

    def _ListBuildsForProject(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert request["sortOrder"] == "DESCENDING"
        return {"ids": list(reversed(self._builds))}

    def _StopBuild(self, request: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.stopped.append(request["id"])
        self._builds[request["id"]]["buildStatus"] = "STOPPED"
        return {"build": self._builds[request["id"]]}


def _response(status: int, content: dict[str, Any]) -> AWSResponse:
    body = json.dumps(content).encode()

    class Raw(BytesIO):
        def stream(self, *_: Any, **__: Any) -> Any:
            yield self.read()

    headers = HTTPHeaders.from_pairs([("content-type", "application/x-amz-json-1.1")])
    return AWSResponse("https://codebuild.invalid", status, headers, Raw(body))
