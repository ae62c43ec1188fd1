"""The list of all checks, in the order in which a deployment would meet what they find."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from triptych.preflight import (
    bucket,
    certificate,
    image,
    network,
    other_models,
    permissions,
    quotas,
    roles,
    stack,
    table,
    zones,
)
from triptych.preflight.clients import PreflightClients
from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Findings


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes:
        name: Its stable name in JSON.
        topic: What it checks, for the sentence "Could not check …".
        run: The check itself.
    """

    name: str
    topic: str
    run: Callable[[PreflightClients, Deployment, datetime], Findings]


CHECKS = (
    Check("stack-name", "the stack's name", lambda _, deployment, __: stack.find_stack_name(deployment)),
    Check("stack-state", "the stack's state", lambda _, deployment, __: stack.find_stack_state(deployment)),
    Check(
        "fixed-parameters",
        "parameters that are chosen once",
        lambda _, deployment, __: stack.find_fixed_parameters(deployment),
    ),
    Check(
        "descriptions",
        "the descriptions of versions",
        lambda _, deployment, __: stack.find_long_descriptions(deployment),
    ),
    Check(
        "hosting",
        "the change of ModelHosting",
        lambda _, deployment, __: stack.find_hosting_change(deployment),
    ),
    Check(
        "permissions",
        "your permissions",
        lambda clients, deployment, _: permissions.find_permissions(clients.sts, clients.iam, deployment),
    ),
    Check(
        "other-models",
        "versions that are called elsewhere",
        lambda _, deployment, __: other_models.find_other_models(deployment),
    ),
    Check("ecs-role", "the role of ECS", lambda clients, _, __: roles.find_service_role(clients.iam)),
    Check(
        "codebuild-region",
        "the region",
        lambda clients, deployment, _: zones.find_codebuild_region(
            clients.session.get_available_regions("codebuild", deployment.partition), deployment
        ),
    ),
    Check("zones", "the availability zones", lambda clients, deployment, _: zones.find_zones(clients.ec2, deployment)),
    Check("network", "the existing VPC", lambda clients, deployment, _: network.find_network(clients.ec2, deployment)),
    Check(
        "fargate-vcpus",
        "the quota of Fargate vCPUs",
        lambda clients, deployment, now: quotas.find_fargate_vcpus(clients.quotas, clients.cloudwatch, deployment, now),
    ),
    Check(
        "codebuild-builds",
        "the quota of CodeBuild builds",
        lambda clients, deployment, _: quotas.find_codebuild_builds(clients.quotas, deployment),
    ),
    Check(
        "lambda-concurrency",
        "the concurrency of Lambda",
        lambda clients, deployment, _: quotas.find_lambda_concurrency(clients.lambdas, deployment),
    ),
    Check(
        "vpcs",
        "the quota of VPCs",
        lambda clients, deployment, _: quotas.find_vpcs(clients.quotas, clients.ec2, deployment),
    ),
    Check(
        "bucket-name",
        "the name of the inbox bucket",
        lambda clients, deployment, _: bucket.find_new_bucket(clients.s3, deployment),
    ),
    Check(
        "existing-bucket",
        "the existing bucket",
        lambda clients, deployment, _: bucket.find_existing_bucket(clients.s3, deployment),
    ),
    Check(
        "bucket-events",
        "the notifications of the existing bucket",
        lambda clients, deployment, _: bucket.find_bucket_events(clients.s3, clients.lambdas, clients.sqs, deployment),
    ),
    Check(
        "bucket-key",
        "the encryption of the existing bucket",
        lambda clients, deployment, _: bucket.find_bucket_key(clients.s3, clients.kms, deployment),
    ),
    Check(
        "existing-table",
        "the existing table",
        lambda clients, deployment, _: table.find_existing_table(clients.dynamodb, clients.kms, deployment),
    ),
    Check(
        "certificate",
        "the certificate",
        lambda clients, deployment, _: certificate.find_certificate(clients.acm, deployment),
    ),
    Check(
        "boundary",
        "the permissions boundary",
        lambda clients, deployment, _: roles.find_boundary(clients.iam, deployment),
    ),
    Check("images", "the images", lambda clients, deployment, _: image.find_images(clients.ecr, deployment)),
)
