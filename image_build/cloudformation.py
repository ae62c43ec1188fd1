"""What CloudFormation asks of a custom resource, and how it is answered.

It waits for one JSON document, PUT to the URL that came with the request:
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

_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
"""Waits between attempts to deliver an answer."""

_PUT_TIMEOUT_S = 10.0

_REASON_LIMIT = 1000
"""Characters. An answer may have 4,096 bytes in all."""

_NAME = "model-images"


@dataclass(frozen=True)
class Request:
    """One request; `properties` are those that the template gives the resource."""

    kind: Literal["Create", "Update", "Delete"]
    id: str
    stack_id: str
    logical_id: str
    physical_id: str
    response_url: str
    properties: Mapping[str, str]

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the event that invokes the function.

        A resource keeps the physical id that it was created with: another would make CloudFormation delete the first.

        Raises:
            KeyError: it is no request of CloudFormation's.
        """
        return cls(
            kind=event["RequestType"],
            id=event["RequestId"],
            stack_id=event["StackId"],
            logical_id=event["LogicalResourceId"],
            physical_id=event.get("PhysicalResourceId", _NAME),
            response_url=event["ResponseURL"],
            properties=event.get("ResourceProperties", {}),
        )


@dataclass(frozen=True)
class Answer:
    """What became of a request; `data` is what the template reads with !GetAtt."""

    success: bool
    reason: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


def send(request: Request, answer: Answer, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Deliver the answer, in several attempts if need be.

    Raises:
        OSError: the last attempt failed.
    """
    document = {
        "Status": "SUCCESS" if answer.success else "FAILED",
        "Reason": answer.reason[:_REASON_LIMIT],
        "PhysicalResourceId": request.physical_id,
        "StackId": request.stack_id,
        "RequestId": request.id,
        "LogicalResourceId": request.logical_id,
        "Data": dict(answer.data),
    }
    body = json.dumps(document).encode()
    for pause in _PAUSES_S:
        try:
            return _put(request.response_url, body)
        except OSError as error:  # URLError, HTTPError and time-outs are all of this kind
            logger.warning("The answer was not delivered (%s); again in %.0f s", error, pause)
            sleep(pause)
    return _put(request.response_url, body)


def _put(url: str, body: bytes) -> None:
    # The URL is signed for an empty content type; urllib would set one of its own.
    message = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})
    with urllib.request.urlopen(message, timeout=_PUT_TIMEOUT_S):
        pass
