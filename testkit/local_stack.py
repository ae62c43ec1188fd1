"""A local stack for experiments, with a way to break each of its parts."""

import json
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
from rich.console import Console

from testkit.fault_proxy import HOST, Fault, FaultProxy, fault_proxy
from triptych import stack
from triptych.repair.invocation import ALIAS
from triptych.stack import Home, Ingest, ResultsMode, deployment, services
from triptych.stack.home import REPOSITORY
from triptych.stack.state import StackState
from triptych.storage.connection import StackConnection, connect_local

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_lambda.type_defs import FunctionConfigurationTypeDef

VERSIONS = services.VERSIONS

_WARM_WORKERS = 8
"""Lambda workers started in advance: a fault that delays documents needs more of them than a healthy stack."""


@dataclass(frozen=True)
class LocalTestStack:
    """A running local stack with a fault proxy in front of its table."""

    home: Home
    table_proxy: FaultProxy

    @property
    def connection(self) -> StackConnection:
        """The connection that commands use."""
        return connect_local()

    def switch_ingest(self, ingest: Ingest, console: Console) -> None:
        """Redeploy with the other ingest mode."""
        stack.start_stack(home=self.home, ingest=ingest, console=console)

    def kill_service(self, version: str) -> None:
        """Kill a model service with SIGKILL."""
        os.kill(StackState.load(self.home).services[version].process.pid, signal.SIGKILL)

    def start_service(self, version: str) -> None:
        """Start a model service that does not run, as ECS does."""
        stack.start_service(version, home=self.home)

    def restart_service(self, version: str) -> None:
        """Stop a model service gracefully and start it again, as a deployment does."""
        stack.stop_service(version, home=self.home)
        self.start_service(version)

    @contextmanager
    def frozen_service(self, version: str) -> Iterator[None]:
        """Suspend a model service with SIGSTOP: it keeps its connections and does not respond."""
        process_group = StackState.load(self.home).services[version].process.pid
        os.killpg(process_group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(process_group, signal.SIGCONT)

    @contextmanager
    def faulty_service(self, version: str, fault: Fault) -> Iterator[FaultProxy]:
        """Put a proxy that injects a fault between the load balancer and a model service."""
        running = stack.running_stack(self.home)
        target_group = running.outputs[f"TargetGroupArn{version.upper()}"]
        emulator = int(running.endpoint_url.rsplit(":", 1)[-1])
        with fault_proxy(running.ports[version]) as proxy, proxy.injecting(fault):
            services.register_target(target_group, proxy.port, emulator)
            try:
                yield proxy
            finally:
                services.register_target(target_group, running.ports[version], emulator)

    def kill_publisher(self) -> None:
        """Kill the Lambda workers of the publisher with SIGKILL, whatever they do."""
        name = publisher_configuration(self.connection)["FunctionName"]
        for worker in self._lambda_workers():
            with suppress(psutil.Error):
                if worker.environ().get("AWS_LAMBDA_FUNCTION_NAME") == name:
                    worker.kill()

    def kill_lambda_workers(self, number: int) -> None:
        """Kill some Lambda workers with SIGKILL, whatever they do.

        Not all of them: here each is a process, and starting a dozen at once is a load that AWS does not have.
        """
        workers = self._lambda_workers()
        for worker in random.sample(workers, min(number, len(workers))):
            with suppress(psutil.NoSuchProcess):
                worker.kill()

    def _lambda_workers(self) -> list[psutil.Process]:
        emulator = StackState.load(self.home).emulator
        assert emulator is not None
        return psutil.Process(emulator.process.pid).children(recursive=True)


@contextmanager
def publisher_denied(connection: StackConnection) -> Iterator[None]:
    """Take away the publisher's permission to send events, until the block ends."""
    with _denied(connection, publisher_configuration(connection)["Role"], "events:PutEvents"):
        yield


@contextmanager
def orchestrator_denied(connection: StackConnection, action: str) -> Iterator[None]:
    """Take away a permission of the orchestrator, until the block ends."""
    role = connection.lambdas.get_function_configuration(FunctionName=connection.function)["Role"]
    with _denied(connection, role, action):
        yield


@contextmanager
def _denied(connection: StackConnection, role_arn: str, action: str) -> Iterator[None]:
    """Deny an action to a role, until the block ends."""
    iam: IAMClient = connection.session.client("iam", endpoint_url=connection.endpoint_url)
    role = role_arn.rsplit("/", 1)[-1]
    denied = {"Effect": "Deny", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    iam.put_role_policy(RoleName=role, PolicyName="deny", PolicyDocument=policy)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="deny")


def publisher_configuration(connection: StackConnection) -> "FunctionConfigurationTypeDef":
    """Return the configuration of the publisher's function.

    Raises:
        ValueError: The stack has none: Results=none.
    """
    functions = connection.lambdas.list_functions()["Functions"]
    [found] = [function for function in functions if function["Handler"] == "publisher.handler.handler"]
    return found


@contextmanager
def local_test_stack(
    name: str, *, retry_seconds: float, console: Console, results: ResultsMode = "none"
) -> Iterator[LocalTestStack]:
    """Run a stack in its own home below the checkout, next to any other local stack, until the block ends."""
    home = Home(REPOSITORY / ".triptych" / name)
    os.environ["TRIPTYCH_HOME"] = str(home.path)  # read by commands and `connect_local`
    stack.stop_stack(home=home, forget=True)  # what an interrupted run left
    try:
        running = stack.start_stack(
            home=home, ingest="direct", results=results, retry_seconds=retry_seconds, console=console
        )
        with fault_proxy(int(running.endpoint_url.rsplit(":", 1)[-1])) as table_proxy:
            _route_table_through(table_proxy.port)
            deployment.warm_up_orchestrator(
                running.function, int(running.endpoint_url.rsplit(":", 1)[-1]), workers=_WARM_WORKERS
            )
            yield LocalTestStack(home, table_proxy)
    finally:
        stack.stop_stack(home=home, console=console, forget=True)


def _route_table_through(port: int) -> None:
    """Make the function reach its table through the proxy on `port`."""
    connection = connect_local()
    variables = connection.lambdas.get_function_configuration(FunctionName=connection.function)["Environment"][
        "Variables"
    ]
    variables["AWS_ENDPOINT_URL_DYNAMODB"] = f"http://{HOST}:{port}"
    connection.lambdas.update_function_configuration(
        FunctionName=connection.function, Environment={"Variables": variables}
    )
    version = connection.lambdas.publish_version(FunctionName=connection.function)["Version"]
    connection.lambdas.update_alias(FunctionName=connection.function, Name=ALIAS, FunctionVersion=version)
