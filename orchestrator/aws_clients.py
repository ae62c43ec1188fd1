"""Clients of AWS services that respond within the budget of a document."""

import threading
from collections.abc import Mapping
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.response import StreamingBody

from orchestrator.calls import CallDeadline, retry_after_seconds
from orchestrator.errors import CallFailed

READ_TIMEOUTS_S = (3.0, 30.0)
"""Timeouts of a read: the usual budget, and that of a patient attempt. A client has one for all its requests."""

_CONNECT_TIMEOUT_S = 0.5

_THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
"""Codes of throttled requests. Some services send them with status 400."""

_CHUNK_BYTES = 4096

AwsError = exceptions.BotoCoreError | exceptions.ClientError


class AwsClients:
    """Clients by service, region and timeout. They are created on first use, and keep their connections.

    They never retry: calls of versions have one policy for retries, wherever a version runs.

    Args:
        session: Creates the clients; by default with the credentials of the function.
    """

    def __init__(self, session: boto3.Session | None = None) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str | None, float], Any] = {}

    @property
    def session(self) -> boto3.Session:
        """The session, created on first use: a function that calls URLs only needs none."""
        if self._session is None:
            self._session = boto3.Session()
        return self._session

    def get(self, service: str, region: str | None, seconds: float = 0.0) -> Any:
        """Return a client.

        Args:
            service: Name of the service in boto3.
            region: Its region; None for that of the function.
            seconds: How long the caller waits for a response. The client waits longer, up to the longest timeout.
        """
        timeout = next((each for each in READ_TIMEOUTS_S if each >= seconds), READ_TIMEOUTS_S[-1])
        key = (service, region, timeout)
        with self._lock:  # a session is not thread-safe
            if key not in self._clients:
                config = Config(
                    connect_timeout=_CONNECT_TIMEOUT_S, read_timeout=timeout, retries={"total_max_attempts": 1}
                )
                self._clients[key] = self.session.client(service, region, config=config)  # type: ignore[call-overload]
            return self._clients[key]


def read_answer(body: StreamingBody, max_bytes: int, deadline: CallDeadline) -> bytes:
    """Return the body of a response, and check its length and the deadline after each piece.

    Raises:
        CallFailed: `invalid_answer`: It is longer than `max_bytes`. `timeout`: The deadline has passed.
    """
    answer = bytearray()
    for chunk in body.iter_chunks(_CHUNK_BYTES):
        answer += chunk
        if len(answer) > max_bytes:
            body.close()
            raise CallFailed("invalid_answer", f"The answer is longer than {max_bytes:,} bytes.")
        deadline.seconds_left()
    return bytes(answer)


def aws_call_failed(error: AwsError, what: str) -> CallFailed:
    """Return the failure of a request to AWS.

    It concerns the request and never the document, so its kind is not `rejected`, whatever the status.

    Args:
        error: What boto3 raised.
        what: Beginning of the sentence for operators.
    """
    detail = f"{what}: {error}"
    match error:
        case exceptions.ClientError():
            return _refused(error.response, detail)
        case exceptions.ReadTimeoutError():
            return CallFailed("timeout", detail)
        case exceptions.HTTPClientError() | exceptions.ConnectionError():
            return CallFailed("unreachable", detail, retryable=True)
        case _:
            return CallFailed("failed", detail)


def _refused(response: Mapping[str, Any], detail: str) -> CallFailed:
    """Return the failure that an error of AWS means."""
    metadata = response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 0)
    if status in (429, 503) or response.get("Error", {}).get("Code") in _THROTTLED:
        delay = retry_after_seconds(metadata.get("HTTPHeaders", {}).get("retry-after", ""))
        return CallFailed("overloaded", detail, status, retryable=True, retry_after_s=delay)
    if status >= 500:
        return CallFailed("unreachable", detail, status, retryable=True)
    return CallFailed("failed", detail, status or None)
