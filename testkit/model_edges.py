"""Local counterparts of the AWS interfaces in front of a model service: Lambda's Invoke and SageMaker's InvokeEndpoint.

Each is an HTTP server that translates a request of boto3 for a service on a local port, as AWS does, and the response
back. Point boto3 to it with AWS_ENDPOINT_URL_LAMBDA or AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME. As with any `FaultProxy`,
faults can be injected; those at the end of this module are the errors of AWS.
"""

import base64
import json
import re
from collections.abc import Mapping

from testkit.fault_proxy import Fault, FaultProxy, Response, send_request

_INVOKE = re.compile(r"/2015-03-31/functions/[^/]+/invocations(\?.*)?")
_INVOKE_ENDPOINT = re.compile(r"/endpoints/[^/]+/invocations")

_FORWARDED = ("content-type", "accept")
_SAGEMAKER_PREFIX = "x-amzn-sagemaker-"

_MAX_EVENT_BYTES = 6 * 1024 * 1024
"""Maximum size of an event (AWS, "Lambda quotas")."""
_MAX_SERVERLESS_BYTES = 4 * 1024 * 1024
"""Maximum size of a request (AWS, "Invoke a serverless endpoint")."""


class LambdaEdge(FaultProxy):
    """Lambda's Invoke for a function that serves HTTP: the event is a request in payload format 2.0."""

    def forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:  # noqa: ARG002
        """Send the request in the event to the service, and return its response as the function's result."""
        if method != "POST" or not _INVOKE.fullmatch(path):
            return aws_error(404, "ResourceNotFoundException")
        if len(body) > _MAX_EVENT_BYTES:
            return aws_error(413, "RequestTooLargeException")
        event = json.loads(body)
        content = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
        response = send_request(
            self.upstream, event["requestContext"]["http"]["method"], event["rawPath"], event["headers"], content
        )
        result = {
            "statusCode": response.status,
            "headers": {name.lower(): value for name, value in response.headers.items()},
            "body": response.body.decode(),
            "isBase64Encoded": False,
        }
        return Response(200, json.dumps(result).encode(), {"Content-Type": "application/json"})


class FunctionEdge(FaultProxy):
    """Lambda's Invoke for a function that runs in AWS's runtime interface emulator.

    The emulator speaks the same interface, but has one function with a fixed name, and marks no error.
    """

    def forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:  # noqa: ARG002
        """Pass the event on to the emulator."""
        if method != "POST" or not _INVOKE.fullmatch(path):
            return aws_error(404, "ResourceNotFoundException")
        if len(body) > _MAX_EVENT_BYTES:
            return aws_error(413, "RequestTooLargeException")
        response = send_request(self.upstream, "POST", "/2015-03-31/functions/function/invocations", {}, body)
        failed = b'"errorType"' in response.body and b'"statusCode"' not in response.body
        return Response(200, response.body, {"X-Amz-Function-Error": "Unhandled"} if failed else {})


class SageMakerEdge(FaultProxy):
    """SageMaker's InvokeEndpoint for a container with `/invocations`: it removes headers and reports errors."""

    def forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Send the document to the container. Its errors become a ModelError, whatever their status."""
        if method != "POST" or not _INVOKE_ENDPOINT.fullmatch(path):
            return aws_error(400, "ValidationError")
        if len(body) > _MAX_SERVERLESS_BYTES:
            return aws_error(413, "ValidationError")
        kept = {
            name: value
            for name, value in headers.items()
            if name.lower() in _FORWARDED or name.lower().startswith(_SAGEMAKER_PREFIX)
        }
        response = send_request(self.upstream, "POST", "/invocations", kept, body)
        return response if response.status == 200 else model_error(response.status, response.body.decode())


def aws_error(status: int, code: str, **fields: object) -> Response:
    """Return an error as services with a REST-JSON interface do."""
    body = {"Message": f"{code} was injected.", **fields}
    return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json", "x-amzn-ErrorType": code})


def model_error(status: int, message: str) -> Response:
    """Return SageMaker's error for a container that responded with `status`."""
    return aws_error(424, "ModelError", OriginalStatusCode=status, OriginalMessage=message)


def refuse(status: int, code: str) -> Fault:
    """Return a fault that answers each request with an error of AWS."""
    return lambda _: aws_error(status, code)


def function_error(kind: str, message: str) -> Fault:
    """Return a fault that answers as Lambda does when a function ends without a result."""
    result = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return lambda _: Response(200, result, {"X-Amz-Function-Error": "Unhandled"})
