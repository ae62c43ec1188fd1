"""CloudFormation's protocol for custom resources: the request, and the response to it.

CloudFormation waits for one JSON document, sent with PUT to the URL in the request:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

import json
import logging
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

logger = logging.getLogger(__name__)

_RETRY_DELAYS_S = (1.0, 2.0, 4.0, 8.0)
"""Waits between attempts to send a response."""

_PUT_TIMEOUT_S = 10.0

_REASON_LIMIT = 1000
"""Maximum number of characters. CloudFormation accepts 4,096 bytes for the whole response."""

_PHYSICAL_ID = "model-images"


@dataclass(frozen=True)
class CloudFormationRequest:
    """One request for the custom resource.

    Attributes:
        kind: The operation.
        id: Id of the request.
        stack_id: ARN of the stack.
        logical_id: Name of the resource in the template.
        physical_id: Id that the resource was created with.
        response_url: Presigned URL to which the response is sent.
        properties: The resource's properties from the template.
    """

    kind: Literal["Create", "Update", "Delete"]
    id: str
    stack_id: str
    logical_id: str
    physical_id: str
    response_url: str
    properties: Mapping[str, Any]

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the event that invokes the function.

        The physical id never changes: CloudFormation would replace the resource.

        Raises:
            KeyError: The event is not a request from CloudFormation.
        """
        return cls(
            kind=event["RequestType"],
            id=event["RequestId"],
            stack_id=event["StackId"],
            logical_id=event["LogicalResourceId"],
            physical_id=event.get("PhysicalResourceId", _PHYSICAL_ID),
            response_url=event["ResponseURL"],
            properties=event.get("ResourceProperties", {}),
        )


@dataclass(frozen=True)
class CloudFormationResponse:
    """The result of a request; the template reads `data` with !GetAtt."""

    success: bool
    reason: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


def send_response(
    request: CloudFormationRequest, response: CloudFormationResponse, *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Send the response to CloudFormation, with retries.

    Raises:
        OSError: The last attempt failed.
    """
    document = {
        "Status": "SUCCESS" if response.success else "FAILED",
        "Reason": response.reason[:_REASON_LIMIT],
        "PhysicalResourceId": request.physical_id,
        "StackId": request.stack_id,
        "RequestId": request.id,
        "LogicalResourceId": request.logical_id,
        "Data": dict(response.data),
    }
    body = json.dumps(document).encode()
    for delay in _RETRY_DELAYS_S:
        try:
            return _put(request.response_url, body)
        except OSError as error:  # the base class of URLError, HTTPError and time-outs
            logger.warning("Could not send the response (%s); retrying in %.0f s", error, delay)
            sleep(delay)
    return _put(request.response_url, body)


def _put(url: str, body: bytes) -> None:
    # The URL is signed for an empty content type; urllib would add its default. It comes from CloudFormation (S310).
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_PUT_TIMEOUT_S):  # noqa: S310
        pass
