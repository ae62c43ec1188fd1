"""Run the template's buildspec on the package that `sam build` made, as CodeBuild does."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from testkit.template import template
from tests.support import containers
from tests.support.checkouts import VERSIONS, Checkout, copy_checkout
from tests.support.tools import require_tool

REPOSITORY = "localhost/triptych-model"

_AWS = """#!/usr/bin/env bash
# A substitute for the calls of `aws` in the buildspec and in build.sh.
case "$1 $2" in
    "lambda get-function") echo "file://$PACKAGE_FILE" ;;
    "ecr get-login-password") echo password ;;
    *) exit 1 ;;
esac
"""


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    require_tool("sam")
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="package")
def package(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the first build, because later ones replace it."""
    return shutil.copytree(checkout.sam_build("ImageBuilder"), tmp_path_factory.mktemp("package") / "package")


@pytest.fixture(scope="package")
def storage(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[containers.Storage]:
    """An image storage with the base image in it."""
    if reason := containers.missing_requirements():
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
    """The image of each version."""
    return build_images(VERSIONS, package, storage, tmp_path_factory.mktemp("codebuild"))


@pytest.fixture(scope="package")
def converter_image(package: Path, storage: containers.Storage, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of the converter, which takes minutes to build."""
    return build_images(["converter"], package, storage, tmp_path_factory.mktemp("codebuild"))["converter"]


def build_images(names: Sequence[str], package: Path, storage: containers.Storage, folder: Path) -> dict[str, str]:
    """Build images with the buildspec of the template.

    Args:
        names: The images.
        package: The package of ImageBuilder.
        storage: Receives the images.
        folder: An empty folder.

    Returns:
        The reference of each image.
    """
    tools = folder / "tools"
    tools.mkdir()
    (tools / "aws").write_text(_AWS)
    (tools / "aws").chmod(0o755)
    archive = shutil.make_archive(str(folder / "function"), "zip", package)
    tags = {name: f"{name}-0123456789abcdef" for name in names}
    variables = {
        "PACKAGE": "arn:aws:lambda:eu-west-1:123456789012:function:image-builder:7",
        "PACKAGE_FILE": archive,
        "TAGS": " ".join(tags.values()),
        "REPOSITORY": REPOSITORY,
        "BASE_IMAGE": containers.BASE,
        "PAUSES": "1",
    }
    buildspec = yaml.safe_load(template()["Resources"]["ImageBuild"]["Properties"]["Source"]["BuildSpec"])
    commands = "\n".join(buildspec["phases"]["build"]["commands"])
    source = folder / "source"  # without a source, CodeBuild starts in an empty folder
    source.mkdir()
    environment = {**os.environ, **storage.tools(tools), **variables}
    done = subprocess.run(
        [buildspec["env"]["shell"], "-c", commands],
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return {name: f"{REPOSITORY}:{tag}" for name, tag in tags.items()}
