"""Protects: what an existing VPC and its subnets lack is found before the stack is created in them."""

from typing import Any

import pytest

from tests.support.aws_answers import failure
from tests.unit.triptych.preflight.conftest import ACCOUNT, ZONES, SeededAccount
from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Severity
from triptych.preflight.network import find_endpoint_conflicts, find_network, find_subnets_without_internet

SUBNETS = [
    {
        "SubnetId": f"subnet-{number}",
        "VpcId": "vpc-1",
        "AvailabilityZone": zone,
        "AvailabilityZoneId": ZONES[zone],
        "CidrBlock": f"10.1.{number}.0/24",
        "AvailableIpAddressCount": 200,
    }
    for number, zone in enumerate(["us-east-1a", "us-east-1b"])
]
ENDPOINTS = [
    {
        "ServiceName": f"com.amazonaws.us-east-1.{service}",
        "VpcEndpointId": f"vpce-{service}",
        "PrivateDnsEnabled": True,
        "RouteTableIds": [],
    }
    for service in ("ecr.api", "ecr.dkr", "logs")
]
GATEWAYS = [
    {
        "ServiceName": f"com.amazonaws.us-east-1.{service}",
        "VpcEndpointId": f"vpce-{service}",
        "PrivateDnsEnabled": False,
        "RouteTableIds": ["rtb-1"],
    }
    for service in ("s3", "dynamodb")
]
PARAMETERS = {
    "VpcId": "vpc-1",
    "SubnetIds": "subnet-0,subnet-1",
    "SubnetCidr": "10.1.0.0/16",
    "RouteTableIds": "rtb-1",
}


def planned(**parameters: str) -> Deployment:
    return Deployment("triptych", "us-east-1", ACCOUNT, "aws", PARAMETERS | parameters)


def findings(account: SeededAccount, changes: dict[str, Any] | None = None, **parameters: str) -> list[Finding]:
    account.aws.answers |= {
        "DescribeSubnets": {"Subnets": SUBNETS},
        "DescribeVpcAttribute": lambda call: {call["Attribute"][0].upper() + call["Attribute"][1:]: {"Value": True}},
        "DescribeVpcEndpoints": {"VpcEndpoints": []},
        "DescribeRouteTables": {"RouteTables": []},
        **(changes or {}),
    }
    return list(find_network(account.clients.ec2, planned(**parameters)))


def test_a_suitable_network_is_accepted(account: SeededAccount) -> None:
    assert findings(account) == []
    changes = {"DescribeVpcEndpoints": {"VpcEndpoints": ENDPOINTS + GATEWAYS}}
    assert findings(account, changes, InterfaceEndpoints="existing", RouteTableIds="") == []


@pytest.mark.parametrize("missing", [{"SubnetIds": ""}, {"SubnetCidr": ""}, {"SubnetCidr": "x"}])
def test_parameters_that_belong_together_are_required(account: SeededAccount, missing: dict[str, Any]) -> None:
    [finding] = findings(account, **missing)
    assert finding.sentence.startswith("VpcId requires SubnetIds, and SubnetCidr")


def test_a_subnet_that_does_not_exist_is_named(account: SeededAccount) -> None:
    message = "The subnet ID 'subnet-1' does not exist"
    [finding] = findings(account, {"DescribeSubnets": failure("InvalidSubnetID.NotFound", message)})
    assert message in finding.sentence


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"VpcId": "vpc-2"}, "The subnet subnet-1 is in vpc-2, not in vpc-1."),
        (
            {"AvailabilityZone": "us-east-1a", "AvailabilityZoneId": ZONES["us-east-1a"]},
            "The subnets subnet-0 and subnet-1 are both in us-east-1a",
        ),
        ({"CidrBlock": "10.2.0.0/24"}, "is outside SubnetCidr=10.1.0.0/16"),
        ({"AvailableIpAddressCount": 7}, "has 7 free addresses"),
    ],
)
def test_an_unfit_subnet_is_found(account: SeededAccount, change: dict[str, Any], expected: str) -> None:
    [finding] = findings(account, {"DescribeSubnets": {"Subnets": [SUBNETS[0], SUBNETS[1] | change]}})
    assert finding.severity is Severity.PROBLEM
    assert expected in finding.sentence


def test_dns_that_is_off_is_found(account: SeededAccount) -> None:
    answer = {"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": False}}
    [finding] = findings(account, {"DescribeVpcAttribute": answer})
    assert finding.remedy.startswith("aws ec2 modify-vpc-attribute --vpc-id vpc-1 --enable-dns-hostnames")


def test_zones_of_the_subnets_are_checked(account: SeededAccount) -> None:
    found = findings(account, {"DescribeVpcEndpointServices": {"ServiceDetails": []}})
    assert all("does not exist in us-east-1a, us-east-1b" in finding.sentence for finding in found)
    assert len(found) == 3


def test_endpoints_that_would_be_created_twice_are_found(account: SeededAccount) -> None:
    found = findings(account, {"DescribeVpcEndpoints": {"VpcEndpoints": ENDPOINTS + GATEWAYS}})
    assert len(found) == 5
    assert all(finding.severity is Severity.PROBLEM for finding in found)
    assert "rtb-1 has a route to s3 already, through vpce-s3." in {finding.sentence for finding in found}


def test_endpoints_of_the_stack_itself_are_not_a_conflict(account: SeededAccount) -> None:
    own = [each | {"Tags": [{"Key": "aws:cloudformation:stack-name", "Value": "triptych"}]} for each in ENDPOINTS]
    assert findings(account, {"DescribeVpcEndpoints": {"VpcEndpoints": own}}) == []


def test_endpoints_that_seem_to_be_missing_are_warnings() -> None:
    found = list(find_endpoint_conflicts([], planned(InterfaceEndpoints="existing", RouteTableIds="")))
    assert [finding.severity for finding in found] == [Severity.WARNING] * 5


@pytest.mark.parametrize("explicit", [True, False])
def test_public_subnets_need_a_route_to_the_internet(explicit: bool) -> None:
    link: Any = {"SubnetId": "subnet-0"} if explicit else {"Main": True}
    routed: Any = {"Associations": [link], "Routes": [{"GatewayId": "local"}, {"GatewayId": "igw-1"}]}
    other: Any = {"Associations": [{"SubnetId": "subnet-1"}], "Routes": [{"GatewayId": "local"}]}
    [finding] = find_subnets_without_internet([routed, other], planned(Network="public"))
    assert "subnet-1 has no route to an internet gateway" in finding.sentence
