"""The image's part of the rollout on the emulator: CloudFormation, Lambda, roles and repository work together.

The emulator's CodeBuild ends every build at once, well, and without an image. So the failure is tried with it as it
is, and the success with images that are there already, as after a rollback.
"""

import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import WaiterError

from image_build import contexts
from testkit.template import ROOT
from tests.support.account import Account, difference, opened
from tests.support.rollouts import BUILDING
from triptych.stack import Home, deployment
from triptych.stack.deployment import STACK_NAME

pytestmark = pytest.mark.timeout(900)  # the whole stack, three times over

VERSIONS = ("v1", "v2", "v3")


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of its own, IAM enforced, with the template built; the models are small ones."""
    with opened(Home(tmp_path_factory.mktemp("account")), "codebuild", "ecr") as account:
        checkout = small_checkout(tmp_path_factory.mktemp("checkout"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(deployment, "REPOSITORY", checkout)
            deployment.sam_build(account.home, "small")
        # The local stack leaves the contexts out; here they are wanted.
        package = f"ARTIFACTS_DIR={account.home.build / 'ImageBuilder'}"
        subprocess.run(["make", "-C", checkout / "image_build", package, "build-ImageBuilder"], check=True)
        yield account


def small_checkout(path: Path) -> Path:
    """A checkout like ours, but for the weights."""
    for name in ("image_build", "orchestrator", "model_service"):
        shutil.copytree(ROOT / name, path / name, symlinks=True)
    shutil.copy(ROOT / "template.yaml", path)
    for version in VERSIONS:
        (path / "models" / version).mkdir(parents=True)
        for file in ("manifest.json", "model.xml", "model.bin"):
            (path / "models" / version / file).write_text(version)
    return path


def expected_tags(account: Account) -> dict[str, str]:
    """The tags of what was built, computed from the package as the function computes them."""
    settings = ("public.ecr.aws/docker/library/python:3.13-slim", "X86_64")
    found = contexts.by_version(account.home.build / "ImageBuilder" / "contexts")
    return {version: contexts.image_tag(version, folder, *settings) for version, folder in found.items()}


def repositories(account: Account) -> list[str]:
    return [each["repositoryName"] for each in account.client("ecr").describe_repositories()["repositories"]]


@contextmanager
def images_are_there(account: Account) -> Iterator[None]:
    """Push each image as soon as there is a repository: long before the function, which needs it, runs."""
    registry, over = account.client("ecr"), threading.Event()
    manifests = {}
    for tag in expected_tags(account).values():
        layer = {"digest": f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}", "size": 1, "mediaType": "layer"}
        manifests[tag] = json.dumps({"schemaVersion": 2, "mediaType": "v2", "config": layer, "layers": [layer]})

    def push() -> None:
        while not over.wait(0.02):
            for repository in registry.describe_repositories()["repositories"]:
                for tag, manifest in manifests.items():
                    name = repository["repositoryName"]
                    registry.put_image(repositoryName=name, imageManifest=manifest, imageTag=tag)
                return

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_build_that_pushes_nothing_rolls_the_stack_back(account: Account, packaged: str) -> None:
    """CloudFormation is answered: it does not wait, and nothing of the stack stays behind."""
    with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
        account.create(packaged, BUILDING["builds"])

    events = account.client("cloudformation").describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    [failure] = [each for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert failure["LogicalResourceId"] == "ModelImage"
    assert "pushed no v1-" in failure["ResourceStatusReason"]
    [build] = account.client("codebuild").list_builds()["ids"]
    assert build.startswith(f"{STACK_NAME}-model-image:")
    account.remove()
    assert repositories(account) == []


def test_images_that_are_there_are_used_as_long_as_nothing_changes(account: Account, packaged: str) -> None:
    before = account.holdings()
    with images_are_there(account):
        account.create(packaged, BUILDING["builds"])
    first = images(account)
    [repository] = repositories(account)
    assert {version: image.rpartition(":")[2] for version, image in first.items()} == expected_tags(account)
    assert all(f"/{repository}:" in image for image in first.values())

    update(account, packaged, BUILDING["builds"] | {"LogRetentionDays": "3"})
    assert images(account) == first

    update(account, packaged, {"ModelImageUri": "registry.example/own:1"})
    assert set(images(account).values()) == {"registry.example/own:1"}
    assert repositories(account) == []
    assert account.client("codebuild").list_projects()["projects"] == []

    account.remove()
    assert not {"iam Roles", "lambda Functions", "logs logGroups"} & set(difference(account.holdings(), before))


def update(account: Account, packaged: str, given: dict[str, str]) -> None:
    """Update the stack to these parameters."""
    client = account.client("cloudformation")
    [stack] = client.describe_stacks(StackName=STACK_NAME)["Stacks"]
    values = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]} | given
    client.update_stack(
        StackName=STACK_NAME,
        TemplateURL=packaged,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    client.get_waiter("stack_update_complete").wait(StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def images(account: Account) -> dict[str, str]:
    """What the newest task definition of each version runs."""
    found = {}
    for version in VERSIONS:
        task = account.client("ecs").describe_task_definition(taskDefinition=f"{STACK_NAME}-{version}")
        [container] = task["taskDefinition"]["containerDefinitions"]
        found[version] = container["image"]
    return found
