"""Model functions of the local stack: AWS's runtime interface emulator runs the real handler, without a container.

    orchestrator ── Invoke ──► this server ──► the emulator of the version ──► python -m awslambdaric

The emulator of the other AWS services runs container images in Docker only, and the runtime interface emulator accepts
one event at a time, for one function. So this server speaks Lambda's Invoke API for all versions, and lets events wait
for their turn; on AWS, further instances would start. `python -m triptych.stack.functions HOME PORT` runs it.
"""

import json
import platform
import re
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import requests

from triptych.stack import environment, ports
from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.ports import HOST
from triptych.stack.processes import ManagedProcess, start_process
from triptych.stack.state import StackState

INVOKE_PATH: Final = "/2015-03-31/functions/function/invocations"
"""The path of the runtime interface emulator."""

_HANDLER: Final = "model_service.lambda_handler.handler"
_INVOKE: Final = re.compile(r"/2015-03-31/functions/[^/]*ModelFunctionV(\d)[^/]*/invocations")
_INBOX: Final = f"triptych-inbox-000000000000-{environment.REGION}"
"""The inbox in the emulator's account."""
_TIMEOUT_S: Final = 60.0
"""Longer than a function may take, with its start."""

_READY: Final = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/health/ready",
    "rawQueryString": "",
    "headers": {},
    "requestContext": {
        "http": {"method": "GET", "path": "/health/ready", "protocol": "HTTP/1.1", "sourceIp": HOST},
    },
    "isBase64Encoded": False,
}
"""A request for the readiness of a version, as an event."""

PortOf = Callable[[str], int | None]
"""Returns the port of the runtime interface emulator of a version, or None if it does not run."""


def start_function(home: Home, version: str, port: int) -> ManagedProcess:
    """Start the runtime interface emulator of a version. The first event loads the model.

    Raises:
        StackError: The emulator is not installed.
    """
    settings = {
        "MODELS": version,
        "MODELS_DIR": str(REPOSITORY / "models"),
        "WORKERS": "1",
        "MAX_SLOW": "0",
        "PYTHONUNBUFFERED": "1",
        "AWS_LAMBDA_FUNCTION_NAME": version,
    }
    addresses = [
        *("--runtime-interface-emulator-address", f"{HOST}:{port}"),
        *("--runtime-api-address", f"{HOST}:{ports.choose_port(port + 100)}"),
    ]
    return start_process(
        [str(_emulator_path()), *addresses, sys.executable, "-m", "awslambdaric", _HANDLER],
        environment=inbox_environment(home) | settings,
        log=home.logs / f"{version}.log",
        cwd=REPOSITORY,
    )


def inbox_environment(home: Home) -> dict[str, str]:
    """Return the environment of a process that may read documents from the inbox."""
    emulator = StackState.load(home).emulator
    return environment.aws_environment(home) | {
        "OBJECT_BUCKETS": _INBOX,
        "AWS_ENDPOINT_URL": f"http://{HOST}:{emulator.port}" if emulator else "",
    }


def start_invoke_server(home: Home, port: int) -> ManagedProcess:
    """Start the server that speaks the Invoke API."""
    return start_process(
        [sys.executable, "-m", "triptych.stack.functions", str(home.path), str(port)],
        environment=environment.base_environment(home) | {"PYTHONUNBUFFERED": "1"},
        log=home.logs / "functions.log",
        cwd=REPOSITORY,
    )


def function_is_ready(port: int) -> bool:
    """Return whether the function behind a runtime interface emulator responds that it is ready. This may start it."""
    try:
        response = _post(port, json.dumps(_READY).encode())
        return bool(response.json().get("statusCode") == HTTPStatus.OK)
    except (requests.RequestException, ValueError, AttributeError):
        return False


def _emulator_path() -> Path:
    """Return the path of the runtime interface emulator, which the SAM CLI contains."""
    tools = environment.tool_path("sam").parent.parent
    architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    found = sorted(tools.glob(f"lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{architecture}"))
    if not found:
        raise StackError(f"The SAM CLI in {tools} contains no runtime interface emulator for {architecture}.")
    found[0].chmod(0o755)
    return found[0]


def _post(port: int, event: bytes) -> requests.Response:
    with requests.Session() as client:
        client.trust_env = False
        return client.post(f"http://{HOST}:{port}{INVOKE_PATH}", data=event, timeout=_TIMEOUT_S)


class InvokeServer(ThreadingHTTPServer):
    """Speaks the Invoke API for the model functions.

    Args:
        port: Port to listen on; 0 for a free one.
        port_of: Finds the runtime interface emulator of a version.
    """

    daemon_threads = True

    def __init__(self, port: int, port_of: PortOf) -> None:
        super().__init__((HOST, port), _InvokeHandler)
        self._port_of = port_of
        self._turns = {f"v{number}": threading.Lock() for number in range(1, 10)}

    def invoke(self, version: str, event: bytes) -> tuple[HTTPStatus, bytes, dict[str, str]]:
        """Send an event to the function of a version when it is its turn, and return status, body and headers."""
        with self._turns[version]:
            port = self._port_of(version)
            if port is None:
                return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "ServiceException", f"No function of {version} runs.")
            try:
                response = _post(port, event)
            except requests.RequestException as error:
                return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "ServiceException", str(error))
        failed = {"X-Amz-Function-Error": "Unhandled"} if _is_function_error(response.content) else {}
        return HTTPStatus.OK, response.content, failed


def _is_function_error(payload: bytes) -> bool:
    """Return whether a payload is the error of a handler; the runtime interface emulator sets no header for it."""
    try:
        fields: Any = json.loads(payload)
    except ValueError:
        return True
    return isinstance(fields, dict) and "errorType" in fields


def _error(status: HTTPStatus, kind: str, message: str) -> tuple[HTTPStatus, bytes, dict[str, str]]:
    body = json.dumps({"Type": "Service", "Message": message}).encode()
    return status, body, {"x-amzn-ErrorType": kind}


class _InvokeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: InvokeServer

    def do_GET(self) -> None:
        """Respond to a check of the server itself."""
        self._send(HTTPStatus.OK, b"{}", {})

    def do_POST(self) -> None:
        """Invoke a function."""
        event = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match = _INVOKE.fullmatch(unquote(self.path))
        if match is None:
            self._send(*_error(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", f"No function at {self.path}."))
        else:
            self._send(*self.server.invoke(f"v{match[1]}", event))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name in the base class)
        """Log nothing: functions log their requests."""

    def _send(self, status: HTTPStatus, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def main(home: Home, port: int) -> None:
    """Serve until the process is stopped. The state of the stack contains the ports of the functions."""

    def port_of(version: str) -> int | None:
        server = StackState.load(home).services.get(version)
        return server.port if server else None

    InvokeServer(port, port_of).serve_forever()


if __name__ == "__main__":
    main(Home(Path(sys.argv[1])), int(sys.argv[2]))
