"""The image build as a part of the deployment: CloudFormation, Lambda, roles and repository together.

The emulator's CodeBuild finishes every build at once and successfully, but without an image. So one test checks the
failure that this causes, and the other pushes the images itself.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import WaiterError

from image_build import contexts
from tests.support.account import Account, added_resources
from tests.support.checkouts import VERSIONS
from tests.support.rollouts import BUILDING
from triptych.stack.deployment import STACK_NAME

# Each test deploys the whole stack.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("account")]


def expected_tags(account: Account) -> dict[str, str]:
    """Return the tags of all images, computed from the package as the function does."""
    settings = ("public.ecr.aws/docker/library/python:3.13-slim", "X86_64")
    folders = contexts.by_name(account.home.build / "ImageBuilder" / "contexts")
    return {name: contexts.image_tag(name, folder, *settings) for name, folder in folders.items()}


def repositories(account: Account) -> list[str]:
    return [each["repositoryName"] for each in account.client("ecr").describe_repositories()["repositories"]]


@contextmanager
def images_are_pushed(account: Account) -> Iterator[None]:
    """Push every image as soon as the repository exists, which is long before the function looks for them."""
    registry, finished = account.client("ecr"), threading.Event()
    manifests = {}
    for tag in expected_tags(account).values():
        layer = {"digest": f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}", "size": 1, "mediaType": "layer"}
        manifests[tag] = json.dumps({"schemaVersion": 2, "mediaType": "v2", "config": layer, "layers": [layer]})

    def push() -> None:
        while not finished.wait(0.02):
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
        finished.set()
        thread.join()


def test_build_that_pushes_nothing_rolls_the_stack_back(account: Account, packaged: str) -> None:
    """CloudFormation receives a response: it does not wait for the time-out, and keeps no resource."""
    with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
        account.create_stack(packaged, BUILDING["builds"])

    events = account.client("cloudformation").describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    [failure] = [each for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert failure["LogicalResourceId"] == "ModelImage"
    assert "pushed no v1-" in failure["ResourceStatusReason"]
    [build] = account.client("codebuild").list_builds()["ids"]
    assert build.startswith(f"{STACK_NAME}-model-image:")
    account.delete_stack()
    assert repositories(account) == []


def test_existing_images_are_used_until_their_inputs_change(account: Account, packaged: str) -> None:
    before = account.resources()
    with images_are_pushed(account):
        account.create_stack(packaged, BUILDING["builds"])
    first = task_images(account)
    [repository] = repositories(account)
    expected = {name: f"/{repository}:{tag}" for name, tag in expected_tags(account).items()}
    assert all(image.endswith(expected[version]) for version, image in first.items())

    update_stack(account, packaged, BUILDING["builds"] | {"LogRetentionDays": "3", "OfficeFormats": "convert"})
    assert task_images(account) == first
    assert task_image(account, "converter").endswith(expected["converter"])

    update_stack(account, packaged, {"ModelImageUri": "registry.example/own:1", "OfficeFormats": "none"})
    assert set(task_images(account).values()) == {"registry.example/own:1"}
    assert repositories(account) == []
    assert account.client("codebuild").list_projects()["projects"] == []

    account.delete_stack()
    kept = added_resources(account.resources(), before)
    assert not {"iam Roles", "lambda Functions", "logs logGroups"} & set(kept)
    account.delete_retained()


def update_stack(account: Account, packaged: str, overrides: dict[str, str]) -> None:
    """Update the stack with these parameters."""
    client = account.client("cloudformation")
    [stack] = client.describe_stacks(StackName=STACK_NAME)["Stacks"]
    values = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]} | overrides
    client.update_stack(
        StackName=STACK_NAME,
        TemplateURL=packaged,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    client.get_waiter("stack_update_complete").wait(StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def task_images(account: Account) -> dict[str, str]:
    """Return the image in the newest task definition of each version."""
    return {version: task_image(account, version) for version in VERSIONS}


def task_image(account: Account, service: str) -> str:
    """Return the image in the newest task definition of a service."""
    task = account.client("ecs").describe_task_definition(taskDefinition=f"{STACK_NAME}-{service}")
    [container] = task["taskDefinition"]["containerDefinitions"]
    return str(container["image"])
