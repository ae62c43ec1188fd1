"""The server that speaks Lambda's Invoke API for the model functions of the local stack."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from triptych.stack import environment, ports
from triptych.stack.functions import INVOKE_PATH, InvokeServer, function_is_ready
from triptych.stack.services import FUNCTIONS, SHARED, VERSIONS, current_fingerprint, service_names
from triptych.stack.state import Choices


class Emulator(BaseHTTPRequestHandler):
    """A runtime interface emulator: one function, one event at a time."""

    answer: Any
    busy = threading.Lock()

    def do_POST(self) -> None:
        """Return the answer, or the event's body if there is none."""
        assert self.path == INVOKE_PATH
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.busy.acquire(blocking=False), "a second event at the same time"
        try:
            body = json.dumps(event if self.answer is None else self.answer).encode()
        finally:
            self.busy.release()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def client(answer: Any = None, *, running: bool = True) -> Iterator[Any]:
    """A Lambda client for an Invoke server in front of an emulator of v2."""
    handler = type("Answering", (Emulator,), {"answer": answer})
    with serving(ThreadingHTTPServer((ports.HOST, 0), handler)) as port:
        server = InvokeServer(0, lambda version: port if version == "v2" and running else None)
        with serving(server) as invoke_port:
            yield environment.local_session().client(
                "lambda",
                endpoint_url=f"http://{ports.HOST}:{invoke_port}",
                config=Config(retries={"total_max_attempts": 1}),
            )


FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:triptych-ModelFunctionV2-AB12:live"


def test_event_reaches_the_function_of_the_version() -> None:
    with client() as lambdas:
        result = lambdas.invoke(FunctionName=FUNCTION, Payload=json.dumps({"rawPath": "/predict"}))
        assert json.loads(result["Payload"].read()) == {"rawPath": "/predict"}
        assert "FunctionError" not in result


def test_events_wait_for_their_turn() -> None:
    with client() as lambdas:
        failures: list[BaseException] = []

        def invoke() -> None:
            try:
                lambdas.invoke(FunctionName=FUNCTION, Payload="{}")["Payload"].read()
            except ClientError as error:
                failures.append(error)

        threads = [threading.Thread(target=invoke) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures


def test_error_of_the_handler_is_a_function_error() -> None:
    with client({"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}) as lambdas:
        result = lambdas.invoke(FunctionName=FUNCTION, Payload="{}")
        assert result["FunctionError"] == "Unhandled"


@pytest.mark.parametrize(
    ("function", "running", "code"),
    [
        (FUNCTION, False, "ServiceException"),
        (FUNCTION.replace("V2", "V3"), True, "ServiceException"),
        ("another", True, "ResourceNotFoundException"),
    ],
)
def test_function_that_does_not_run_is_an_error_of_the_service(function: str, running: bool, code: str) -> None:
    with client(running=running) as lambdas, pytest.raises(ClientError) as caught:
        lambdas.invoke(FunctionName=function, Payload="{}")
    assert caught.value.response["Error"]["Code"] == code


def test_function_is_ready_if_its_app_says_so() -> None:
    for status, expected in ((200, True), (503, False)):
        handler = type("Answering", (Emulator,), {"answer": {"statusCode": status}})
        with serving(ThreadingHTTPServer((ports.HOST, 0), handler)) as port:
            assert function_is_ready(port) is expected
    assert not function_is_ready(1)


def test_services_follow_the_hosting() -> None:
    assert service_names("fargate", "none") == VERSIONS
    assert service_names("single", "convert") == (SHARED, "converter")
    assert service_names("lambda", "none") == (*VERSIONS, FUNCTIONS)


def test_change_of_hosting_or_transfer_replaces_the_process_of_a_version() -> None:
    functions, by_address = Choices(hosting="lambda"), Choices(transfer="address")
    of_v1 = [current_fingerprint("v1", choices) for choices in (Choices(), functions, by_address)]
    assert len(set(of_v1)) == len(of_v1)
    assert current_fingerprint("v1", Choices(hosting="lambda", transfer="address")) == of_v1[1]
    assert current_fingerprint("converter", functions) == current_fingerprint("converter")
