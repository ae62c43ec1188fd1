"""Protects: names that S3 or CloudFormation reject, and states in which a stack cannot be deployed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.triptych.preflight.conftest import ACCOUNT
from triptych.preflight.deployment import DeployedStack, Deployment
from triptych.preflight.findings import Severity
from triptych.preflight.stack import (
    MAX_IMAGE_AND_BUCKET,
    MAX_NAMES,
    find_fixed_parameters,
    find_hosting_change,
    find_long_descriptions,
    find_stack_name,
    find_stack_state,
)


def planned(stack: str, region: str = "us-east-1", status: str | None = None, **parameters: str) -> Deployment:
    return Deployment(stack, region, ACCOUNT, "aws", parameters, DeployedStack(status, {}) if status else None)


@pytest.mark.parametrize(
    ("region", "longest"), [("us-east-1", 34), ("eu-central-1", 31), ("ap-southeast-1", 29), ("ap-northeast-1", 29)]
)
def test_the_longest_name_depends_on_the_region(region: str, longest: int) -> None:
    assert not list(find_stack_name(planned("a" * longest, region)))
    [finding] = find_stack_name(planned("a" * (longest + 1), region))
    assert finding.remedy == f"Use at most {longest} characters."


@given(st.from_regex(r"[a-z][a-z0-9-]{0,60}", fullmatch=True), st.sampled_from(["us-east-1", "ap-southeast-1"]))
def test_a_name_passes_if_and_only_if_its_bucket_has_at_most_63_characters(name: str, region: str) -> None:
    plan = planned(name, region)
    assert (not list(find_stack_name(plan))) is (len(plan.own_bucket) <= 63)


@pytest.mark.parametrize("name", ["1st", "with_underscore", "a" * 129, "ä"])
def test_names_that_cloudformation_rejects_are_found(name: str) -> None:
    [finding] = find_stack_name(planned(name, ExistingBucketName="documents"))
    assert "does not accept" in finding.sentence


def test_with_an_existing_bucket_any_name_of_cloudformation_is_accepted() -> None:
    assert not list(find_stack_name(planned("Triptych" * 6, ExistingBucketName="documents")))


def test_the_name_of_an_existing_stack_is_accepted() -> None:
    assert not list(find_stack_name(planned("a" * 60, status="UPDATE_COMPLETE")))


@pytest.mark.parametrize(
    ("status", "command"),
    [
        ("ROLLBACK_COMPLETE", "sam delete --stack-name triptych --region us-east-1"),
        ("ROLLBACK_FAILED", "sam delete"),
        ("CREATE_FAILED", "sam delete"),
        ("DELETE_FAILED", "sam delete"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
        ("UPDATE_FAILED", "rollback-stack"),
        ("CREATE_IN_PROGRESS", "wait stack-create-complete"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait stack-update-complete"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "wait stack-rollback-complete"),
        ("DELETE_IN_PROGRESS", "wait stack-delete-complete"),
    ],
)
def test_each_state_has_its_way_out(status: str, command: str) -> None:
    [finding] = find_stack_state(planned("triptych", status=status))
    assert status in finding.sentence
    assert command in finding.remedy


@pytest.mark.parametrize("status", [None, "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_states_that_permit_a_deployment_are_accepted(status: str | None) -> None:
    assert not list(find_stack_state(planned("triptych", status=status)))


@pytest.mark.parametrize(
    ("earlier", "given", "expected"),
    [
        ({}, {}, []),
        ({"VpcCidr": "10.0.0.0/16"}, {}, []),
        (
            {},
            {"VpcCidr": "10.0.0.0/16"},
            [(Severity.PROBLEM, "from 10.73.0.0/16 to 10.0.0.0/16", "Keep VpcCidr=10.73.0.0/16")],
        ),
        ({}, {"VpcId": "vpc-1"}, [(Severity.PROBLEM, "VpcId would change from nothing", "Leave VpcId empty")]),
        ({"VpcId": "vpc-1"}, {"VpcId": ""}, [(Severity.PROBLEM, "from vpc-1 to nothing", "Keep VpcId=vpc-1")]),
        ({"ZoneA": "a"}, {"ZoneA": "b"}, [(Severity.PROBLEM, "ZoneA would change from a to b", "Keep ZoneA=a")]),
        ({}, {"ZoneA": "a"}, [(Severity.WARNING, "ZoneA would change from nothing to a", "Leave ZoneA empty")]),
    ],
)
def test_parameters_of_the_network_are_chosen_once(
    earlier: dict[str, str], given: dict[str, str], expected: list[tuple[Severity, str, str]]
) -> None:
    plan = Deployment("triptych", "us-east-1", ACCOUNT, "aws", given, DeployedStack("UPDATE_COMPLETE", earlier))
    found = list(find_fixed_parameters(plan))
    assert len(found) == len(expected)
    for finding, (severity, sentence, remedy) in zip(found, expected, strict=True):
        assert finding.severity is severity
        assert sentence in finding.sentence
        assert remedy in finding.remedy
    assert not list(find_fixed_parameters(Deployment("triptych", "us-east-1", ACCOUNT, "aws", given)))


@pytest.mark.parametrize(
    ("earlier", "given", "expected"),
    [
        ({}, {"ModelHosting": "lambda"}, []),
        ({"DeletionProtection": "enabled"}, {}, []),
        ({"DeletionProtection": "enabled"}, {"ModelHosting": "lambda"}, ["load balancer"]),
        ({"DeletionProtection": "enabled"}, {"ModelHosting": "lambda", "OfficeFormats": "convert"}, []),
        ({"DeletionProtection": "enabled"}, {"ModelHosting": "single"}, []),
        ({}, {"ModelHosting": "lambda", "Network": "none"}, ["keep interfaces"]),
        ({"ModelHosting": "lambda"}, {"Network": "none"}, []),
    ],
)
def test_change_to_functions_that_would_leave_something_behind_is_found(
    earlier: dict[str, str], given: dict[str, str], expected: list[str]
) -> None:
    plan = Deployment("triptych", "us-east-1", ACCOUNT, "aws", given, DeployedStack("UPDATE_COMPLETE", earlier))
    found = list(find_hosting_change(plan))
    assert len(found) == len(expected)
    assert all(part in finding.sentence for part, finding in zip(expected, found, strict=True))
    assert not list(find_hosting_change(Deployment("triptych", "us-east-1", ACCOUNT, "aws", given)))


@pytest.mark.parametrize(("hosting", "vcpus"), [("fargate", 6), ("single", 2), ("lambda", 0)])
def test_only_tasks_use_the_quota_of_fargate(hosting: str, vcpus: int) -> None:
    given = {"ModelHosting": hosting, "MinModelTasks": "2"}
    assert Deployment("triptych", "us-east-1", ACCOUNT, "aws", given).minimum_vcpus == {"fargate_vcpus": vcpus}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"ExistingTableName": "t" * MAX_NAMES}, False),
        ({"ExistingTableName": "t" * MAX_NAMES, "ModelDomain": "models.example.com"}, False),
        ({"ExistingTableName": "t" * MAX_NAMES, "ModelDomain": "m.example.com", "CertificateArn": "arn"}, True),
        ({"ExistingTableName": "t" * (MAX_NAMES + 1)}, True),
        ({"ModelImageUri": "i" * MAX_IMAGE_AND_BUCKET, "ModelHosting": "lambda"}, False),
        ({"ModelImageUri": "i" * MAX_IMAGE_AND_BUCKET, "ModelHosting": "lambda", "ExistingBucketName": "b"}, True),
        ({"ModelImageUri": "i" * 250, "ModelHosting": "fargate"}, False),
    ],
)
def test_descriptions_that_lambda_rejects_are_found(given: dict[str, str], found: bool) -> None:
    assert bool(list(find_long_descriptions(planned("triptych", **given)))) == found
