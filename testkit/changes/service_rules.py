"""Rules of AWS's services about updates, which CloudFormation's schemas do not contain.

Each rule has its source. A rule receives an update and yields a sentence for each resource that violates it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from testkit.changes.resource_changes import Action, Update, references

_Check = Callable[[Update], Iterator[tuple[str, str]]]


class Severity(StrEnum):
    """What a violated rule leads to."""

    REFUSED = "refused"
    """AWS refuses the change, and CloudFormation rolls the stack back."""
    NO_WAY_BACK = "no way back"
    """The update succeeds, but deletes what a manual rollback needs."""
    INTERRUPTION = "interruption"
    """The update succeeds, but documents fail while it runs."""
    INEFFECTIVE = "ineffective"
    """The update succeeds, but has no effect, or loses events silently."""


@dataclass(frozen=True)
class Rule:
    """A rule of a service.

    Attributes:
        name: A short name.
        severity: What a violation leads to.
        source: Where AWS or a report of its behaviour says so.
        check: Yields resource and sentence for each violation.
    """

    name: str
    severity: Severity
    source: str
    check: _Check


@dataclass(frozen=True)
class Finding:
    """A violation of a rule by an update."""

    rule: str
    severity: Severity
    resource: str
    sentence: str


def findings(update: Update) -> list[Finding]:
    """Return every violation of a rule, ordered by severity and resource."""
    found = [
        Finding(rule.name, rule.severity, resource, sentence)
        for rule in RULES
        for resource, sentence in rule.check(update)
    ]
    return sorted(found, key=lambda finding: (list(Severity).index(finding.severity), finding.rule, finding.resource))


def _properties(update: Update, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the properties of a resource before and after."""
    return update.before.resources[name].get("Properties", {}), update.after.resources[name].get("Properties", {})


def _strategy_without_new_deployment(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.UPDATE, "AWS::ECS::Service"):
        before, after = _properties(update, name)
        strategy_changed = before.get("CapacityProviderStrategy") != after.get("CapacityProviderStrategy")
        forced = after.get("ForceNewDeployment", {})
        renewed = forced != before.get("ForceNewDeployment", {}) and forced.get("EnableForceNewDeployment") is True
        if strategy_changed and not renewed:
            yield name, "The capacity provider strategy changes without a forced deployment."


def _subnets_of_another_vpc(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.UPDATE, "AWS::ElasticLoadBalancingV2::LoadBalancer"):
        if "Subnets" in update.changes[name].properties and _vpc_changes(update):
            yield name, "The load balancer would be updated in place with subnets of another VPC."


def _vpc_changes(update: Update) -> bool:
    """Return whether target groups, which belong to one VPC, move to another one."""
    groups = update.names(Action.REPLACE, "AWS::ElasticLoadBalancingV2::TargetGroup")
    return any("VpcId" in update.changes[name].create_only for name in groups)


_PHYSICAL_NAMES = {
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::CodeBuild::Project": "Name",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
}
"""The property that names a resource of a type, where the template sets it."""


def _name_is_taken(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.REPLACE):
        key = _PHYSICAL_NAMES.get(update.after.resources[name]["Type"], "")
        before, after = _properties(update, name)
        if key in after and before.get(key) == after[key]:
            yield name, f"It would be replaced by a resource with the same {key}."


def _task_definition_becomes_inactive(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.REPLACE, "AWS::ECS::TaskDefinition"):
        if update.after.resources[name].get("UpdateReplacePolicy") != "Retain":
            yield name, "The previous revision becomes inactive, and no service can use it again."


def _function_version_is_deleted(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.REPLACE, "AWS::Lambda::Version"):
        if update.after.resources[name].get("UpdateReplacePolicy") != "Retain":
            yield name, "The previous version of the function is deleted, and the alias cannot return to it."


_NOT_PART_OF_A_VERSION = {"ReservedConcurrentExecutions", "Tags"}
"""Settings of a function that its versions do not contain."""


def _changed_functions(update: Update) -> set[str]:
    """Return the functions with changes that a new version would contain.

    A function notices replaced subnets and security groups, but not other attributes of the resources that it names.
    """
    return {
        name
        for name in update.names(Action.UPDATE, "AWS::Lambda::Function")
        if update.changes[name].properties - _NOT_PART_OF_A_VERSION
    }


def _versions(update: Update) -> Iterator[tuple[str, str]]:
    """Yield each version that exists before and after, and its function."""
    for name in update.after.of_type("AWS::Lambda::Version"):
        if name in update.before:
            [function] = set(references(update.after[name]["FunctionName"]))
            yield name, function


def _version_equals_the_previous_one(update: Update) -> Iterator[tuple[str, str]]:
    for name, function in _versions(update):
        if name in update.names(Action.REPLACE) and function not in _changed_functions(update):
            yield name, "A version would be published although the function has not changed."


def _change_without_a_version(update: Update) -> Iterator[tuple[str, str]]:
    for name, function in _versions(update):
        if function in _changed_functions(update) and name not in update.names(Action.REPLACE):
            yield function, "The function changes, but no version is published: the alias keeps the old settings."


def _several_indexes(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.UPDATE, "AWS::DynamoDB::Table"):
        before, after = (
            {index["IndexName"] for index in properties.get("GlobalSecondaryIndexes", [])}
            for properties in _properties(update, name)
        )
        if len(before ^ after) > 1:
            yield name, "More than one index would be created or deleted in one update."


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


def _service_token_is_fixed(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.after.resources:
        if name in update.before and update.after.resources[name]["Type"].startswith("Custom::"):
            before, after = _properties(update, name)
            token = after["ServiceToken"]
            if before["ServiceToken"] != token or set(references(token)) & update.names(Action.REPLACE):
                yield name, "The service token of a custom resource would change."


def _old_orchestrator_loses_its_listener(update: Update) -> Iterator[tuple[str, str]]:
    """The old version calls the listener until the alias has moved, and CloudFormation deletes resources after that."""
    kind = "AWS::ElasticLoadBalancingV2::Listener"
    for name in update.names(Action.UPDATE, kind) | update.names(Action.REPLACE, kind):
        before, after = _properties(update, name)
        if (before["Port"], before["Protocol"]) != (after["Port"], after["Protocol"]):
            yield name, "The old version of the orchestrator still calls the previous port and protocol."
    ports = {listener["Port"] for listener in update.before.of_type(kind).values()}
    for name, balancer in update.after.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer").items():
        groups = set(references(balancer["SecurityGroups"])) & set(update.after.resources)
        admitted = {rule["FromPort"] for group in groups for rule in update.after[group]["SecurityGroupIngress"]}
        if name in update.before and not ports <= admitted:
            yield name, "Its security group no longer admits the port that the old version of the orchestrator calls."


_WITHOUT_SOURCE_ACCOUNT = {"events.amazonaws.com"}
"""Service principals whose requests to KMS carry neither aws:SourceAccount nor aws:SourceArn."""


def _key_condition_never_holds(update: Update) -> Iterator[tuple[str, str]]:
    for name, key in update.after.of_type("AWS::KMS::Key").items():
        for statement in key["KeyPolicy"]["Statement"]:
            services = statement["Principal"].get("Service", [])
            keys = {key for test in statement.get("Condition", {}).values() for key in test}
            for service in _WITHOUT_SOURCE_ACCOUNT:
                if service in services and keys & {"aws:SourceAccount", "aws:SourceArn"}:
                    yield name, f"{service} cannot use the key: its requests do not carry the keys of the condition."


def _queue_has_two_encryptions(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.UPDATE, "AWS::SQS::Queue"):
        before, after = _properties(update, name)
        if "KmsMasterKeyId" in after and before.get("SqsManagedSseEnabled") and "SqsManagedSseEnabled" not in after:
            yield name, "The queue would keep SQS's own encryption next to the key: it has to be disabled explicitly."


RULES = (
    Rule(
        "strategy without a new deployment",
        Severity.REFUSED,
        "ECS UpdateService, capacityProviderStrategy; CloudFormation's message in aws/aws-cdk#34631",
        _strategy_without_new_deployment,
    ),
    Rule(
        "subnets of another VPC",
        Severity.REFUSED,
        "ELB SetSubnets, InvalidConfigurationRequest; hashicorp/terraform-provider-aws#18317",
        _subnets_of_another_vpc,
    ),
    Rule(
        "name is taken",
        Severity.REFUSED,
        "CloudFormation User Guide, name type: a custom-named resource cannot be replaced without another name",
        _name_is_taken,
    ),
    Rule(
        "version equals the previous one",
        Severity.REFUSED,
        "Lambda PublishVersion: nothing is published if code and configuration have not changed",
        _version_equals_the_previous_one,
    ),
    Rule(
        "several indexes",
        Severity.REFUSED,
        "DynamoDB UpdateTable: one global secondary index is created or deleted per update",
        _several_indexes,
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
        "service token is fixed",
        Severity.REFUSED,
        "CloudFormation User Guide, custom resources: updates to the service token are not allowed",
        _service_token_is_fixed,
    ),
    Rule(
        "task definition becomes inactive",
        Severity.NO_WAY_BACK,
        "ECS Developer Guide, deregistering: a service cannot be updated to an INACTIVE revision; aws/aws-cdk#24372",
        _task_definition_becomes_inactive,
    ),
    Rule(
        "function version is deleted",
        Severity.NO_WAY_BACK,
        "AWS::Lambda::Version, Description: update requires replacement; CloudFormation, UpdateReplacePolicy",
        _function_version_is_deleted,
    ),
    Rule(
        "old orchestrator loses its listener",
        Severity.INTERRUPTION,
        "CloudFormation, CodeDeployLambdaAliasUpdate: the alias moves after the resources that it depends on; ELB "
        "ModifyListener takes effect at once",
        _old_orchestrator_loses_its_listener,
    ),
    Rule(
        "change without a version",
        Severity.INEFFECTIVE,
        "SAM, AutoPublishAlias: the translator does not see parameter values, so only a new description publishes",
        _change_without_a_version,
    ),
    Rule(
        "key condition never holds",
        Severity.INEFFECTIVE,
        "SNS Developer Guide, key policies for EventBridge; awslabs/landing-zone-accelerator-on-aws#407",
        _key_condition_never_holds,
    ),
    Rule(
        "queue has two encryptions",
        Severity.REFUSED,
        "SQS SetQueueAttributes: a queue has one kind of server-side encryption at a time",
        _queue_has_two_encryptions,
    ),
)
