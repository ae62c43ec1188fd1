"""A local stack for experiments, with a way to break each of its parts."""

import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from rich.console import Console

from testkit.faked_clock import FakedClock
from testkit.fault_proxy import HOST, Fault, FaultProxy, fault_proxy
from testkit.model_folders import corrupted_model, model_with_other_weights
from triptych import stack
from triptych.repair.invocation import ALIAS
from triptych.stack import Home, Ingest, ResultsMode, deployment, persistence, ports, services
from triptych.stack.home import REPOSITORY
from triptych.stack.processes import stop_processes
from triptych.stack.state import LocalServer, StackState
from triptych.storage.connection import StackConnection, connect_local

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import TargetDescriptionTypeDef
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_lambda.type_defs import FunctionConfigurationTypeDef

VERSIONS = services.VERSIONS

_WARM_WORKERS = 8
"""Lambda workers started in advance: a fault that delays documents needs more of them than a healthy stack."""


@dataclass(frozen=True)
class LocalTestStack:
    """A running local stack with a fault proxy in front of its table.

    Attributes:
        home: Its home.
        table_proxy: The proxy.
        clock: The wall clock of its Lambda workers, if it can be stepped.
    """

    home: Home
    table_proxy: FaultProxy
    clock: FakedClock | None = None

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

    def replace_unhealthy_service(self, version: str) -> None:
        """Start a model service again if it has ended or is not ready, as ECS does after failed health checks."""
        server = StackState.load(self.home).services.get(version)
        if server is None or not services.service_is_ready(server):
            self.start_service(version)

    @contextmanager
    def corrupted_task(self, version: str) -> Iterator[LocalServer]:
        """Start another task of a model service, with damaged weights. Nothing calls it."""
        with self._task_with(version, corrupted_model) as task:
            yield task

    @contextmanager
    def task_with_other_weights(self, version: str) -> Iterator[LocalServer]:
        """Run another task of a model service, with other weights. Nothing calls it yet."""
        with self._task_with(version, model_with_other_weights) as task:
            yield services.wait_for_service(self.home, version, task)

    @contextmanager
    def _task_with(self, version: str, copy: Callable[[str, Path], Path]) -> Iterator[LocalServer]:
        with tempfile.TemporaryDirectory() as folder:
            task = services.start_model_service(self.home, version, copy(version, Path(folder)))
            try:
                yield task
            finally:
                stop_processes(task.process)

    @contextmanager
    def second_task(self, version: str, port: int) -> Iterator[None]:
        """Let the load balancer send half of the requests for a version to another task, as during a rollout."""
        running, connection = stack.running_stack(self.home), self.connection
        balancer = connection.session.client("elbv2", endpoint_url=connection.endpoint_url)
        # The emulator distinguishes targets by their id alone, so that this one has another name of the same address.
        target: TargetDescriptionTypeDef = {"Id": "localhost", "Port": port}
        group = running.outputs[services.target_group_output(version)]
        balancer.register_targets(TargetGroupArn=group, Targets=[target])
        try:
            yield
        finally:
            balancer.deregister_targets(TargetGroupArn=group, Targets=[target])

    def service_process(self, version: str) -> psutil.Process:
        """Return the process of a model service."""
        return psutil.Process(StackState.load(self.home).services[version].process.pid)

    def journal_process(self) -> psutil.Process:
        """Return the process that writes the journal."""
        journal = StackState.load(self.home).journal
        assert journal is not None
        return psutil.Process(journal.pid)

    def save_emulator(self) -> None:
        """Restart the emulator gracefully, so that a later crash returns to its present state."""
        with self.home.lock():
            persistence.stop_and_save(StackState.load(self.home))
        self.restart_emulator()

    def kill_emulator(self) -> None:
        """Kill the emulator and its Lambda workers with SIGKILL. It forgets queues, streams and retries."""
        emulator = StackState.load(self.home).emulator
        assert emulator is not None
        os.killpg(emulator.process.pid, signal.SIGKILL)
        while not ports.is_port_free(emulator.port):
            time.sleep(0.05)

    def restart_emulator(self) -> None:
        """Start the emulator with the data that it had saved, and apply the journal of the table."""
        retry_seconds = StackState.load(self.home).retry_seconds
        stack.start_stack(home=self.home, retry_seconds=retry_seconds)

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
    name: str, *, retry_seconds: float, console: Console, results: ResultsMode = "none", faked_clock: bool = False
) -> Iterator[LocalTestStack]:
    """Run a stack in its own home below the checkout, next to any other local stack, until the block ends.

    Args:
        name: Name of the home.
        retry_seconds: Seconds before the emulator retries a failed event.
        console: Shows the progress.
        results: Whether changes of records become events.
        faked_clock: Whether to step the clock of the Lambda workers, where the machine allows it.
    """
    home = Home(REPOSITORY / ".triptych" / name)
    os.environ["TRIPTYCH_HOME"] = str(home.path)  # read by commands and `connect_local`
    stack.stop_stack(home=home, forget=True)  # what an interrupted run left
    try:
        running = stack.start_stack(
            home=home, ingest="direct", results=results, retry_seconds=retry_seconds, console=console
        )
        clock = FakedClock(home.path / "clock") if faked_clock else None
        clock = clock if clock and clock.works() else None
        with fault_proxy(int(running.endpoint_url.rsplit(":", 1)[-1])) as table_proxy:
            _configure_function(
                {"AWS_ENDPOINT_URL_DYNAMODB": f"http://{HOST}:{table_proxy.port}"}
                | (clock.environment if clock else {})
            )
            deployment.warm_up_orchestrator(
                running.function, int(running.endpoint_url.rsplit(":", 1)[-1]), workers=_WARM_WORKERS
            )
            yield LocalTestStack(home, table_proxy, clock)
    finally:
        stack.stop_stack(home=home, console=console, forget=True)


def _configure_function(variables: Mapping[str, str]) -> None:
    """Add variables to the environment of the function."""
    connection = connect_local()
    configuration = connection.lambdas.get_function_configuration(FunctionName=connection.function)
    connection.lambdas.update_function_configuration(
        FunctionName=connection.function,
        Environment={"Variables": {**configuration["Environment"]["Variables"], **variables}},
    )
    version = connection.lambdas.publish_version(FunctionName=connection.function)["Version"]
    connection.lambdas.update_alias(FunctionName=connection.function, Name=ALIAS, FunctionVersion=version)
