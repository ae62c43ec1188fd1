"""Checks of region and zones: CodeBuild, Fargate, and the endpoints of a private network."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from triptych.plan.rollout import ZONES
from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client

FARGATE_ZONES: Final[Mapping[str, frozenset[str]]] = {
    "us-west-1": frozenset({"usw1-az1", "usw1-az3"}),
    "ap-northeast-1": frozenset({"apne1-az1", "apne1-az2", "apne1-az4"}),
}
"""Ids of the zones with Fargate, in regions where not every zone has it:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html (2026-11)."""


def find_codebuild_region(regions: Collection[str], deployment: Deployment) -> Findings:
    """Yield a finding if the stack builds images in a region without CodeBuild.

    Args:
        regions: The regions that have CodeBuild.
        deployment: The planned deployment.
    """
    if deployment.builds_images and deployment.region not in regions:
        yield Finding(
            f"{deployment.region} has no CodeBuild, so the stack cannot build its images there.",
            "Name an image in ModelImageUri (docs/images.md), or deploy to another region.",
        )


def find_zones(ec2: "EC2Client", deployment: Deployment) -> Findings:
    """Yield what is missing in the zones of the stack's own network."""
    if deployment["VpcId"]:
        return
    zones = {
        zone["ZoneName"]: zone["ZoneId"]
        for zone in ec2.describe_availability_zones(
            Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
        )["AvailabilityZones"]
    }
    chosen = [deployment["ZoneA"], deployment["ZoneB"]]
    used = chosen if all(chosen) else default_zones(ec2, zones)[:ZONES]
    if unknown := [zone for zone in used if zone not in zones]:
        yield Finding(
            f"This account has no availability zone {', '.join(unknown)} in {deployment.region}.",
            f"Choose ZoneA and ZoneB out of {', '.join(sorted(zones))}.",
        )
    elif len(used) < ZONES:
        yield Finding(
            f"{deployment.region} offers {len(used)} availability zone to this account, and the stack needs {ZONES}.",
            "Deploy to another region.",
        )
    yield from find_subnet_zones(ec2, {name: zones[name] for name in used if name in zones}, deployment)


def find_subnet_zones(ec2: "EC2Client", zones: Mapping[str, str], deployment: Deployment) -> Findings:
    """Yield what is missing in the zones that subnets are in.

    Args:
        ec2: A client.
        zones: The id of each zone, by its name in this account.
        deployment: The planned deployment.
    """
    yield from _without_fargate(zones, deployment)
    if deployment.creates_endpoints:
        yield from _without_endpoints(ec2, zones, deployment)


def default_zones(ec2: "EC2Client", zones: Mapping[str, str]) -> list[str]:
    """Return the zones as `Fn::GetAZs` does: those with a default subnet, or all if there is none."""
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    return sorted({subnet["AvailabilityZone"] for subnet in subnets} or zones)


def _without_fargate(zones: Mapping[str, str], deployment: Deployment) -> Findings:
    supported = FARGATE_ZONES.get(deployment.region)
    for name, zone_id in zones.items():
        if supported and zone_id not in supported:
            yield Finding(
                f"Fargate does not run in the zone {name} ({zone_id}), which the stack would use.",
                f"Set ZoneA and ZoneB, or SubnetIds, to zones out of {', '.join(sorted(supported))}.",
            )


def _without_endpoints(ec2: "EC2Client", zones: Collection[str], deployment: Deployment) -> Findings:
    names = [f"com.amazonaws.{deployment.region}.{service}" for service in deployment.endpoint_services]
    details = ec2.describe_vpc_endpoint_services(Filters=[{"Name": "service-name", "Values": names}])["ServiceDetails"]
    offered = {each["ServiceName"]: set(each["AvailabilityZones"]) for each in details}
    for name in names:
        if missing := sorted(set(zones) - offered.get(name, set())):
            yield Finding(
                f"The endpoint service {name}, through which tasks in a private network reach AWS, does not exist in "
                f"{', '.join(missing)}.",
                "Set ZoneA and ZoneB, or SubnetIds, to other zones, or use Network=public.",
            )
