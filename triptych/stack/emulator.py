"""The emulator: ministack, one process that plays the parts of AWS that template.yaml uses, on loopback only."""

import requests

from triptych.stack import environment, ports
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.ports import HOST
from triptych.stack.processes import start, wait_ready
from triptych.stack.state import Server

USUAL_PORT = 4566

_SERVICES = (  # alphabetical
    "cloudformation,cloudwatch,dynamodb,ec2,ecs,elasticloadbalancing,events,iam,kms,lambda,logs,route53,s3,sns,sqs,"
    "ssm,sts"
)
_CONCURRENCY = 16
"""Lambda workers are processes: a hundred of them, one for each event of a burst, would freeze a small machine. An
event beyond it is tried again as if it had failed, and is given up after three attempts, which AWS does not do."""


def launch(home: Home, *, retry_seconds: float) -> Server:
    """Start the emulator and wait until it answers.

    Args:
        home: where it keeps its files.
        retry_seconds: what a failed asynchronous invocation waits before its first retry, and twice that before its
            second. AWS waits one minute and two.

    Raises:
        StackError: it did not come up.
    """
    port = ports.choose(USUAL_PORT)
    home.scratch.mkdir(parents=True, exist_ok=True)
    settings = {
        "AUTH": "true",  # IAM is enforced: a role that lacks a permission is refused, as on AWS
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,  # the name in the URLs that it hands out
        "GATEWAY_PORT": str(port),
        "SERVICES": _SERVICES,
        "IOT_MTLS_ENABLED": "0",  # else it opens a port for IoT devices
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",  # a function's Python runs as a process; no Docker, even where there is one
        "LAMBDA_ACCOUNT_CONCURRENCY": str(_CONCURRENCY),
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": str(retry_seconds),
        "LAMBDA_ASYNC_RETRY_MAX_SECONDS": str(retry_seconds * 2),
        "DOCKER_HOST": "unix:///nonexistent",  # as the executor: it is not to look for containers either
        "TMPDIR": str(home.scratch),
        "STATE_DIR": str(home.scratch / "state"),
        "S3_DATA_DIR": str(home.scratch / "s3"),
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
    }
    log = home.logs / "emulator.log"
    process = start(
        [str(environment.tool("ministack"))], environment=environment.aws(home) | settings, log=log, cwd=REPOSITORY
    )
    wait_ready(process, lambda: answers(port), what="The emulator", log=log, timeout=30)
    return Server(process, port, sources="")


def endpoint(port: int) -> str:
    """Where the emulator on `port` is reached."""
    return f"http://{HOST}:{port}"


def answers(port: int) -> bool:
    """Whether an emulator on `port` is ready."""
    return get_ok(f"{endpoint(port)}/_ministack/ready")


def get_ok(url: str) -> bool:
    """Whether a GET of `url` is answered well within a second; a person's proxies are left out."""
    with requests.Session() as client:
        client.trust_env = False
        try:
            return client.get(url, timeout=1).ok
        except requests.RequestException:
            return False
