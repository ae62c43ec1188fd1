"""Checks of the stack itself: its name and its state."""

import re

from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings, warning

_MAX_BUCKET_NAME = 63
"""Characters of a bucket's name: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""

_MAX_STACK_NAME = 128
_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
"""CloudFormation's rule: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"""

_FIXED_PARAMETERS = ("VpcId", "VpcCidr", "ZoneA", "ZoneB")
"""Parameters of the network: a load balancer cannot move to another VPC, nor a subnet to another zone."""

MAX_NAMES = 90
"""Characters of ExistingTableName and ModelDomain in the description of the orchestrator's version, and"""
MAX_IMAGE_AND_BUCKET = 219
"""those of an image and of ExistingBucketName in that of a model function. A description has at most 256 characters:
https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html. Tests compare both with the template."""

_READY = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "REVIEW_IN_PROGRESS",  # `sam deploy` creates it
}
"""States in which CloudFormation accepts a deployment."""

_WAITERS = {
    "CREATE_IN_PROGRESS": "stack-create-complete",
    "UPDATE_IN_PROGRESS": "stack-update-complete",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "stack-update-complete",
    "ROLLBACK_IN_PROGRESS": "stack-rollback-complete",
    "UPDATE_ROLLBACK_IN_PROGRESS": "stack-rollback-complete",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "stack-rollback-complete",
    "DELETE_IN_PROGRESS": "stack-delete-complete",
    "IMPORT_IN_PROGRESS": "stack-import-complete",
}
"""Waiters of `aws cloudformation wait`, by the state that they end."""


def find_stack_name(deployment: Deployment) -> Findings:
    """Yield what is wrong with the name of a new stack; its inbox bucket contains the name."""
    if not deployment.is_first:
        return
    name = deployment.stack
    if not _STACK_NAME.fullmatch(name) or len(name) > _MAX_STACK_NAME:
        yield Finding(
            f"CloudFormation does not accept the stack name {name!r}.",
            "Use letters, digits and hyphens, beginning with a letter.",
        )
    elif not deployment["ExistingBucketName"]:
        yield from _find_bucket_name(deployment)


def _find_bucket_name(deployment: Deployment) -> Findings:
    name = deployment.stack
    longest = _MAX_BUCKET_NAME - (len(deployment.own_bucket) - len(name))
    if name != name.lower():
        yield Finding(
            f"The stack name {name!r} has upper-case letters. The inbox bucket is named after it, and cannot have any.",
            f"Use lower case: {name.lower()}.",
        )
    if len(name) > longest:
        yield Finding(
            f"The stack name {name!r} has {len(name)} characters; in {deployment.region}, the name of the inbox bucket "
            f"leaves room for {longest}.",
            f"Use at most {longest} characters.",
        )


def find_fixed_parameters(deployment: Deployment) -> Findings:
    """Yield which parameters AWS would refuse to change on the stack.

    A zone that is named for the first time may be the one that the subnet is in already, so it is only a warning.
    """
    for name in _FIXED_PARAMETERS:
        earlier, value = deployment.earlier(name), deployment[name]
        if earlier is None or earlier == value:
            continue
        found = warning if name.startswith("Zone") and not earlier else Finding
        yield found(
            f"{name} would change from {earlier or 'nothing'} to {value or 'nothing'}, but AWS cannot move a stack to "
            "another network.",
            f"Keep {name}={earlier}" if earlier else f"Leave {name} empty, or create another stack.",
        )


def find_hosting_change(deployment: Deployment) -> Findings:
    """Yield what CloudFormation could not delete if the tasks of the stack are replaced by functions."""
    if deployment.earlier("ModelHosting") in (None, "lambda") or deployment["ModelHosting"] != "lambda":
        return
    if deployment.earlier("DeletionProtection") == "enabled" and not deployment.converts:
        yield Finding(
            "AWS would not delete the load balancer, which is protected. CloudFormation would leave it behind, at the "
            "same cost.",
            "First deploy DeletionProtection=disabled, then ModelHosting=lambda.",
        )
    if deployment["Network"] == "none":
        yield Finding(
            "Earlier versions of the orchestrator keep interfaces in the network, so that CloudFormation could not "
            "delete it.",
            "Keep the Network, which is free, or delete these versions first.",
        )


def find_long_descriptions(deployment: Deployment) -> Findings:
    """Yield parameters that make the description of a function's version longer than Lambda accepts."""
    names = ["ExistingTableName", *(["ModelDomain"] if deployment["CertificateArn"] else [])]
    length = sum(len(deployment[name]) for name in names)
    if length > MAX_NAMES:
        yield Finding(
            f"{' and '.join(names)} have {length} characters. The description of the orchestrator's version, in which "
            f"Lambda accepts 256, leaves room for {MAX_NAMES}.",
            "Use shorter names: restore the table under another one.",
        )
    if deployment["ModelHosting"] != "lambda":
        return
    for uri in deployment.images:
        length = len(uri) + len(deployment["ExistingBucketName"])
        if length > MAX_IMAGE_AND_BUCKET:
            yield Finding(
                f"{uri} and ExistingBucketName have {length} characters. The description of a model function's "
                f"version, in which Lambda accepts 256, leaves room for {MAX_IMAGE_AND_BUCKET}.",
                "Use a tag instead of a digest, or a repository with a shorter name.",
            )


def find_stack_state(deployment: Deployment) -> Findings:
    """Yield why CloudFormation would refuse to change the stack in its present state."""
    if deployment.deployed is None or deployment.deployed.status in _READY:
        return
    status = deployment.deployed.status
    yield Finding(f"The stack {deployment.stack} is in {status}, so it cannot be updated.", _remedy(deployment, status))


def _remedy(deployment: Deployment, status: str) -> str:
    """Return the command that leads out of a state."""
    options = f"--stack-name {deployment.stack} --region {deployment.region}"
    if status in _WAITERS:
        return f"Wait for it: aws cloudformation wait {_WAITERS[status]} {options}"
    if status == "UPDATE_ROLLBACK_FAILED":
        return f"Fix the cause (see the stack's events), then: aws cloudformation continue-update-rollback {options}"
    if status == "UPDATE_FAILED":
        return f"Undo the update: aws cloudformation rollback-stack {options}"
    return f"Delete it, which keeps bucket and table of an earlier deployment, then deploy again: sam delete {options}"
