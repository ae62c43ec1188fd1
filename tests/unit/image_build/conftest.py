"""A stage for the custom resource: real HTTP to CloudFormation, clients as on AWS, and time that can be wound."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from image_build import contexts, handler
from image_build.builder import Builder
from tests.support.callback import Callback, listening
from tests.support.codebuild import REGION, Clock, FakeCodeBuild

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

ATTEMPTS_S = (0.0, 60.0, 120.0)
"""What Lambda waits before the attempts that it makes at an asynchronous invocation."""


class Killed(BaseException):
    """The invocation ended without a word: out of memory, out of time, or its host is gone."""


class Invocation:
    """One run of the function: Lambda's context."""

    function_version = "7"
    invoked_function_arn = f"arn:aws:lambda:{REGION}:123456789012:function:image-builder:live"

    def __init__(self, clock: Clock, timeout: float) -> None:
        self._clock = clock
        self._end = clock.seconds + timeout

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - self._clock.seconds) * 1000)


class Stage:
    """The stack's side of one repository, and the ways in which CloudFormation and Lambda call."""

    timeout = 900.0

    def __init__(self, callback: Callback, ecr: "ECRClient", root: Path, name: str = "images") -> None:
        self.clock = Clock()
        self.callback = callback
        self.ecr = ecr
        self.root = root
        self.name = name
        self.uri = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
        self.codebuild = FakeCodeBuild(self.clock, self.push)
        self.dies_at: list[float] = []
        """Seconds from the start at which an invocation is killed."""
        self.born = self.clock.seconds
        self.endings: list[type[BaseException] | None] = []
        """How each invocation ended: None where it returned."""
        self._client = self.codebuild.client()

    def push(self, tags: list[str]) -> None:
        for tag in tags:
            layer = {"digest": "sha256:" + hashlib.sha256(tag.encode()).hexdigest(), "size": 1, "mediaType": "layer"}
            manifest = {"schemaVersion": 2, "mediaType": "v2", "config": layer, "layers": [layer]}
            self.ecr.put_image(repositoryName=self.name, imageManifest=json.dumps(manifest), imageTag=tag)

    def tags(self) -> set[str]:
        """What the repository holds."""
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
            "ResponseURL": self.callback.url,
            "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/triptych/1",
            "LogicalResourceId": "ModelImage",
            "ResourceType": "Custom::ModelImage",
            "ResourceProperties": properties | changes,
        }
        if kind != "Create":
            event["PhysicalResourceId"] = "model-images"
        return event

    def invoke(self, event: dict[str, Any]) -> None:
        """One invocation."""
        end = self.clock.seconds + self.timeout

        def sleep(seconds: float) -> None:
            self.clock.sleep(seconds)
            if self.clock.seconds > end:
                raise Killed
            if self.dies_at and self.clock.seconds >= self.born + self.dies_at[0]:
                self.dies_at.pop(0)
                raise Killed

        def make_builder() -> Builder:
            return Builder(self._client, self.ecr, sleep=sleep, now=self.clock.now)

        handler.handle(event, Invocation(self.clock, self.timeout), make_builder, sleep=sleep)

    def request(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """What CloudFormation is told in the end, after all of Lambda's attempts; None where it is told nothing."""
        before = len(self.callback.answers)
        for wait in ATTEMPTS_S:
            self.clock.sleep(wait)
            try:
                self.invoke(event)
            except (Exception, Killed) as error:
                self.endings.append(type(error))
            else:
                self.endings.append(None)
                break
        answers = self.callback.answers[before:]
        return answers[-1] if answers else None

    def change(self, version: str, content: bytes) -> None:
        (self.root / version / "models" / version / "model.bin").write_bytes(content)


@pytest.fixture(scope="session")
def callback() -> Iterator[Callback]:
    with listening() as server:
        yield server


@pytest.fixture
def ecr() -> "Iterator[ECRClient]":
    with mock_aws():
        yield boto3.client("ecr", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Contexts of three small versions, where the function looks for them."""
    for version in ("v1", "v2", "v3"):
        for path, content in {
            "model_service/Dockerfile": b"FROM scratch",
            "model_service/app.py": b"...",
            f"models/{version}/model.bin": version.encode(),
        }.items():
            file = tmp_path / version / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    monkeypatch.setattr(contexts, "CONTEXTS", tmp_path)
    return tmp_path


@pytest.fixture
def stage(callback: Callback, ecr: "ECRClient", root: Path) -> Stage:
    callback.answers.clear()
    callback.statuses.clear()
    return Stage(callback, ecr, root)
