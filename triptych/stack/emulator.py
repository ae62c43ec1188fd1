"""The emulator: ministack, a process that emulates the AWS services of template.yaml, on loopback only."""

from collections.abc import Collection

import requests

from triptych.stack import environment, ports
from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.ports import HOST
from triptych.stack.processes import require_ready, start_process
from triptych.stack.state import LocalServer

DEFAULT_PORT = 4566

SERVICES = (
    "cloudformation",
    "cloudwatch",
    "dynamodb",
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


def start_emulator(home: Home, *, retry_seconds: float, services: Collection[str] = SERVICES) -> LocalServer:
    """Start the emulator and wait until it is ready.

    Args:
        home: The stack's home, where it stores its files.
        retry_seconds: Seconds before the first retry of a failed asynchronous invocation; the second retry waits twice
            as long. AWS waits one minute and two.
        services: The AWS services to emulate.

    Raises:
        StackError: The emulator did not become ready.
    """
    port = ports.choose_port(DEFAULT_PORT)
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
        "STATE_DIR": str(home.scratch / "state"),
        "S3_DATA_DIR": str(home.scratch / "s3"),
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
    }
    log = home.logs / "emulator.log"
    process = start_process(
        [str(environment.tool_path("ministack"))],
        environment=environment.aws_environment(home) | settings,
        log=log,
        cwd=REPOSITORY,
    )
    try:
        require_ready(
            process,
            lambda: process.listens_on(port) and emulator_is_ready(port),
            name="The emulator",
            log=log,
            timeout=_START_TIMEOUT,
        )
    except StackError:
        if process.alive or ports.is_port_free(port):
            raise
        # Another process took the port after it was chosen, such as the emulator of a stack that starts at this moment.
        return start_emulator(home, retry_seconds=retry_seconds, services=services)
    return LocalServer(process, port, sources="")


def endpoint_url(port: int) -> str:
    """Return the URL of the emulator on `port`."""
    return f"http://{HOST}:{port}"


def emulator_is_ready(port: int) -> bool:
    """Return whether an emulator on `port` is ready."""
    return responds_ok(f"{endpoint_url(port)}/_ministack/ready")


def responds_ok(url: str) -> bool:
    """Return whether a GET request succeeds within a second. The user's proxy settings are ignored."""
    with requests.Session() as client:
        client.trust_env = False
        try:
            return client.get(url, timeout=1).ok
        except requests.RequestException:
            return False
