"""build.sh with fake `docker` and `aws` commands that record their calls and fail on request."""

import os
import subprocess
from pathlib import Path

import pytest

from testkit.template import ROOT

_FAKE_TOOL = """#!/usr/bin/env bash
name=$(basename "$0")
echo "$name $*" >>"$CALLS"
[ "$name" = docker ] && [ "$1" = login ] && cat >/dev/null
plan="$FAILURES/$name-$1"
[ "$name" = aws ] && plan="$FAILURES/$name-$2"  # the command after `aws ecr`
if [ -s "$plan" ]; then  # one line per call that should fail
    sed -i 1d "$plan"
    exit 1
fi
"""


class Script:
    """build.sh and the commands that it calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"
        self.log.touch()
        for name in ("docker", "aws"):
            (folder / name).write_text(_FAKE_TOOL)
            (folder / name).chmod(0o755)

    def fail(self, command: str, times: int) -> None:
        """Let a command such as `docker build` fail this many times."""
        (self.folder / command.replace(" ", "-")).write_text("fails\n" * times)

    def run(self, tags: str = "v1-aa v3-cc") -> int:
        environment = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "CALLS": str(self.log),
            "FAILURES": str(self.folder),
            "TAGS": tags,
            "REPOSITORY": "123.dkr.ecr.eu-west-1.amazonaws.com/stack/images",
            "BASE_IMAGE": "registry.example/python",
            "PIP_INDEX_URL": "https://mirror.example/simple",
            "PAUSES": "0 0 0",
        }
        script = ROOT / "image_build" / "build.sh"
        return subprocess.run(["bash", script], env=environment, cwd=self.folder, check=False).returncode

    def calls(self, command: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if line.startswith(command)]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path)


def test_each_tag_is_built_from_the_context_of_its_version_and_pushed(script: Script) -> None:
    assert script.run() == 0

    first, second = script.calls("docker build")
    for part in (
        "--build-arg BASE=registry.example/python",
        "--build-arg VERSION=v1",
        "--build-arg PIP_INDEX_URL=https://mirror.example/simple",
        "--file contexts/v1/Dockerfile",
        "--tag 123.dkr.ecr.eu-west-1.amazonaws.com/stack/images:v1-aa contexts/v1",
    ):
        assert part in first
    assert second.endswith(":v3-cc contexts/v3")
    assert [call.rpartition(":")[2] for call in script.calls("docker push")] == ["v1-aa", "v3-cc"]
    assert script.calls("docker login")[0].endswith(" 123.dkr.ecr.eu-west-1.amazonaws.com")


@pytest.mark.parametrize("command", ["docker login", "docker build", "docker push"])
def test_steps_that_need_the_network_are_retried(script: Script, command: str) -> None:
    """`docker build` downloads the base image and the Python packages."""
    script.fail(command, 3)
    script.fail("aws describe-images", 3)

    assert script.run("v1-aa") == 0

    assert len(script.calls(command)) == 4


def test_build_that_always_fails_pushes_nothing(script: Script) -> None:
    script.fail("docker build", 100)

    assert script.run() != 0

    assert len(script.calls("docker build")) == 4
    assert script.calls("docker push") == []


def test_tag_pushed_by_another_build_counts_as_success(script: Script) -> None:
    """Tags are immutable: the registry rejects the second push."""
    script.fail("docker push", 100)

    assert script.run("v1-aa") == 0

    assert script.calls("aws ecr describe-images")[0].endswith(
        "--repository-name stack/images --image-ids imageTag=v1-aa"
    )


def test_push_that_always_fails_fails_the_build(script: Script) -> None:
    script.fail("docker push", 100)
    script.fail("aws describe-images", 100)

    assert script.run("v1-aa") != 0
