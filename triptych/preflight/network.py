"""Checks of an existing VPC and its subnets."""

from collections.abc import Collection, Sequence
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings, warning
from triptych.preflight.zones import find_subnet_zones

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import RouteTableTypeDef, SubnetTypeDef, VpcEndpointTypeDef

_MIN_FREE_ADDRESSES = 8
"""That a load balancer needs in each subnet:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""

_GATEWAY_SERVICES = ("s3", "dynamodb")


def find_network(ec2: "EC2Client", deployment: Deployment) -> Findings:
    """Yield what an existing VPC and its subnets lack."""
    vpc = deployment["VpcId"]
    if not vpc:
        return
    allowed = _address_range(deployment["SubnetCidr"])
    if not deployment.subnets or allowed is None:
        yield Finding("VpcId requires SubnetIds, and SubnetCidr as in 10.0.0.0/16.", "Set all three parameters.")
        return
    try:
        subnets = ec2.describe_subnets(SubnetIds=deployment.subnets)["Subnets"]
    except ClientError as error:
        if error.response["Error"].get("Code") != "InvalidSubnetID.NotFound":
            raise
        yield Finding(f"A subnet does not exist: {error.response['Error'].get('Message')}.", "Correct SubnetIds.")
        return
    yield from find_unfit_subnets(subnets, vpc, allowed)
    yield from find_subnet_zones(
        ec2, {each["AvailabilityZone"]: each["AvailabilityZoneId"] for each in subnets}, deployment
    )
    yield from _find_dns(ec2, deployment)
    endpoints = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["VpcEndpoints"]
    yield from find_endpoint_conflicts([each for each in endpoints if not _is_own(each, deployment)], deployment)
    if not deployment.is_private:
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
        yield from find_subnets_without_internet(tables, deployment)


def _address_range(text: str) -> IPv4Network | None:
    """Return an address range, or None if the text is none."""
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


def find_unfit_subnets(subnets: "Sequence[SubnetTypeDef]", wanted_vpc: str, allowed: IPv4Network) -> Findings:
    """Yield which subnets are in another VPC, in the same zone, outside SubnetCidr or full.

    Args:
        subnets: The subnets.
        wanted_vpc: The VPC that they should be in.
        allowed: SubnetCidr.
    """
    zones: dict[str, str] = {}
    for subnet in subnets:
        name, vpc, zone = subnet["SubnetId"], subnet["VpcId"], subnet["AvailabilityZone"]
        if vpc != wanted_vpc:
            yield Finding(f"The subnet {name} is in {vpc}, not in {wanted_vpc}.", "Correct SubnetIds or VpcId.")
        if zone in zones:
            yield Finding(
                f"The subnets {zones[zone]} and {name} are both in {zone}; a load balancer takes one subnet of a zone.",
                "Name subnets in different zones.",
            )
        zones[zone] = name
        if not IPv4Network(subnet["CidrBlock"]).subnet_of(allowed):
            yield Finding(
                f"The subnet {name} ({subnet['CidrBlock']}) is outside SubnetCidr={allowed}, so the "
                "security groups would block its connections.",
                "Set SubnetCidr to a range that contains all subnets.",
            )
        if subnet["AvailableIpAddressCount"] < _MIN_FREE_ADDRESSES:
            yield Finding(
                f"The subnet {name} has {subnet['AvailableIpAddressCount']} free addresses, and the load balancer "
                f"needs {_MIN_FREE_ADDRESSES}.",
                "Name a larger subnet.",
            )


def _find_dns(ec2: "EC2Client", deployment: Deployment) -> Findings:
    """Yield which DNS attribute of the VPC is off; private names of endpoints and of a certificate need both."""
    vpc = deployment["VpcId"]
    support = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsSupport")["EnableDnsSupport"]
    names = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]
    for option, attribute in (("enable-dns-support", support), ("enable-dns-hostnames", names)):
        if not attribute["Value"]:
            yield Finding(
                f"The VPC {vpc} has no {option.removeprefix('enable-')}, so the names of endpoints do not resolve.",
                f"aws ec2 modify-vpc-attribute --vpc-id {vpc} --{option} --region {deployment.region}",
            )


def _is_own(endpoint: "VpcEndpointTypeDef", deployment: Deployment) -> bool:
    """Return whether the stack itself has created an endpoint."""
    return {"Key": "aws:cloudformation:stack-name", "Value": deployment.stack} in endpoint.get("Tags", [])


def find_endpoint_conflicts(endpoints: "Collection[VpcEndpointTypeDef]", deployment: Deployment) -> Findings:
    """Yield which endpoints exist already and would be created again, or are needed and seem to be missing."""
    by_service = {each["ServiceName"].removeprefix(f"com.amazonaws.{deployment.region}."): each for each in endpoints}
    if deployment.is_private:
        for service in deployment.endpoint_services:
            existing = by_service.get(service)
            if existing and existing.get("PrivateDnsEnabled") and deployment.creates_endpoints:
                yield Finding(
                    f"The VPC already has an endpoint for {service} ({existing['VpcEndpointId']}), and no second one "
                    "can have its name.",
                    "Set InterfaceEndpoints=existing, and admit the tasks in the security group of the endpoint.",
                )
            elif not existing and not deployment.creates_endpoints:
                yield warning(
                    f"The VPC has no endpoint for {service}, so tasks reach it only through another route.",
                    "Set InterfaceEndpoints=create, or make sure that there is a route.",
                )
    given = set(deployment.route_tables)
    for service in _GATEWAY_SERVICES:
        existing = by_service.get(service)
        shared = sorted(given & set(existing.get("RouteTableIds", []))) if existing else []
        if existing and shared:
            yield Finding(
                f"{', '.join(shared)} has a route to {service} already, through {existing['VpcEndpointId']}.",
                "Leave RouteTableIds empty.",
            )
        elif not existing and not given:
            yield warning(
                f"The VPC has no endpoint for {service}, so the orchestrator reaches it only through another route.",
                "Set RouteTableIds, or make sure that there is a route.",
            )


def find_subnets_without_internet(tables: "Sequence[RouteTableTypeDef]", deployment: Deployment) -> Findings:
    """Yield which subnets of a public network have no route to an internet gateway."""
    by_subnet = {link.get("SubnetId"): table for table in tables for link in table.get("Associations", [])}
    main = next((table for table in tables if any(link.get("Main") for link in table.get("Associations", []))), None)
    for subnet in deployment.subnets:
        table = by_subnet.get(subnet, main)
        gateways = [route.get("GatewayId", "") for route in table.get("Routes", [])] if table else []
        if not any(gateway.startswith("igw-") for gateway in gateways):
            yield Finding(
                f"The subnet {subnet} has no route to an internet gateway, so with Network=public no task can start.",
                "Add the route, name other subnets, or use Network=private.",
            )
