"""The model services and the converter: Fargate services on AWS, here processes behind the same load balancer.

Model functions run as processes as well; see `functions`.
"""

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from triptych.stack import environment, fingerprints, functions, ports
from triptych.stack.emulator import endpoint_url, lost_its_port, responds_ok
from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.ports import HOST
from triptych.stack.processes import require_ready, start_process
from triptych.stack.state import Choices, Hosting, LocalServer, OfficeFormats

if TYPE_CHECKING:
    from mypy_boto3_elbv2.client import ElasticLoadBalancingv2Client

VERSIONS = ("v1", "v2", "v3")
CONVERTER = "converter"
"""Name of the converter among the services."""
SHARED = "shared"
"""Name of the service of all versions (ModelHosting=single)."""
FUNCTIONS = "functions"
"""Name of the server through which functions are invoked (ModelHosting=lambda)."""
_DEFAULT_PORTS = {"v1": 8101, "v2": 8102, "v3": 8103, CONVERTER: 8104, SHARED: 8105, FUNCTIONS: 8106}
_FUNCTION_MARK = "function "
"""Prefix of the fingerprint of a version that runs as a function."""
_ADDRESS_MARK = "by address "
"""Prefix of the fingerprint of a service that reads documents from the inbox."""
_DEFAULT = Choices()


def service_names(hosting: Hosting, office_formats: OfficeFormats) -> tuple[str, ...]:
    """Return the names of the services that a stack has."""
    models = {"fargate": VERSIONS, "single": (SHARED,), "lambda": (*VERSIONS, FUNCTIONS)}[hosting]
    return (*models, CONVERTER) if office_formats == "convert" else models


def start_service_process(home: Home, name: str, choices: Choices = _DEFAULT) -> LocalServer:
    """Start a service. It needs some seconds to become ready: `wait_for_service`."""
    if name == CONVERTER:
        return _start_converter(home)
    if choices.hosting == "lambda":
        port = ports.choose_port(_DEFAULT_PORTS[name])
        start = functions.start_invoke_server if name == FUNCTIONS else partial(functions.start_function, version=name)
        return LocalServer(start(home, port=port), port, current_fingerprint(name, choices))
    return start_model_service(home, name, choices=choices)


def current_fingerprint(name: str, choices: Choices = _DEFAULT) -> str:
    """Return the fingerprint of the code that a service should run, and how."""
    if name == CONVERTER:
        return fingerprints.converter_fingerprint()
    if name == FUNCTIONS:
        return fingerprints.files_fingerprint([Path(functions.__file__)])
    versions = VERSIONS if name == SHARED else (name,)
    digests = " ".join(map(fingerprints.service_fingerprint, versions))
    if choices.hosting == "lambda":
        return _FUNCTION_MARK + digests
    return _ADDRESS_MARK + digests if choices.by_address else digests


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


def start_model_service(
    home: Home, version: str, models: Path | None = None, *, choices: Choices = _DEFAULT
) -> LocalServer:
    """Start the service of a version, or of all.

    Args:
        home: Home of the stack.
        version: The version, or `SHARED`.
        models: Folder of the models; by default the released ones.
        choices: Those of the stack: by address, the service may read documents from the inbox.
    """
    port = ports.choose_port(_DEFAULT_PORTS[version])
    cpus = os.cpu_count() or 1
    workers = str(cpus if version == SHARED else max(1, cpus // len(VERSIONS)))
    settings = {
        "MODELS": ",".join(VERSIONS) if version == SHARED else version,
        "MAX_IN_FLIGHT": "48" if version == SHARED else "16",
        "MODELS_DIR": str(models or REPOSITORY / "models"),
        "HOST": HOST,
        "PORT": str(port),
        "WORKERS": workers,  # three services share this machine, and more threads than cores increase the latency
        "PYTHONUNBUFFERED": "1",
    }
    inherited = functions.inbox_environment(home) if choices.by_address else environment.base_environment(home)
    process = start_process(
        [sys.executable, "-m", "model_service"],
        environment=inherited | settings,
        log=home.logs / f"{version}.log",
        cwd=REPOSITORY,
    )
    return LocalServer(process, port, current_fingerprint(version, choices))


def wait_for_service(home: Home, name: str, server: LocalServer, choices: Choices = _DEFAULT) -> LocalServer:
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
        return wait_for_service(home, name, start_service_process(home, name, choices), choices)
    return server


def service_is_ready(server: LocalServer) -> bool:
    """Return whether the service is ready for documents.

    A function is, once it listens: a further event could meet the one that it handles.
    """
    if server.sources.startswith(_FUNCTION_MARK):
        return server.process.listens_on(server.port)
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
