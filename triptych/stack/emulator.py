"""The emulator: ministack, a process that emulates the AWS services of template.yaml, on loopback only."""

import json
import time
from collections.abc import Collection
from pathlib import Path

import requests

from triptych.stack import environment, ports
from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.ports import HOST
from triptych.stack.processes import require_ready, start_process, stop_processes
from triptych.stack.state import LocalServer

DEFAULT_PORT = 4566

SERVICES = (
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "dynamodbstreams",
    "ec2",
    "ecs",
    "elasticloadbalancing",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "route53",
    "s3",
    "sns",
    "sqs",
    "ssm",
    "sts",
)
"""The AWS services that the local stack needs."""

_CONCURRENCY = 16
"""Maximum number of Lambda workers. They are processes: one for each event of a burst would overload a small machine.
The emulator treats an event beyond the limit as failed, and drops it after three attempts; AWS does not do that."""

_START_TIMEOUT = 30.0
"""Seconds in which the emulator has to become ready."""

_SAVED_SERVICES = ("cloudformation", "dynamodb", "iam", "lambda", "s3")
"""Services without whose saved state the emulator cannot continue."""

_SAVE_TIMEOUT = 60.0
"""Seconds in which the emulator has to save its state. Tens of thousands of records take some seconds."""


def start_emulator(
    home: Home,
    *,
    retry_seconds: float,
    services: Collection[str] = SERVICES,
    persistent: bool = False,
    preferred_port: int = DEFAULT_PORT,
) -> LocalServer:
    """Start the emulator and wait until it is ready.

    Args:
        home: The stack's home, where it stores its files.
        retry_seconds: Seconds before the first retry of a failed asynchronous invocation; the second retry waits twice
            as long. AWS waits one minute and two.
        services: The AWS services to emulate.
        persistent: Whether it continues with the state and the objects in `home.data`, writes objects there at once,
            and saves its state there when it is stopped with SIGTERM.
        preferred_port: The port, if it is free.

    Raises:
        StackError: The emulator did not become ready.
    """
    port = ports.choose_port(preferred_port)
    home.scratch.mkdir(parents=True, exist_ok=True)
    settings = {
        "AUTH": "true",  # enforce IAM: a role without permission is denied access, as on AWS
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,  # the host name in URLs that it returns
        "GATEWAY_PORT": str(port),
        "SERVICES": ",".join(services),
        "IOT_MTLS_ENABLED": "0",  # otherwise it opens a port for IoT devices
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",  # functions run as Python processes; never use Docker
        "LAMBDA_ACCOUNT_CONCURRENCY": str(_CONCURRENCY),
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": str(retry_seconds),
        "LAMBDA_ASYNC_RETRY_MAX_SECONDS": str(retry_seconds * 2),
        "DOCKER_HOST": "unix:///nonexistent",  # never look for containers
        "TMPDIR": str(home.scratch),
        "STATE_DIR": str(_state_folder(home)),
        "S3_DATA_DIR": str(home.data / "s3"),
        "PERSIST_STATE": "1" if persistent else "0",
        "S3_PERSIST": "1" if persistent else "0",
    }
    log = home.logs / "emulator.log"
    process = start_process(
        [str(environment.tool_path("ministack"))],
        environment=environment.aws_environment(home) | settings,
        log=log,
        cwd=REPOSITORY,
    )
    server = LocalServer(process, port, sources="")
    try:
        require_ready(
            process,
            lambda: emulator_is_ready(server),
            name="The emulator",
            log=log,
            timeout=_START_TIMEOUT,
        )
    except StackError:
        if not lost_its_port(server):
            raise
        return start_emulator(
            home,
            retry_seconds=retry_seconds,
            services=services,
            persistent=persistent,
            preferred_port=preferred_port,
        )
    return server


def stop_emulator(home: Home, server: LocalServer) -> bool:
    """Stop the emulator, and wait until it has saved its state.

    Returns:
        Whether it has saved the state of the services with data.
    """
    started = time.time()
    stop_processes(server.process, grace=_SAVE_TIMEOUT)
    files = [_state_folder(home) / f"{service}.json" for service in _SAVED_SERVICES]
    return all(file.exists() and file.stat().st_mtime >= started for file in files)


def has_saved_state(home: Home) -> bool:
    """Return whether the emulator has saved a deployment, with which it can continue."""
    return (_state_folder(home) / "cloudformation.json").exists()


def forget_stream_positions(home: Home) -> None:
    """Remove the positions up to which functions have read streams from the saved state.

    The emulator saves them, but not the streams: after a restart a stream is empty, and a function would wait until it
    is as long as before.
    """
    file = _state_folder(home) / "lambda.json"
    if file.exists():
        saved = json.loads(file.read_text())
        saved["payload"].pop("dynamodb_stream_positions", None)
        file.write_text(json.dumps(saved))


def _state_folder(home: Home) -> Path:
    return home.data / "state"


def endpoint_url(port: int) -> str:
    """Return the URL of the emulator on `port`."""
    return f"http://{HOST}:{port}"


def emulator_is_ready(server: LocalServer) -> bool:
    """Return whether the emulator is ready for requests."""
    return responds_ok(server, "/_ministack/ready")


def lost_its_port(server: LocalServer) -> bool:
    """Return whether a server ended because another process took its port after it was chosen.

    Stacks that start at the same moment choose the same ports.
    """
    return not server.process.alive and not ports.is_port_free(server.port)


def responds_ok(server: LocalServer, path: str) -> bool:
    """Return whether a GET request to a server succeeds within a second.

    Another process on its port does not count, and the user's proxy settings are ignored.
    """
    if not server.process.listens_on(server.port):
        return False
    with requests.Session() as client:
        client.trust_env = False
        try:
            return client.get(f"{endpoint_url(server.port)}{path}", timeout=1).ok
        except requests.RequestException:
            return False
