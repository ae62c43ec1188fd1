"""Rules of EC2 and Elastic Load Balancing about updates."""

from collections.abc import Iterator

from testkit.changes.resource_changes import Action, Update, references
from testkit.changes.rule import Rule, Severity, both_properties


def _subnets_of_another_vpc(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.UPDATE, "AWS::ElasticLoadBalancingV2::LoadBalancer"):
        if "Subnets" in update.changes[name].properties and _vpc_changes(update):
            yield name, "The load balancer would be updated in place with subnets of another VPC."


def _vpc_changes(update: Update) -> bool:
    """Return whether target groups, which belong to one VPC, move to another one."""
    groups = update.names(Action.REPLACE, "AWS::ElasticLoadBalancingV2::TargetGroup")
    return any("VpcId" in update.changes[name].create_only for name in groups)


def _subnet_range_is_taken(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.REPLACE, "AWS::EC2::Subnet"):
        if not {"VpcId", "CidrBlock"} & update.changes[name].create_only:
            yield name, "The new subnet would have the address range of the old one, which still exists."


def _endpoint_exists(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.REPLACE, "AWS::EC2::VPCEndpoint"):
        if "VpcId" not in update.changes[name].create_only:
            yield name, "The VPC would have two endpoints of the service, and only one may have its routes or names."


def _listener_port_is_taken(update: Update) -> Iterator[tuple[str, str]]:
    kind = "AWS::ElasticLoadBalancingV2::Listener"
    old = update.names(Action.REPLACE, kind) | update.names(Action.DELETE, kind)
    for name in update.names(Action.REPLACE, kind) | update.names(Action.CREATE, kind):
        same_balancer = not set(references(update.after[name]["LoadBalancerArn"])) & update.names(Action.REPLACE)
        if same_balancer and update.after[name]["Port"] in {update.before[other]["Port"] for other in old}:
            yield name, "The load balancer would have two listeners with the same port."


def _old_orchestrator_loses_its_listener(update: Update) -> Iterator[tuple[str, str]]:
    """The old version calls the listener until the alias has moved, and CloudFormation deletes resources after that."""
    kind = "AWS::ElasticLoadBalancingV2::Listener"
    for name in update.names(Action.UPDATE, kind) | update.names(Action.REPLACE, kind):
        before, after = both_properties(update, name)
        if (before["Port"], before["Protocol"]) != (after["Port"], after["Protocol"]):
            yield name, "The old version of the orchestrator still calls the previous port and protocol."
    ports = {listener["Port"] for listener in update.before.of_type(kind).values()}
    for name, balancer in update.after.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer").items():
        groups = set(references(balancer["SecurityGroups"])) & set(update.after.resources)
        admitted = {rule["FromPort"] for group in groups for rule in update.after[group]["SecurityGroupIngress"]}
        if name in update.before and not ports <= admitted:
            yield name, "Its security group no longer admits the port that the old version of the orchestrator calls."


def _network_of_a_kept_version(update: Update) -> Iterator[tuple[str, str]]:
    """Versions of the orchestrator are kept, and their interfaces with them."""
    deleted = update.names(Action.DELETE)
    for name, function in update.before.of_type("AWS::Lambda::Function").items():
        used = set(references(function.get("VpcConfig"))) & deleted
        if used and name in update.after and "VpcConfig" not in update.after[name]:
            yield name, f"Interfaces of its earlier versions are in {', '.join(sorted(used))}, which cannot be deleted."


def _protected_load_balancer_is_deleted(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.DELETE, "AWS::ElasticLoadBalancingV2::LoadBalancer"):
        attributes = update.before[name]["LoadBalancerAttributes"]
        if {"Key": "deletion_protection.enabled", "Value": "true"} in attributes:
            yield name, "It is protected, so CloudFormation leaves it behind: first set DeletionProtection=disabled."


NETWORK_RULES = (
    Rule(
        "network of a kept version",
        Severity.INEFFECTIVE,
        "Lambda Developer Guide, VPC: an interface exists as long as a version uses the subnet and the group",
        _network_of_a_kept_version,
    ),
    Rule(
        "protected load balancer is deleted",
        Severity.INEFFECTIVE,
        "ELB DeleteLoadBalancer, OperationNotPermitted; CloudFormation skips what the clean-up cannot delete",
        _protected_load_balancer_is_deleted,
    ),
    Rule(
        "subnets of another VPC",
        Severity.REFUSED,
        "ELB SetSubnets, InvalidConfigurationRequest; hashicorp/terraform-provider-aws#18317",
        _subnets_of_another_vpc,
    ),
    Rule(
        "subnet range is taken",
        Severity.REFUSED,
        "EC2 CreateSubnet, InvalidSubnet.Conflict; CloudFormation creates the new subnet before it deletes the old one",
        _subnet_range_is_taken,
    ),
    Rule(
        "endpoint exists",
        Severity.REFUSED,
        "EC2 CreateVpcEndpoint, RouteAlreadyExists and 'private-dns-enabled cannot be set because there is already a "
        "conflicting DNS domain'",
        _endpoint_exists,
    ),
    Rule("listener port is taken", Severity.REFUSED, "ELB CreateListener, DuplicateListener", _listener_port_is_taken),
    Rule(
        "old orchestrator loses its listener",
        Severity.INTERRUPTION,
        "CloudFormation, CodeDeployLambdaAliasUpdate: the alias moves after the resources that it depends on; ELB "
        "ModifyListener takes effect at once",
        _old_orchestrator_loses_its_listener,
    ),
)
