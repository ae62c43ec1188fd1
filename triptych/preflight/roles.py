"""Checks of roles: the service-linked role of ECS, and the permissions boundary of the stack's roles."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient


def find_service_role(iam: "IAMClient") -> Findings:
    """Yield a finding if the account has never used ECS.

    The account's first cluster creates the role, and capacity providers that follow within seconds may come too early
    for IAM: "Unable to assume the service linked role" (https://github.com/aws/containers-roadmap/issues/2614).
    """
    if not iam.list_roles(PathPrefix="/aws-service-role/ecs.amazonaws.com/")["Roles"]:
        yield Finding(
            "The account has no service-linked role for ECS. The first cluster creates it, perhaps too late for the "
            "capacity providers of this stack.",
            "Create it now: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
        )


def find_boundary(iam: "IAMClient", deployment: Deployment) -> Findings:
    """Yield a finding if the permissions boundary does not exist."""
    boundary = deployment["PermissionsBoundaryArn"]
    if not boundary:
        return
    try:
        iam.get_policy(PolicyArn=boundary)
    except ClientError as error:
        if error.response["Error"].get("Code") != "NoSuchEntity":
            raise
        yield Finding(f"The permissions boundary {boundary} does not exist.", "Correct PermissionsBoundaryArn.")
