"""A CodeBuild behind a real client: botocore checks requests and reads answers, and nothing leaves the process.

moto's own ends every build at once and well; this one takes its time, and fails as a test tells it.
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
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class FakeCodeBuild:
    """Builds that take `duration` seconds and end as `outcome`; `push` is called where that is SUCCEEDED.

    `started` are the requests that started a build; `refuse` names operations that are answered with AccessDenied, for
    as long as `settles` says. Of the builds the first `unbegun` end in the queue.
    """

    clock: Clock
    push: Callable[[list[str]], None]
    duration: float = 180.0
    outcome: str = "SUCCEEDED"
    refuse: set[str] = field(default_factory=set)
    settles: float = float("inf")
    unbegun: int = 0
    started: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    _builds: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._born = self.clock.seconds

    def client(self) -> "CodeBuildClient":
        client: CodeBuildClient = boto3.client(
            "codebuild",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register_first("before-send.codebuild.*", self._answer)  # type: ignore[arg-type]  # it answers
        return client

    def variables(self, build: int = -1) -> dict[str, str]:
        """The environment that a build was started with."""
        return {each["name"]: each["value"] for each in self.started[build]["environmentVariablesOverride"]}

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        if operation in self.refuse and self.clock.seconds - self._born < self.settles:
            return _response(400, {"__type": "AccessDeniedException", "message": f"may not {operation}"})
        self._pass_time()
        assert isinstance(request.body, bytes)
        asked = json.loads(request.body)
        return _response(200, getattr(self, f"_{operation}")(asked))

    def _pass_time(self) -> None:
        for build in self._builds.values():
            if build["buildStatus"] != "IN_PROGRESS":
                continue
            if int(build["id"].partition(":")[2]) < self.unbegun:
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

    def _StartBuild(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 (the operation's name)
        for build, earlier in zip(self._builds.values(), self.started, strict=True):
            young = self.clock.seconds - build["startTime"] < _TOKEN_S
            if young and earlier["idempotencyToken"] == asked["idempotencyToken"]:
                return {"build": build}
        number = len(self.started)
        self.started.append(asked)
        build = {
            "id": f"images:{number}",
            "startTime": self.clock.seconds,
            "buildStatus": "IN_PROGRESS",
            "phases": [],
            "environment": {"environmentVariables": asked["environmentVariablesOverride"]},
            "logs": {"groupName": "/triptych/test/image-build", "streamName": f"stream-{number}"},
        }
        self._builds[f"images:{number}"] = build
        return {"build": build}

    def _BatchGetBuilds(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"builds": [self._builds[build] for build in asked["ids"]]}

    def _ListBuildsForProject(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert asked["sortOrder"] == "DESCENDING"
        return {"ids": list(reversed(self._builds))}

    def _StopBuild(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.stopped.append(asked["id"])
        self._builds[asked["id"]]["buildStatus"] = "STOPPED"
        return {"build": self._builds[asked["id"]]}


def _response(status: int, content: dict[str, Any]) -> AWSResponse:
    body = json.dumps(content).encode()

    class Raw(BytesIO):
        def stream(self, *_: Any, **__: Any) -> Any:
            yield self.read()

    headers = HTTPHeaders.from_pairs([("content-type", "application/x-amz-json-1.1")])
    return AWSResponse("https://codebuild.invalid", status, headers, Raw(body))
