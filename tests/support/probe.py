"""A Lambda function that tests the permissions of a role on the running stack, where IAM is enforced."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from triptych.stack import Stack

PROBE = """
import boto3

def handler(event, context):
    try:
        getattr(boto3.client(event["service"]), event["action"])(**event["arguments"])
        outcome = "allowed"
    except boto3.client("sts").exceptions.ClientError as error:
        outcome = error.response["Error"]["Code"]
    return {"outcome": outcome, "caller": boto3.client("sts").get_caller_identity()["Arn"]}
"""
"""A handler that makes one call, and returns whether it was allowed and the identity that made it."""


def client(stack: Stack, service: str) -> Any:
    """Return a client of one of the stack's services, with every permission."""
    return stack.session().client(service, endpoint_url=stack.endpoint_url)  # type: ignore[call-overload]


def role_of(stack: Stack) -> str:
    """Return the role of the orchestrator."""
    config = client(stack, "lambda").get_function_configuration(FunctionName=stack.function)
    assert isinstance(config["Role"], str)
    return config["Role"]


@contextmanager
def probe(stack: Stack, role_arn: str) -> Iterator[Callable[..., dict[str, str]]]:
    """Create the function with a role, and yield a callable that makes one call with it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("probe.py", PROBE)
    lambdas = client(stack, "lambda")
    lambdas.create_function(
        FunctionName="probe",
        Runtime="python3.13",
        Handler="probe.handler",
        Role=role_arn,
        Timeout=30,
        Code={"ZipFile": archive.getvalue()},
    )

    def attempt(service: str, action: str, **arguments: Any) -> dict[str, str]:
        event = {"service": service, "action": action, "arguments": arguments}
        response = lambdas.invoke(FunctionName="probe", Payload=json.dumps(event))
        content = json.loads(response["Payload"].read())
        assert "FunctionError" not in response, content
        assert isinstance(content, dict)
        return content

    try:
        yield attempt
    finally:
        lambdas.delete_function(FunctionName="probe")
