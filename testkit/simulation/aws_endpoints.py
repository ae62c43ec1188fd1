"""Lambda functions and endpoints of SageMaker in front of the simulated model services, as boto3 calls them."""

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody

from orchestrator.aws_clients import READ_TIMEOUTS_S, AwsClients
from testkit.simulation.services import OVERLOADED, ServiceSession


class SimulatedClients(AwsClients):
    """Clients of Lambda and SageMaker. A function or an endpoint has the name of its version.

    Args:
        services: The services behind them.
    """

    def __init__(self, services: ServiceSession) -> None:
        super().__init__()
        self._services = services

    def get(self, service: str, region: str | None, seconds: float = 0.0) -> Any:  # noqa: ARG002 -- one region
        """Return a client whose timeout is that of the real one."""
        timeout = next((each for each in READ_TIMEOUTS_S if each >= seconds), READ_TIMEOUTS_S[-1])
        return {"lambda": _Functions, "sagemaker-runtime": _Endpoints}[service](self._services, timeout)


class _Client:
    """Base of the clients of both services."""

    def __init__(self, services: ServiceSession, timeout: float) -> None:
        self._services, self._timeout = services, timeout

    def _respond(self, version: str, content: bytes, throttled: str) -> tuple[int, bytes]:
        """Return status and body of a version's response.

        Raises:
            ClientError: The version is overloaded: AWS has no more instances of it, and answers `throttled`.
            BotoCoreError: There is no response.
        """
        try:
            status, body = self._services.respond(version, lambda: content, self._timeout)
        except ConnectionRefusedError:
            raise EndpointConnectionError(endpoint_url=version) from None
        except TimeoutError:
            raise ReadTimeoutError(endpoint_url=version) from None
        if (status, body) == OVERLOADED:
            raise _error(throttled, 429)
        return status, body


class _Functions(_Client):
    """A client of Lambda."""

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 -- as boto3
        """Invoke the function of a version."""
        document = base64.b64decode(json.loads(Payload)["body"])
        status, body = self._respond(FunctionName, document, "TooManyRequestsException")
        if status == 500:
            failed = {"errorType": "Runtime.ExitError", "errorMessage": body.decode()}
            return {"FunctionError": "Unhandled", "Payload": _stream(failed)}
        encoded = base64.b64encode(body).decode()
        return {"Payload": _stream({"statusCode": status, "body": encoded, "isBase64Encoded": True})}


class _Endpoints(_Client):
    """A client of SageMaker's runtime."""

    def invoke_endpoint(self, EndpointName: str, Body: bytes, **_: str) -> dict[str, Any]:  # noqa: N803 -- as boto3
        """Invoke the endpoint of a version."""
        status, body = self._respond(EndpointName, Body, "ThrottlingException")
        if status != 200:
            raise _error("ModelError", 424, OriginalStatusCode=status, OriginalMessage=body.decode())
        return {"Body": StreamingBody(io.BytesIO(body), len(body))}


def _stream(result: Mapping[str, Any]) -> StreamingBody:
    body = json.dumps(result).encode()
    return StreamingBody(io.BytesIO(body), len(body))


def _error(code: str, status: int, **fields: object) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **fields}
    return ClientError(response, "Simulated")
