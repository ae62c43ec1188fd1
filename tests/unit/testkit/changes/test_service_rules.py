"""Protects: each rule reports what AWS refuses, deletes or interrupts, and accepts the way around it."""

import pytest

from testkit.changes import RULES, compare, findings
from testkit.template import Rollout
from tests.unit.testkit.changes.stacks import Resource, changed, resource, stack

FARGATE, SPOT = [{"CapacityProvider": "FARGATE"}], [{"CapacityProvider": "FARGATE_SPOT"}]
SERVICE = resource("ECS::Service", CapacityProviderStrategy=FARGATE)
VPC = resource("EC2::VPC", CidrBlock="10.0.0.0/16")
SUBNET = resource("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock="10.0.0.0/24", AvailabilityZone="a")
GROUP = resource("ElasticLoadBalancingV2::TargetGroup", VpcId={"Ref": "Vpc"})
ADMITTING = resource("EC2::SecurityGroup", GroupDescription="x", SecurityGroupIngress=[{"FromPort": 80}])
BALANCER = resource(
    "ElasticLoadBalancingV2::LoadBalancer", Subnets=[{"Ref": "Subnet"}], SecurityGroups=[{"Ref": "Group"}]
)
PROTECTED = changed(BALANCER, LoadBalancerAttributes=[{"Key": "deletion_protection.enabled", "Value": "true"}])
UNPROTECTED = changed(BALANCER, LoadBalancerAttributes=[{"Key": "deletion_protection.enabled", "Value": "false"}])
LISTENER = resource("ElasticLoadBalancingV2::Listener", LoadBalancerArn={"Ref": "Balancer"}, Port=80, Protocol="HTTP")
ENDPOINT = resource("EC2::VPCEndpoint", VpcId={"Ref": "Vpc"}, ServiceName="s3")
IMAGES = resource("ECR::Repository", EncryptionConfiguration={"EncryptionType": "AES256"}, RepositoryName="fixed")
FUNCTION = resource("Lambda::Function", MemorySize=512)
VERSION = resource("Lambda::Version", FunctionName={"Ref": "Function"}, Description="512")
RETAINED: Resource = {**VERSION, "UpdateReplacePolicy": "Retain"}
CONNECTED = changed(FUNCTION, VpcConfig={"SubnetIds": [{"Ref": "Subnet"}]})
TASK = resource("ECS::TaskDefinition", Cpu=256)
TABLE = resource("DynamoDB::Table", GlobalSecondaryIndexes=[{"IndexName": "a"}])
QUEUE = resource("SQS::Queue", SqsManagedSseEnabled=True)
CUSTOM = resource("Custom::Image", ServiceToken="a")
ENCRYPTED = {"KmsMasterKeyId": "key"}


def network(vpc: Resource, listener: Resource = LISTENER, group: Resource = ADMITTING) -> Rollout:
    return stack(Vpc=vpc, Subnet=SUBNET, Group=group, Targets=GROUP, Balancer=BALANCER, Listener=listener)


def indexes(*names: str) -> list[dict[str, str]]:
    return [{"IndexName": name} for name in names]


def key(service: str, condition: str) -> Resource:
    allow = {"Principal": {"Service": [service]}, "Condition": {"StringEquals": {condition: "0"}}}
    return resource("KMS::Key", KeyPolicy={"Statement": [{"Principal": {"AWS": "root"}}, allow]})


def open_to(*ports: int) -> Resource:
    return changed(ADMITTING, SecurityGroupIngress=[{"FromPort": port} for port in ports])


VIOLATIONS: dict[str, tuple[Rollout, Rollout]] = {
    "strategy without a new deployment": (stack(S=SERVICE), stack(S=changed(SERVICE, CapacityProviderStrategy=SPOT))),
    "subnets of another VPC": (network(VPC), network(changed(VPC, CidrBlock="10.1.0.0/16"))),
    "name is taken": (
        stack(Images=IMAGES),
        stack(Images=changed(IMAGES, EncryptionConfiguration={"EncryptionType": "KMS"})),
    ),
    "version equals the previous one": (
        stack(Function=FUNCTION, Version=RETAINED),
        stack(Function=FUNCTION, Version=changed(RETAINED, Description="other")),
    ),
    "several indexes": (stack(T=TABLE), stack(T=changed(TABLE, GlobalSecondaryIndexes=indexes("a", "b", "c")))),
    "network of a kept version": (stack(Subnet=SUBNET, Function=CONNECTED), stack(Function=FUNCTION)),
    "protected load balancer is deleted": (stack(Balancer=PROTECTED), stack()),
    "subnet range is taken": (stack(Vpc=VPC, S=SUBNET), stack(Vpc=VPC, S=changed(SUBNET, AvailabilityZone="b"))),
    "endpoint exists": (stack(Vpc=VPC, E=ENDPOINT), stack(Vpc=VPC, E=changed(ENDPOINT, ServiceName="s3express"))),
    "listener port is taken": (
        stack(Group=ADMITTING, Balancer=BALANCER, Old=LISTENER),
        stack(Group=ADMITTING, Balancer=BALANCER, New=LISTENER),
    ),
    "service token is fixed": (stack(C=CUSTOM), stack(C=changed(CUSTOM, ServiceToken="b"))),
    "task definition becomes inactive": (stack(T=TASK), stack(T=changed(TASK, Cpu=512))),
    "function version is deleted": (
        stack(Function=FUNCTION, Version=VERSION),
        stack(Function=changed(FUNCTION, MemorySize=1024), Version=changed(VERSION, Description="1024")),
    ),
    "old orchestrator loses its listener": (
        network(VPC),
        network(VPC, changed(LISTENER, Port=443, Protocol="HTTPS"), open_to(80, 443)),
    ),
    "change without a version": (
        stack(Function=FUNCTION, Version=RETAINED),
        stack(Function=changed(FUNCTION, MemorySize=1024), Version=RETAINED),
    ),
    "key condition never holds": (stack(), stack(K=key("events.amazonaws.com", "aws:SourceAccount"))),
    "queue has two encryptions": (stack(Q=QUEUE), stack(Q=resource("SQS::Queue", **ENCRYPTED))),
}

ACCEPTED: dict[str, tuple[Rollout, Rollout]] = {
    "forced deployment": (
        stack(
            S=changed(SERVICE, ForceNewDeployment={"EnableForceNewDeployment": True, "ForceNewDeploymentNonce": "a"})
        ),
        stack(
            S=resource(
                "ECS::Service",
                CapacityProviderStrategy=SPOT,
                ForceNewDeployment={"EnableForceNewDeployment": True, "ForceNewDeploymentNonce": "b"},
            )
        ),
    ),
    "network that stays": (stack(Subnet=SUBNET, Function=CONNECTED), stack(Subnet=SUBNET, Function=FUNCTION)),
    "load balancer without protection": (stack(Balancer=UNPROTECTED), stack()),
    "one index": (stack(T=TABLE), stack(T=changed(TABLE, GlobalSecondaryIndexes=indexes("a", "b")))),
    "retained revision": (
        stack(T={**TASK, "UpdateReplacePolicy": "Retain"}),
        stack(T={**changed(TASK, Cpu=512), "UpdateReplacePolicy": "Retain"}),
    ),
    "published version": (
        stack(Function=FUNCTION, Version=RETAINED),
        stack(Function=changed(FUNCTION, MemorySize=1024), Version=changed(RETAINED, Description="1024")),
    ),
    "second listener until the first is deleted": (
        network(VPC),
        stack(
            Vpc=VPC,
            Subnet=SUBNET,
            Group=open_to(80, 443),
            Targets=GROUP,
            Balancer=BALANCER,
            Https=changed(LISTENER, Port=443, Protocol="HTTPS"),
        ),
    ),
    "condition that CloudWatch sends": (stack(), stack(K=key("cloudwatch.amazonaws.com", "aws:SourceAccount"))),
    "encryption disabled explicitly": (
        stack(Q=QUEUE),
        stack(Q=changed(QUEUE, SqsManagedSseEnabled=False, **ENCRYPTED)),
    ),
}


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_rule_reports_a_violation(rule: str) -> None:
    before, after = VIOLATIONS[rule]
    assert [finding.rule for finding in findings(compare(before, after))] == [rule]


@pytest.mark.parametrize("case", ACCEPTED)
def test_rules_accept_the_way_around(case: str) -> None:
    assert not findings(compare(*ACCEPTED[case]))


def test_closed_port_of_the_old_listener_is_reported() -> None:
    """The listener may exist until the end, but its security group takes effect at once."""
    found = findings(compare(network(VPC), network(VPC, group=open_to(443))))
    assert [(finding.rule, finding.resource) for finding in found] == [
        ("old orchestrator loses its listener", "Balancer")
    ]


def test_every_rule_names_its_source() -> None:
    assert all(len(rule.source) > 20 for rule in RULES)
