"""The custom resource with real HTTP to CloudFormation, real clients for fake services, and a controllable clock."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from image_build import contexts, handler
from image_build.builder import ImageBuilder
from tests.support.codebuild import REGION, Clock, FakeCodeBuild
from tests.support.response_server import ResponseServer, response_server

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

ATTEMPT_DELAYS_S = (0.0, 60.0, 120.0)
"""Lambda's waits before its attempts at an asynchronous invocation."""


class Killed(BaseException):
    """The invocation ended without any cleanup: out of memory, out of time, or the host failed."""


class Invocation:
    """Lambda's context object of one invocation."""

    function_version = "7"
    invoked_function_arn = f"arn:aws:lambda:{REGION}:123456789012:function:image-builder:live"

    def __init__(self, clock: Clock, timeout: float) -> None:
        self._clock = clock
        self._end = clock.seconds + timeout

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - self._clock.seconds) * 1000)


class Deployment:
    """One repository with its CodeBuild project, and the calls of CloudFormation and Lambda."""

    timeout = 900.0

    def __init__(self, server: ResponseServer, ecr: "ECRClient", root: Path, name: str = "images") -> None:
        self.clock = Clock()
        self.server = server
        self.ecr = ecr
        self.root = root
        self.name = name
        self.uri = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
        self.codebuild = FakeCodeBuild(self.clock, self.push)
        self.kill_at: list[float] = []
        """Seconds from the start at which the running invocation is killed."""
        self.created = self.clock.seconds
        self.outcomes: list[type[BaseException] | None] = []
        """The exception that ended each invocation, or None."""
        self._client = self.codebuild.client()

    def push(self, tags: list[str]) -> None:
        for tag in tags:
            layer = {"digest": "sha256:" + hashlib.sha256(tag.encode()).hexdigest(), "size": 1, "mediaType": "layer"}
            manifest = {"schemaVersion": 2, "mediaType": "v2", "config": layer, "layers": [layer]}
            self.ecr.put_image(repositoryName=self.name, imageManifest=json.dumps(manifest), imageTag=tag)

    def tags(self) -> set[str]:
        """Return the tags in the repository."""
        return {image["imageTag"] for image in self.ecr.list_images(repositoryName=self.name)["imageIds"]}

    def event(self, kind: str, request: str = "request-1", **changes: Any) -> dict[str, Any]:
        properties = {
            "ServiceToken": Invocation.invoked_function_arn,
            "ServiceTimeout": "2700",
            "Package": f"arn:aws:lambda:{REGION}:123456789012:function:image-builder:7",
            "Project": "triptych-model-image",
            "Repository": self.name,
            "RepositoryUri": self.uri,
            "BaseImage": "registry.example/python:3.13-slim",
            "Architecture": "X86_64",
        }
        event = {
            "RequestType": kind,
            "RequestId": request,
            "ResponseURL": self.server.url,
            "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/triptych/1",
            "LogicalResourceId": "ModelImage",
            "ResourceType": "Custom::ModelImage",
            "ResourceProperties": properties | changes,
        }
        if kind != "Create":
            event["PhysicalResourceId"] = "model-images"
        return event

    def invoke(self, event: dict[str, Any]) -> None:
        """Run one invocation."""
        end = self.clock.seconds + self.timeout

        def sleep(seconds: float) -> None:
            self.clock.sleep(seconds)
            if self.clock.seconds > end:
                raise Killed
            if self.kill_at and self.clock.seconds >= self.created + self.kill_at[0]:
                self.kill_at.pop(0)
                raise Killed

        def make_builder() -> ImageBuilder:
            return ImageBuilder(self._client, self.ecr, sleep=sleep, now=self.clock.now)

        handler.handle_request(event, Invocation(self.clock, self.timeout), make_builder, sleep=sleep)

    def request(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Return the response that CloudFormation receives after all of Lambda's attempts, or None."""
        before = len(self.server.received)
        for delay in ATTEMPT_DELAYS_S:
            self.clock.sleep(delay)
            try:
                self.invoke(event)
            except (Exception, Killed) as error:  # noqa: BLE001 -- Lambda survives whatever the handler raises
                self.outcomes.append(type(error))
            else:
                self.outcomes.append(None)
                break
        responses = self.server.received[before:]
        return responses[-1] if responses else None

    def change_weights(self, version: str, content: bytes) -> None:
        (self.root / version / "models" / version / "model.bin").write_bytes(content)


@pytest.fixture(scope="session")
def server() -> Iterator[ResponseServer]:
    with response_server() as server:
        yield server


@pytest.fixture
def ecr() -> "Iterator[ECRClient]":
    with mock_aws():
        yield boto3.client("ecr", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small contexts of three versions and the converter in the place where the function looks for them."""
    (tmp_path / "converter").mkdir()
    (tmp_path / "converter" / "Dockerfile").write_bytes(b"FROM scratch")
    for version in ("v1", "v2", "v3"):
        for path, content in {
            "Dockerfile": b"FROM scratch",
            "model_service/app.py": b"...",
            f"models/{version}/model.bin": version.encode(),
        }.items():
            file = tmp_path / version / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    monkeypatch.setattr(contexts, "CONTEXTS", tmp_path)
    return tmp_path


@pytest.fixture
def deployment(server: ResponseServer, ecr: "ECRClient", root: Path) -> Deployment:
    server.received.clear()
    server.statuses.clear()
    return Deployment(server, ecr, root)
