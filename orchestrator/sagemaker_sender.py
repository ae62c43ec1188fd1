"""Send documents to an endpoint of SageMaker.

SageMaker removes the headers of a request but those of its own. The deadline and the trace are therefore in its custom
attributes, which reach the container: `X-Timeout-Ms=2600;X-Amzn-Trace-Id=Root=1-…`.
"""

import math
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from orchestrator.aws_clients import AwsClients, aws_call_failed, read_answer
from orchestrator.calls import CallDeadline, ServiceResponse
from orchestrator.endpoints import SageMakerEndpoint
from orchestrator.errors import CallFailed
from orchestrator.request_body import Document

_SERVICE = "sagemaker-runtime"
_MAX_ATTRIBUTES = 1024
_FAILED = "The endpoint could not be invoked"


class SageMakerSender:
    """Invokes an endpoint with documents.

    Args:
        endpoint: The endpoint.
        clients: Clients of AWS.
        max_answer_bytes: Longer responses are invalid.
    """

    def __init__(self, endpoint: SageMakerEndpoint, clients: AwsClients, *, max_answer_bytes: int) -> None:
        self._endpoint = endpoint
        self._target = {"EndpointName": endpoint.name}
        if endpoint.variant:
            self._target["TargetVariant"] = endpoint.variant
        self._clients = clients
        self._max_answer_bytes = max_answer_bytes
        clients.get(_SERVICE, endpoint.region)  # now, not within the budget of the first document

    def send(self, document: Document, deadline: CallDeadline, trace_id: str) -> ServiceResponse:
        """Invoke the endpoint and return the response of its container.

        Raises:
            CallFailed: There is no response.
        """
        media_type, body = self._endpoint.body.encode(document)
        seconds = deadline.seconds_left()
        try:
            result = self._clients.get(_SERVICE, self._endpoint.region, seconds).invoke_endpoint(
                **self._target,
                Body=body,
                ContentType=media_type,
                Accept="application/json",
                CustomAttributes=_attributes(seconds, trace_id),
            )
            return ServiceResponse(200, read_answer(result["Body"], self._max_answer_bytes, deadline))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ModelError":
                return _container_response(error.response)
            raise aws_call_failed(error, _FAILED) from error
        except BotoCoreError as error:
            raise aws_call_failed(error, _FAILED) from error


def _attributes(seconds: float, trace_id: str) -> str:
    """Return the time limit and the trace as custom attributes."""
    attributes = f"X-Timeout-Ms={math.ceil(seconds * 1000)}"
    traced = f"{attributes};X-Amzn-Trace-Id={trace_id}"
    return traced if trace_id and len(traced) <= _MAX_ATTRIBUTES else attributes


def _container_response(response: Any) -> ServiceResponse:
    """Return the response of the container that a ModelError reports.

    Raises:
        CallFailed: `timeout`: There is none, because the container did not respond in time.
    """
    status, message = response.get("OriginalStatusCode"), str(response.get("OriginalMessage", ""))
    if not isinstance(status, int) or not 400 <= status < 600:
        raise CallFailed("timeout", f"The container did not respond: {response.get('Message') or message}", 424)
    return ServiceResponse(status, message.encode(errors="replace"))
