"""Send documents to a Lambda function, with the Invoke API.

The event has payload format 2.0 of API Gateway's HTTP APIs, which function URLs use as well. So one handler serves all
three. Invoke adds no gateway to pay and to wait for, needs no public URL, and its errors distinguish throttling from a
function that failed.
"""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from orchestrator.aws_clients import AwsClients, aws_call_failed, read_answer
from orchestrator.calls import CallDeadline, ServiceResponse, retry_after_seconds
from orchestrator.endpoints import LambdaEndpoint
from orchestrator.errors import CallFailed
from orchestrator.request_body import Document

_ENVELOPE = 2
"""How many times longer than a body the response around it may be: quotes are escaped, or the body is base64."""

_FAILED = "The function could not be invoked"


class LambdaSender:
    """Invokes a function with documents.

    Args:
        endpoint: The function.
        clients: Clients of AWS.
        max_answer_bytes: Longer responses are invalid.
    """

    def __init__(self, endpoint: LambdaEndpoint, clients: AwsClients, *, max_answer_bytes: int) -> None:
        self._endpoint = endpoint
        self._clients = clients
        self._max_answer_bytes = max_answer_bytes
        clients.get("lambda", endpoint.region)  # now, not within the budget of the first document

    def send(self, document: Document, deadline: CallDeadline, trace_id: str) -> ServiceResponse:
        """Invoke the function and return its response.

        Raises:
            CallFailed: There is no response.
        """
        media_type, body = self._endpoint.body.encode(document)
        seconds = deadline.seconds_left()
        headers = {"content-type": media_type, "x-timeout-ms": str(math.ceil(seconds * 1000))}
        if trace_id:
            headers["x-amzn-trace-id"] = trace_id
        event = _encoded_event(self._endpoint.path, headers, body)
        try:
            client = self._clients.get("lambda", self._endpoint.region, seconds)
            result = client.invoke(FunctionName=self._endpoint.function, Payload=event)
            payload = read_answer(result["Payload"], _ENVELOPE * self._max_answer_bytes, deadline)
        except (BotoCoreError, ClientError) as error:
            raise aws_call_failed(error, _FAILED) from error
        if "FunctionError" in result:
            raise _function_failed(payload)
        return read_function_result(payload, self._max_answer_bytes)


def _encoded_event(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the event of `http_event` as JSON.

    The body is inserted as it is: base64 needs no escaping, and looking for what does takes as long as all the rest.
    """
    event = http_event(path, headers, b"")
    del event["body"]
    return b"".join((json.dumps(event)[:-1].encode(), b', "body": "', base64.b64encode(body), b'"}'))


def http_event(path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return a POST request as an event with payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": dict(headers),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "invoke",
            "domainName": "invoke",
            "domainPrefix": "invoke",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "triptych",
            },
            "requestId": "invoke",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/1970:00:00:00 +0000",
            "timeEpoch": 0,
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def read_function_result(payload: bytes, max_bytes: int) -> ServiceResponse:
    """Return the HTTP response in what the function returned. Without a status, the value is the body.

    Raises:
        CallFailed: `invalid_answer`: It is neither.
    """
    try:
        answer = json.loads(payload)
        if not isinstance(answer, dict) or "statusCode" not in answer:
            return ServiceResponse(200, payload)
        status, text, headers = answer["statusCode"], answer.get("body") or "", answer.get("headers") or {}
        body = base64.b64decode(text, validate=True) if answer.get("isBase64Encoded") else text.encode()
        retry_after = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
        response = ServiceResponse(status, body, retry_after_seconds(retry_after))
    except (AttributeError, TypeError, ValueError, RecursionError, binascii.Error) as error:
        raise CallFailed("invalid_answer", f"The function returned no HTTP response: {error!r}") from error
    if type(status) is not int or not 100 <= status < 600 or len(body) > max_bytes:
        raise CallFailed("invalid_answer", "The function returned an invalid status, or a body that is too long.")
    return response


def _function_failed(payload: bytes) -> CallFailed:
    """Return why a function ended without a response: its handler raised, its process ended, or its time was up."""
    try:
        error = json.loads(payload)
        message, kind = str(error.get("errorMessage", "")), str(error.get("errorType", ""))
    except (AttributeError, ValueError, RecursionError):
        message = kind = ""
    if kind == "Sandbox.Timedout" or "Task timed out after" in message:
        return CallFailed("timeout", f"The function did not end in time: {message}")
    return CallFailed("failed", f"The function failed: {kind or 'unknown error'}: {message}")
