"""Protects: regions and zones in which a part of the stack cannot run are found."""

import boto3
import pytest

from tests.unit.triptych.preflight.conftest import ACCOUNT, SeededAccount
from triptych.preflight import zones
from triptych.preflight.deployment import Deployment


def planned(region: str = "us-east-1", **parameters: str) -> Deployment:
    return Deployment("triptych", region, ACCOUNT, "aws", parameters)


def test_a_region_without_codebuild_needs_an_image() -> None:
    regions = boto3.Session().get_available_regions("codebuild")
    assert not list(zones.find_codebuild_region(regions, planned()))
    [finding] = zones.find_codebuild_region(regions, planned("mx-central-1"))
    assert finding.sentence.startswith("mx-central-1 has no CodeBuild")
    assert not list(zones.find_codebuild_region(regions, planned("mx-central-1", ModelImageUri="image")))


def test_zones_without_fargate_are_found_by_their_id(account: SeededAccount) -> None:
    ids = {"us-west-1b": "usw1-az1", "us-west-1c": "usw1-az2"}
    account.aws.answers["DescribeAvailabilityZones"] = {
        "AvailabilityZones": [{"ZoneName": name, "ZoneId": zone} for name, zone in ids.items()]
    }
    account.aws.answers["DescribeSubnets"] = {"Subnets": []}
    [finding] = zones.find_zones(account.clients.ec2, planned("us-west-1", Network="public"))
    assert "us-west-1c (usw1-az2)" in finding.sentence
    assert "usw1-az1, usw1-az3" in finding.remedy


def test_a_single_zone_is_too_few(account: SeededAccount) -> None:
    account.aws.answers["DescribeSubnets"] = {"Subnets": [{"AvailabilityZone": "us-east-1c"}]}
    [finding] = zones.find_zones(account.clients.ec2, planned())
    assert "offers 1 availability zone" in finding.sentence


@pytest.mark.parametrize(
    ("subnets", "expected"), [(["b", "c"], ["b", "c"]), ([], ["a", "b", "c"]), (["c", "a"], ["a", "c"])]
)
def test_zones_with_a_default_subnet_come_first(
    account: SeededAccount, subnets: list[str], expected: list[str]
) -> None:
    account.aws.answers["DescribeSubnets"] = {"Subnets": [{"AvailabilityZone": name} for name in subnets]}
    assert zones.default_zones(account.clients.ec2, {"a": "1", "c": "3", "b": "2"}) == expected


def test_a_public_network_needs_no_endpoints(account: SeededAccount) -> None:
    account.aws.answers["DescribeVpcEndpointServices"] = {"ServiceDetails": []}
    assert not list(zones.find_zones(account.clients.ec2, planned(Network="public")))
    found = list(zones.find_zones(account.clients.ec2, planned()))
    assert len(found) == 3
    found = list(zones.find_zones(account.clients.ec2, planned(ExecuteCommand="enabled")))
    assert len(found) == 4


def test_chosen_zones_have_to_exist(account: SeededAccount) -> None:
    chosen = planned(ZoneA="us-east-1a", ZoneB="us-east-1f")
    [unknown, *_] = zones.find_zones(account.clients.ec2, chosen)
    assert "no availability zone us-east-1f" in unknown.sentence
    assert "us-east-1a, us-east-1b, us-east-1c" in unknown.remedy
    assert not list(zones.find_zones(account.clients.ec2, planned(ZoneA="us-east-1c", ZoneB="us-east-1a")))


def test_zones_of_an_existing_vpc_are_checked_elsewhere(account: SeededAccount) -> None:
    assert not list(zones.find_zones(account.clients.ec2, planned(VpcId="vpc-1")))
    assert account.aws.calls == []
