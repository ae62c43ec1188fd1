"""Protects: images that the tasks could not download are found before a deployment waits for them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from tests.unit.triptych.preflight.conftest import ACCOUNT
from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Severity
from triptych.preflight.image import RegistryImage, find_images

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

REGISTRY = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def ecr() -> "Iterator[ECRClient]":
    with mock_aws():
        client = boto3.Session("testing", "testing", region_name="us-east-1").client("ecr")
        client.create_repository(repositoryName="team/model")
        media = "application/vnd.docker.distribution.manifest.v2+json"
        client.put_image(repositoryName="team/model", imageManifest="{}", imageManifestMediaType=media, imageTag="1")
        yield client


def sentences(ecr: "ECRClient", **parameters: str) -> list[str]:
    plan = Deployment("triptych", "us-east-1", ACCOUNT, "aws", parameters)
    return [finding.sentence for finding in find_images(ecr, plan)]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (f"{REGISTRY}/model:1", RegistryImage(ACCOUNT, "us-east-1", "model", "1", None)),
        (f"{REGISTRY}/a/b@{DIGEST}", RegistryImage(ACCOUNT, "us-east-1", "a/b", None, DIGEST)),
        (f"{REGISTRY}/a/b:1@{DIGEST}", RegistryImage(ACCOUNT, "us-east-1", "a/b", "1", DIGEST)),
        (f"{REGISTRY}/model", RegistryImage(ACCOUNT, "us-east-1", "model", None, None)),
        ("public.ecr.aws/docker/library/python:3.13", None),
        ("python", None),
    ],
)
def test_the_parts_of_an_image_in_ecr_are_read(uri: str, expected: RegistryImage | None) -> None:
    assert RegistryImage.parse(uri) == expected


def test_an_image_in_the_stacks_registry_has_to_exist(ecr: "ECRClient") -> None:
    assert sentences(ecr, ModelImageUri=f"{REGISTRY}/team/model:1") == []
    missing = [f"{REGISTRY}/team/model:2", f"{REGISTRY}/other:1"]
    found = sentences(ecr, ModelImageUri=missing[0], ModelImageUriV2=missing[1], ModelImageUriV3=missing[1])
    assert found == [f"The image {uri} does not exist." for uri in missing]


def test_the_role_of_the_tasks_pulls_only_from_its_repositories(ecr: "ECRClient") -> None:
    uri = f"{REGISTRY.replace(ACCOUNT, '999999999999')}/team/model:1"
    repository = "arn:aws:ecr:us-east-1:999999999999:repository/team/model"
    plan = Deployment("triptych", "us-east-1", ACCOUNT, "aws", {"ModelImageUri": uri})
    [finding] = find_images(ecr, plan)
    assert finding.sentence.startswith(f"The role of the tasks may not pull {uri}")
    assert finding.remedy == f"Set ImageRepositoryArns={repository}, or copy the image."
    for allowed in (repository, "arn:aws:ecr:us-east-1:999999999999:repository/team/*"):
        assert sentences(ecr, ModelImageUri=uri, ImageRepositoryArns=allowed) == []
    [sentence] = sentences(ecr, ModelImageUri=f"{REGISTRY}/team/model:1", ImageRepositoryArns=repository)
    assert "may not pull" in sentence


@pytest.mark.parametrize("network", ["private", "public"])
def test_another_region_is_reached_from_a_public_network_only(ecr: "ECRClient", network: str) -> None:
    uri = f"{REGISTRY.replace('us-east-1', 'eu-west-1')}/model:1"
    allowed = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/model"
    found = sentences(ecr, Network=network, ModelImageUri=uri, ImageRepositoryArns=allowed)
    assert [uri in sentence and "reach ECR in us-east-1 only" in sentence for sentence in found] == (
        [True] if network == "private" else []
    )


def test_other_registries_are_reached_from_a_public_network_only(ecr: "ECRClient") -> None:
    assert sentences(ecr, ModelImageUri="ghcr.io/a/b:1", Network="public") == []
    [sentence] = sentences(ecr, ModelImageUri="ghcr.io/a/b:1")
    assert "is not in ECR, and tasks in a private network reach ECR in us-east-1 only" in sentence


def test_an_existing_network_with_other_routes_is_only_a_warning(ecr: "ECRClient") -> None:
    parameters = {"ModelImageUri": "ghcr.io/a/b:1", "VpcId": "vpc-1", "InterfaceEndpoints": "existing"}
    [finding] = find_images(ecr, Deployment("triptych", "us-east-1", ACCOUNT, "aws", parameters))
    assert finding.severity is Severity.WARNING
