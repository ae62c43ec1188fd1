"""An account on an emulator, and what it holds: for tests that deploy the template in their own way."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest

from testkit.template import ROOT
from tests.support.tools import needed
from triptych.stack import emulator, environment
from triptych.stack.deployment import STACK_NAME, local_parameters, read_outputs
from triptych.stack.home import Home
from triptych.stack.processes import stop_processes

Holdings = dict[str, set[str]]
"""Names or ids of what there is, by kind."""

_LISTS: list[tuple[str, str, str, str | None]] = [
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
"""How everything is listed that template.yaml makes: service, call, field of the answer, field of an item."""


@contextmanager
def opened(home: Home, *more_services: str) -> Iterator["Account"]:
    """Open an account of its own, IAM enforced, on an emulator that ends with it."""
    needed("sam")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulator, "_SERVICES", ",".join((emulator._SERVICES, *more_services)))
        server = emulator.start_emulator(home, retry_seconds=1)
    try:
        yield Account(home, server.port)
    finally:
        stop_processes(server.process)


@dataclass(frozen=True)
class Account:
    """An emulator of its own, into which nothing is deployed yet."""

    home: Home
    port: int

    @property
    def endpoint(self) -> str:
        """Where the emulator is."""
        return emulator.endpoint_url(self.port)

    def client(self, service: str) -> Any:
        """A client of one of its services, with every permission."""
        return _client(service, self.endpoint)

    def holdings(self) -> Holdings:
        """Everything that there is."""
        found: Holdings = {}
        for service, call, field, name in _LISTS:
            items = getattr(self.client(service), call)().get(field, [])
            found[f"{service} {field}"] = {str(item[name]) if name else str(item) for item in items}
        return found

    def package(self) -> str:
        """`sam package`: upload what was built; the packaged template's URL."""
        packaged = self.home.path / "packaged.yaml"
        built = str(self.home.build / "template.yaml")
        self.sam("package", "--resolve-s3", "--template-file", built, "--output-template-file", str(packaged))
        bucket, key = "packaged-templates", "template.yaml"
        self.client("s3").create_bucket(Bucket=bucket)
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=packaged.read_bytes())
        return f"{self.endpoint}/{bucket}/{key}"

    def create(self, template_url: str, given: Mapping[str, str]) -> dict[str, str]:
        """What `sam deploy` does with a packaged template, less the seconds that `sam` takes to start; the outputs."""
        config = (ROOT / "samconfig.toml").read_text()
        local = dict(pair.split("=", 1) for pair in local_parameters(config, self.endpoint))
        self.client("cloudformation").create_stack(
            StackName=STACK_NAME,
            TemplateURL=template_url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in {**local, **given}.items()],
        )
        self.client("cloudformation").get_waiter("stack_create_complete").wait(
            StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
        return read_outputs(self.port)

    def remove(self) -> None:
        """What `sam delete` does with a stack."""
        self.client("cloudformation").delete_stack(StackName=STACK_NAME)
        self.client("cloudformation").get_waiter("stack_delete_complete").wait(
            StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )

    def sam_delete(self) -> None:
        """`sam delete`, as a person would."""
        self.sam("delete", "--stack-name", STACK_NAME, "--region", environment.REGION, "--no-prompts")

    def sam(self, command: str, *arguments: str) -> None:
        """Run the SAM CLI against this account."""
        settings = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.5",
            "__SAM_CLI_APP_DIR": str(self.home.path),
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
    """One for all clients: each session reads the SDK's descriptions of AWS again."""
    return environment.local_session()


def difference(after: Holdings, before: Holdings) -> Holdings:
    """What there is now and was not before."""
    more = {kind: after[kind] - before[kind] for kind in after}
    return {kind: names for kind, names in more.items() if names}


def waited_for(holds: Callable[[], Any], seconds: float = 30) -> Any:
    """The first answer that is not empty."""
    until = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.1)
    return answer
