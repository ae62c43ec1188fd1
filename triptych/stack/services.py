"""The model services and the converter: Fargate services on AWS, here processes behind the same load balancer."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from triptych.stack import environment, fingerprints, ports
from triptych.stack.emulator import endpoint_url, lost_its_port, responds_ok
from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.ports import HOST
from triptych.stack.processes import require_ready, start_process
from triptych.stack.state import LocalServer

if TYPE_CHECKING:
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client

VERSIONS = ("v1", "v2", "v3")
CONVERTER = "converter"
"""Name of the converter among the services."""
_DEFAULT_PORTS = {"v1": 8101, "v2": 8102, "v3": 8103, CONVERTER: 8104}


def start_service_process(home: Home, name: str) -> LocalServer:
    """Start the service of a version, or the converter. It needs some seconds to become ready: `wait_for_service`."""
    return _start_converter(home) if name == CONVERTER else start_model_service(home, name)


def current_fingerprint(name: str) -> str:
    """Return the fingerprint of the code that a service should run."""
    return fingerprints.converter_fingerprint() if name == CONVERTER else fingerprints.service_fingerprint(name)


def target_group_output(name: str) -> str:
    """Return the name of the stack's output with the target group of a service."""
    return "TargetGroupArn" + (name.upper() if name in VERSIONS else name.capitalize())


def _start_converter(home: Home) -> LocalServer:
    port = ports.choose_port(_DEFAULT_PORTS[CONVERTER])
    settings = {"HOST": HOST, "PORT": str(port), "WORKERS": "1", "PYTHONUNBUFFERED": "1"}
    process = start_process(
        [sys.executable, "-m", "converter"],
        environment=environment.base_environment(home) | settings,
        log=home.logs / f"{CONVERTER}.log",
        cwd=REPOSITORY,
    )
    return LocalServer(process, port, fingerprints.converter_fingerprint())


def start_model_service(home: Home, version: str, models: Path = REPOSITORY / "models") -> LocalServer:
    """Start the service of a version with the model in a folder of `models`."""
    port = ports.choose_port(_DEFAULT_PORTS[version])
    workers = str(max(1, (os.cpu_count() or 1) // len(VERSIONS)))
    settings = {
        "MODELS": version,
        "MODELS_DIR": str(models),
        "HOST": HOST,
        "PORT": str(port),
        "WORKERS": workers,  # three services share this machine, and more threads than cores increase the latency
        "PYTHONUNBUFFERED": "1",
    }
    process = start_process(
        [sys.executable, "-m", "model_service"],
        environment=environment.base_environment(home) | settings,
        log=home.logs / f"{version}.log",
        cwd=REPOSITORY,
    )
    return LocalServer(process, port, fingerprints.service_fingerprint(version))


def wait_for_service(home: Home, name: str, server: LocalServer) -> LocalServer:
    """Wait until the service has loaded its model, or started its processes, and is ready.

    Returns:
        The service: another process on another port if its port was taken meanwhile.

    Raises:
        StackError: The service ended, or was not ready in time.
    """
    try:
        require_ready(
            server.process,
            lambda: service_is_ready(server),
            name=f"The service {name}" if name == CONVERTER else f"The model service {name}",
            log=home.logs / f"{name}.log",
            timeout=60,
        )
    except StackError:
        if not lost_its_port(server):
            raise
        return wait_for_service(home, name, start_service_process(home, name))
    return server


def service_is_ready(server: LocalServer) -> bool:
    """Return whether the service is ready for documents."""
    return responds_ok(server, "/health/ready")


def register_target(target_group: str, port: int, emulator_port: int) -> None:
    """Make the service on `port` the only target of its group, as ECS does with a new task."""
    client: ElasticLoadBalancingv2Client = environment.local_session().client(
        "elbv2", endpoint_url=endpoint_url(emulator_port)
    )
    health = client.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
    previous = [described["Target"] for described in health if described["Target"].get("Port") != port]
    if previous:
        client.deregister_targets(TargetGroupArn=target_group, Targets=previous)
    client.register_targets(TargetGroupArn=target_group, Targets=[{"Id": HOST, "Port": port}])
