"""What CodeBuild runs, with `docker` and `aws` that note how they were called and fail as a test tells them."""

import os
import subprocess
from pathlib import Path

import pytest

from testkit.template import ROOT

_TOOL = """#!/usr/bin/env bash
name=$(basename "$0")
echo "$name $*" >>"$NOTES"
[ "$name" = docker ] && [ "$1" = login ] && cat >/dev/null
failures="$PLANS/$name-$1"
[ "$name" = aws ] && failures="$PLANS/$name-$2"  # aws ecr SOMETHING
if [ -s "$failures" ]; then  # one line for each call that is to fail
    sed -i 1d "$failures"
    exit 1
fi
"""


class Script:
    """build.sh and the tools that it calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder / "notes"
        self.notes.touch()
        for name in ("docker", "aws"):
            (folder / name).write_text(_TOOL)
            (folder / name).chmod(0o755)

    def fail(self, command: str, times: int) -> None:
        """Let `docker build`, for instance, fail so many times."""
        (self.folder / command.replace(" ", "-")).write_text("fails\n" * times)

    def run(self, tags: str = "v1-aa v3-cc") -> int:
        environment = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "NOTES": str(self.notes),
            "PLANS": str(self.folder),
            "TAGS": tags,
            "REPOSITORY": "123.dkr.ecr.eu-west-1.amazonaws.com/stack/images",
            "BASE_IMAGE": "registry.example/python",
            "PAUSES": "0 0 0",
        }
        script = ROOT / "image_build" / "build.sh"
        return subprocess.run(["bash", script], env=environment, cwd=self.folder, check=False).returncode

    def calls(self, command: str) -> list[str]:
        return [line for line in self.notes.read_text().splitlines() if line.startswith(command)]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path)


def test_each_tag_is_built_from_its_versions_context_and_pushed(script: Script) -> None:
    assert script.run() == 0

    first, second = script.calls("docker build")
    for part in (
        "--build-arg BASE=registry.example/python",
        "--build-arg VERSION=v1",
        "--file contexts/v1/model_service/Dockerfile",
        "--tag 123.dkr.ecr.eu-west-1.amazonaws.com/stack/images:v1-aa contexts/v1",
    ):
        assert part in first
    assert second.endswith(":v3-cc contexts/v3")
    assert [call.rpartition(":")[2] for call in script.calls("docker push")] == ["v1-aa", "v3-cc"]
    assert script.calls("docker login")[0].endswith(" 123.dkr.ecr.eu-west-1.amazonaws.com")


@pytest.mark.parametrize("command", ["docker login", "docker build", "docker push"])
def test_what_needs_the_network_is_tried_again(script: Script, command: str) -> None:
    """The base image and the packages come over the network with `docker build`."""
    script.fail(command, 3)
    script.fail("aws describe-images", 3)

    assert script.run("v1-aa") == 0

    assert len(script.calls(command)) == 4


def test_what_fails_every_time_fails_the_build_and_pushes_nothing(script: Script) -> None:
    script.fail("docker build", 100)

    assert script.run() != 0

    assert len(script.calls("docker build")) == 4
    assert script.calls("docker push") == []


def test_a_tag_that_another_build_pushed_first_is_good(script: Script) -> None:
    """Tags are immutable: the second push is refused."""
    script.fail("docker push", 100)

    assert script.run("v1-aa") == 0

    assert script.calls("aws ecr describe-images")[0].endswith(
        "--repository-name stack/images --image-ids imageTag=v1-aa"
    )


def test_a_push_that_fails_for_good_fails_the_build(script: Script) -> None:
    script.fail("docker push", 100)
    script.fail("aws describe-images", 100)

    assert script.run("v1-aa") != 0
