"""The model services: on AWS three Fargate services, here three processes, behind the same load balancer."""

import os
import sys
from typing import TYPE_CHECKING

from triptych.stack import environment, fingerprints, ports
from triptych.stack.emulator import endpoint, get_ok
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.ports import HOST
from triptych.stack.processes import start, wait_ready
from triptych.stack.state import Server

if TYPE_CHECKING:
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client

VERSIONS = ("v1", "v2", "v3")
_USUAL_PORTS = {"v1": 8101, "v2": 8102, "v3": 8103}


def launch(home: Home, version: str) -> Server:
    """Start the service of one version. It is ready some seconds later: see `wait_until_ready`."""
    port = ports.choose(_USUAL_PORTS[version])
    workers = str(max(1, (os.cpu_count() or 1) // len(VERSIONS)))
    settings = {
        "MODELS": version,
        "MODELS_DIR": str(REPOSITORY / "models"),
        "HOST": HOST,
        "PORT": str(port),
        "WORKERS": workers,  # three services share this machine; threads beyond its cores cost latency
        "PYTHONUNBUFFERED": "1",
    }
    process = start(
        [sys.executable, "-m", "model_service"],
        environment=environment.base(home) | settings,
        log=home.logs / f"{version}.log",
        cwd=REPOSITORY,
    )
    return Server(process, port, fingerprints.of_service(version))


def wait_until_ready(home: Home, version: str, server: Server) -> None:
    """Wait until the service has loaded its model and answers.

    Raises:
        StackError: it ended, or took too long.
    """
    wait_ready(
        server.process,
        lambda: answers(server),
        what=f"The model service {version}",
        log=home.logs / f"{version}.log",
        timeout=60,
    )


def answers(server: Server) -> bool:
    """Whether the service is ready for documents; not whether another process on its port is."""
    return server.process.alive and get_ok(f"http://{HOST}:{server.port}/health/ready")


def register(target_group: str, port: int, emulator_port: int) -> None:
    """Make the service on `port` the one target of its group, as ECS does with a task that it has started."""
    client: ElasticLoadBalancingv2Client = environment.session().client("elbv2", endpoint_url=endpoint(emulator_port))
    health = client.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
    former = [described["Target"] for described in health if described["Target"].get("Port") != port]
    if former:
        client.deregister_targets(TargetGroupArn=target_group, Targets=former)
    client.register_targets(TargetGroupArn=target_group, Targets=[{"Id": HOST, "Port": port}])
