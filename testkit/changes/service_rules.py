"""Rules of AWS's services about updates, which CloudFormation's schemas do not contain.

Each rule has its source. A rule receives an update and yields a sentence for each resource that violates it.
"""

from collections.abc import Iterator

from testkit.changes.network_rules import NETWORK_RULES
from testkit.changes.resource_changes import Action, Update, references
from testkit.changes.rule import Finding, Rule, Severity, both_properties


def _strategy_without_new_deployment(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.names(Action.UPDATE, "AWS::ECS::Service"):
        before, after = both_properties(update, name)
        strategy_changed = before.get("CapacityProviderStrategy") != after.get("CapacityProviderStrategy")
        forced = after.get("ForceNewDeployment", {})
        renewed = forced != before.get("ForceNewDeployment", {}) and forced.get("EnableForceNewDeployment") is True
        if strategy_changed and not renewed:
            yield name, "The capacity provider strategy changes without a forced deployment."


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
        before, after = both_properties(update, name)
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
            for properties in both_properties(update, name)
        )
        if len(before ^ after) > 1:
            yield name, "More than one index would be created or deleted in one update."


def _service_token_is_fixed(update: Update) -> Iterator[tuple[str, str]]:
    for name in update.after.resources:
        if name in update.before and update.after.resources[name]["Type"].startswith("Custom::"):
            before, after = both_properties(update, name)
            token = after["ServiceToken"]
            if before["ServiceToken"] != token or set(references(token)) & update.names(Action.REPLACE):
                yield name, "The service token of a custom resource would change."


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
        before, after = both_properties(update, name)
        if "KmsMasterKeyId" in after and before.get("SqsManagedSseEnabled") and "SqsManagedSseEnabled" not in after:
            yield name, "The queue would keep SQS's own encryption next to the key: it has to be disabled explicitly."


RULES = (
    *NETWORK_RULES,
    Rule(
        "strategy without a new deployment",
        Severity.REFUSED,
        "ECS UpdateService, capacityProviderStrategy; CloudFormation's message in aws/aws-cdk#34631",
        _strategy_without_new_deployment,
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


def findings(update: Update) -> list[Finding]:
    """Return every violation of a rule, ordered by severity and resource."""
    found = [
        Finding(rule.name, rule.severity, resource, sentence)
        for rule in RULES
        for resource, sentence in rule.check(update)
    ]
    return sorted(found, key=lambda finding: (list(Severity).index(finding.severity), finding.rule, finding.resource))
