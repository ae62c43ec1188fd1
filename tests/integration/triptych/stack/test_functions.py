"""Protects: the handler of a model function responds like the service, under AWS's runtime interface emulator."""

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from orchestrator.lambda_sender import http_event
from tests.support.samples import EXPECTED, READABLE, sample
from tests.support.tools import require_tool
from triptych.stack import environment, ports
from triptych.stack.functions import InvokeServer, function_is_ready, start_function
from triptych.stack.home import Home
from triptych.stack.processes import becomes_ready, stop_processes

OCTETS = {"content-type": "application/octet-stream"}


@pytest.mark.slow
def test_function_classifies_rejects_and_keeps_its_limits(tmp_path: Path) -> None:
    require_tool("sam")
    with socket.socket() as probe:
        probe.bind((ports.HOST, 0))
        port = probe.getsockname()[1]
    process = start_function(Home(tmp_path), "v3", port)
    server = InvokeServer(0, lambda _: port)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    lambdas = environment.local_session().client("lambda", endpoint_url=f"http://127.0.0.1:{server.server_address[1]}")

    def respond(document: bytes, **headers: str) -> tuple[int, Any]:
        event = http_event(
            "/predict", OCTETS | {name.replace("_", "-"): text for name, text in headers.items()}, document
        )
        result = json.loads(lambdas.invoke(FunctionName="ModelFunctionV3", Payload=json.dumps(event))["Payload"].read())
        return result["statusCode"], json.loads(result["body"])

    try:
        assert becomes_ready(process, lambda: function_is_ready(port), 60)
        name = READABLE[0]
        status, body = respond(sample(name).read_bytes(), x_request_id="id-1")
        assert (status, body["model"]) == (200, "v3")
        assert abs(sum(body["probabilities"].values()) - 1) < 1e-6
        assert set(EXPECTED[name]) <= {*EXPECTED[name], *body}
        assert respond(b"")[0] == 400
        assert respond(b"\0\1\2")[0] == 415
        assert respond(sample(name).read_bytes(), x_timeout_ms="1")[0] == 408
        assert respond(sample(name).read_bytes())[1]["probabilities"] == body["probabilities"]
    finally:
        server.shutdown()
        server.server_close()
        stop_processes(process)
