"""An AWS account on an emulator and its resources, for tests that deploy the template themselves."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest

from testkit.template import ROOT, table_definition
from tests.support.checkouts import Checkout
from tests.support.tools import require_tool
from triptych.stack import deployment, emulator, environment
from triptych.stack.deployment import STACK_NAME, local_parameters, read_outputs
from triptych.stack.home import Home
from triptych.stack.processes import stop_processes

BUCKET_PREFIXES = ("triptych-inbox-", "triptych-analyticsbucket-")
"""Beginnings of the names of the stack's own buckets."""

_CODE_BUCKET = "aws-sam-cli-managed-default-code"

Resources = dict[str, set[str]]
"""Names or ids of resources, by kind."""

_LISTS: list[tuple[str, str, str, str | None]] = [
    ("athena", "list_work_groups", "WorkGroups", "Name"),
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ecs", "list_clusters", "clusterArns", None),
    ("ecs", "list_task_definitions", "taskDefinitionArns", None),
    ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    ("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    ("events", "list_rules", "Rules", "Name"),
    ("firehose", "list_delivery_streams", "DeliveryStreamNames", None),
    ("glue", "get_databases", "DatabaseList", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("kms", "list_keys", "Keys", "KeyId"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("route53", "list_hosted_zones", "HostedZones", "Id"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sqs", "list_queues", "QueueUrls", None),
]
"""How to list the resources of template.yaml: service, operation, field of the response, field of an item."""


@contextmanager
def open_account(home: Home, *more_services: str) -> Iterator["Account"]:
    """Start an emulator that enforces IAM, and stop it at the end of the context."""
    require_tool("sam")
    server = emulator.start_emulator(home, retry_seconds=1, services=(*emulator.SERVICES, *more_services))
    try:
        yield Account(home, server.port)
    finally:
        stop_processes(server.process)


@dataclass(frozen=True)
class Credentials:
    """An access key of a user."""

    access_key: str
    secret_key: str

    def session(self) -> boto3.Session:
        """Return a session of the user."""
        return boto3.Session(self.access_key, self.secret_key, region_name=environment.REGION)


@dataclass(frozen=True)
class Account:
    """An account on an emulator."""

    home: Home
    port: int

    @property
    def endpoint(self) -> str:
        """URL of the emulator."""
        return emulator.endpoint_url(self.port)

    def client(self, service: str) -> Any:
        """Return a client of a service with every permission."""
        return _client(service, self.endpoint)

    def resources(self) -> Resources:
        """Return all resources in the account."""
        found: Resources = {}
        for service, call, field, name in _LISTS:
            items = getattr(self.client(service), call)().get(field, [])
            found[f"{service} {field}"] = {str(item[name]) if name else str(item) for item in items}
        return found

    def build(self, checkout: Checkout) -> None:
        """Build the functions of a checkout, including the contexts of the images."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(deployment, "REPOSITORY", checkout.path)
            deployment.sam_build(self.home, "test")
        # The local stack leaves out the contexts.
        artifacts = f"ARTIFACTS_DIR={self.home.build / 'ImageBuilder'}"
        subprocess.run(["make", "-C", checkout.path / "image_build", artifacts, "build-ImageBuilder"], check=True)

    def create_bucket(self, name: str) -> None:
        """Create a bucket that sends its events to EventBridge."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name)
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )

    def create_network(self) -> dict[str, str]:
        """Create a VPC that does not belong to the stack, and return the parameters that name it."""
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.8.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for number, zone in enumerate(("us-east-1a", "us-east-1b"))
        ]
        routes = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        return {"VpcId": vpc, "SubnetIds": ",".join(subnets), "RouteTableIds": routes}

    def create_table(self, name: str) -> None:
        """Create a table of records that does not belong to the stack."""
        self.client("dynamodb").create_table(**table_definition(name))

    def package(self) -> str:
        """Upload the build with `sam package`, and return the URL of the packaged template."""
        packaged = self.home.path / "packaged.yaml"
        built = str(self.home.build / "template.yaml")
        self.sam("package", "--resolve-s3", "--template-file", built, "--output-template-file", str(packaged))
        bucket, key = "packaged-templates", "template.yaml"
        self.client("s3").create_bucket(Bucket=bucket)
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=packaged.read_bytes())
        return f"{self.endpoint}/{bucket}/{key}"

    def create_stack(self, template_url: str, overrides: Mapping[str, str]) -> dict[str, str]:
        """Create the stack as `sam deploy` does, but without starting the SAM CLI, and return its outputs."""
        return self._deploy("create_stack", "stack_create_complete", template_url, overrides)

    def update_stack(self, template_url: str, overrides: Mapping[str, str]) -> dict[str, str]:
        """Update the stack in place, and return its outputs. Parameters that are not given get their defaults."""
        return self._deploy("update_stack", "stack_update_complete", template_url, overrides)

    def _deploy(self, call: str, complete: str, template_url: str, overrides: Mapping[str, str]) -> dict[str, str]:
        config = (ROOT / "samconfig.toml").read_text()
        local = dict(pair.split("=", 1) for pair in local_parameters(config, self.endpoint))
        getattr(self.client("cloudformation"), call)(
            StackName=STACK_NAME,
            TemplateURL=template_url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in {**local, **overrides}.items()],
        )
        self.client("cloudformation").get_waiter(complete).wait(
            StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
        return read_outputs(self.port)

    def start_orchestrator(self, function: str) -> None:
        """Let the orchestrator process an event without uploads, once the version behind its alias is ready."""
        client, version = self.client("lambda"), {"FunctionName": function, "Qualifier": "live"}
        client.get_waiter("published_version_active").wait(**version)  # with SnapStart, not when the deployment ends
        response = client.invoke(**version, Payload=json.dumps({"Records": []}))
        assert "FunctionError" not in response, response["Payload"].read()

    def delete_stack(self) -> None:
        """Delete the stack as `sam delete` does, but without starting the SAM CLI."""
        self.client("cloudformation").delete_stack(StackName=STACK_NAME)
        self.client("cloudformation").get_waiter("stack_delete_complete").wait(
            StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )

    def delete_retained(self) -> None:
        """Delete the data that a deleted stack has left, so that its names are free again."""
        for table in self.client("dynamodb").list_tables()["TableNames"]:
            if table.startswith(f"{STACK_NAME}-"):
                self.client("dynamodb").delete_table(TableName=table)
        for url in self.client("sqs").list_queues().get("QueueUrls", []):
            self.client("sqs").delete_queue(QueueUrl=url)
        s3 = self.client("s3")
        for bucket in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
            if bucket.startswith(BUCKET_PREFIXES):
                for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                    for version in page.get("Versions", []):
                        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
                s3.delete_bucket(Bucket=bucket)

    def sam_delete(self) -> None:
        """Run `sam delete`. It also deletes the uploaded code, so upload that again for the next stack."""
        self.sam("delete", "--stack-name", STACK_NAME, "--region", environment.REGION, "--no-prompts")
        self.package()

    def create_user(self, name: str, policy: str) -> Credentials:
        """Create a user with a managed policy, and return its access key."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        arn = iam.create_policy(PolicyName=name, PolicyDocument=policy)["Policy"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def sam_deploy(self, credentials: Credentials) -> None:
        """Run `sam deploy` with the parameters of the local stack, as a user.

        The bucket for code has the name that SAM gives it. SAM's own accepts no plain HTTP, which the emulator uses.
        """
        config = (ROOT / "samconfig.toml").read_text()
        self.client("s3").create_bucket(Bucket=_CODE_BUCKET)
        self.sam(
            "deploy",
            *("--template-file", str(self.home.build / "template.yaml"), "--stack-name", STACK_NAME),
            *("--region", environment.REGION, "--s3-bucket", _CODE_BUCKET, "--capabilities", "CAPABILITY_IAM"),
            *("--parameter-overrides", *local_parameters(config, self.endpoint)),
            credentials=credentials,
        )

    def sam(self, command: str, *arguments: str, credentials: Credentials | None = None) -> None:
        """Run the SAM CLI against this account, by default with every permission."""
        settings = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.5",
            "__SAM_CLI_APP_DIR": str(self.home.path),
        }
        if credentials:
            settings |= {
                "AWS_ACCESS_KEY_ID": credentials.access_key,
                "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            }
        done = subprocess.run(
            [str(environment.tool_path("sam")), command, *arguments],
            env=environment.aws_environment(self.home) | settings,
            cwd=self.home.path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@cache
def _client(service: str, endpoint_url: str) -> Any:
    return _session().client(service, endpoint_url=endpoint_url)  # type: ignore[call-overload]


@cache
def _session() -> boto3.Session:
    """Return a session shared by all clients, because each session loads the service descriptions of the SDK."""
    return environment.local_session()


def added_resources(after: Resources, before: Resources) -> Resources:
    """Return the resources in `after` that are not in `before`."""
    added = {kind: after[kind] - before[kind] for kind in after}
    return {kind: names for kind, names in added.items() if names}


def wait_for(poll: Callable[[], Any], seconds: float = 30) -> Any:
    """Return the first result of `poll` that is not empty."""
    deadline = time.monotonic() + seconds
    while not (result := poll()):
        assert time.monotonic() < deadline, f"no result within {seconds} s"
        time.sleep(0.1)
    return result
