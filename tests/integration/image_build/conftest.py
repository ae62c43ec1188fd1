"""What CodeBuild does, done here: the template's buildspec on the package that `sam build` made."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from testkit.template import ROOT, template
from tests.support import containers
from triptych.stack import environment

VERSIONS = ("v1", "v2", "v3")
REPOSITORY = "localhost/triptych-model"

_AWS = """#!/usr/bin/env bash
# `aws`, as far as the buildspec calls it.
case "$1 $2" in
    "lambda get-function") echo "file://$PACKAGE_FILE" ;;
    "ecr get-login-password") echo password ;;
    *) exit 1 ;;
esac
"""


@dataclass
class Checkout:
    """A copy of what the rollout is made from, which a test may change."""

    path: Path

    def sam_build(self) -> Path:
        """`sam build --cached` of the function that builds images.

        Returns:
            Its package.
        """
        settings = {"SAM_CLI_TELEMETRY": "0", "PYTHON": str(environment.tool("python"))}
        build = [str(environment.tool("sam")), "build", "ImageBuilder", "--cached"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
        subprocess.run(build, cwd=self.path, env=kept | settings, check=True, capture_output=True)
        return self.path / ".aws-sam" / "build" / "ImageBuilder"


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    path = tmp_path_factory.mktemp("checkout")
    for folder in ("image_build", "model_service", "models"):
        shutil.copytree(ROOT / folder, path / folder, symlinks=True)
    shutil.copy(ROOT / "template.yaml", path)
    return Checkout(path)


@pytest.fixture(scope="package")
def package(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, as it was built at first."""
    return shutil.copytree(checkout.sam_build(), tmp_path_factory.mktemp("package") / "package")


@pytest.fixture(scope="package")
def storage(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[containers.Storage]:
    """An image storage that holds the base image."""
    if reason := containers.missing():
        pytest.skip(reason)
    storage = containers.Storage(tmp_path_factory.mktemp("containers"))
    try:
        storage.add_base(containers.base_archive(Path(pytestconfig.cache.mkdir("debian"))))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"debootstrap: {error.stdout.decode().strip().splitlines()[-1:]}")
    yield storage
    storage.clear()


@pytest.fixture(scope="package")
def images(package: Path, storage: containers.Storage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The image of each version, built by the buildspec that stands in the template."""
    folder = tmp_path_factory.mktemp("codebuild")
    tools = folder / "tools"
    tools.mkdir()
    (tools / "aws").write_text(_AWS)
    (tools / "aws").chmod(0o755)
    archive = shutil.make_archive(str(folder / "function"), "zip", package)
    tags = {version: f"{version}-0123456789abcdef" for version in VERSIONS}
    given = {
        "PACKAGE": "arn:aws:lambda:eu-west-1:123456789012:function:image-builder:7",
        "PACKAGE_FILE": archive,
        "TAGS": " ".join(tags.values()),
        "REPOSITORY": REPOSITORY,
        "BASE_IMAGE": containers.BASE,
        "PAUSES": "1",
    }
    buildspec = yaml.safe_load(template()["Resources"]["ImageBuild"]["Properties"]["Source"]["BuildSpec"])
    commands = "\n".join(buildspec["phases"]["build"]["commands"])
    source = folder / "source"  # CodeBuild starts in an empty folder where there is no source
    source.mkdir()
    environment = {**os.environ, **storage.tools(tools), **given}
    done = subprocess.run(
        [buildspec["env"]["shell"], "-c", commands], cwd=source, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return {version: f"{REPOSITORY}:{tag}" for version, tag in tags.items()}
