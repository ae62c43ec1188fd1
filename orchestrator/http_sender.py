"""Send documents to a service behind a URL."""

import math
from typing import Protocol

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from orchestrator.calls import CallDeadline, ServiceResponse, retry_after_seconds
from orchestrator.errors import CallFailed
from orchestrator.request_body import PLAIN_DOCUMENT, BodyFormat, Document
from orchestrator.transport import RequestBody, http_connections

_CONNECT_TIMEOUT_S = 0.5
"""A task in the same VPC accepts connections within a millisecond; one that does not respond must not use up the
budget."""

_REFUSED = (401, 403)
"""Statuses of a request whose authentication is not accepted."""


class Authentication(Protocol):
    """Authenticates requests; see `orchestrator.authentication`."""

    def headers(self, url: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        """Return the headers of a POST request, with those that authenticate it."""

    def renew(self) -> bool:
        """Return whether the request may be accepted if it is sent again, after it was refused."""


class HttpSender:
    """Posts documents to a URL.

    Args:
        url: Where documents are posted.
        max_answer_bytes: Longer responses are invalid.
        body: How the service receives documents.
        authentication: Authenticates each request; None if the service requires no authentication.
    """

    def __init__(
        self,
        url: str,
        *,
        max_answer_bytes: int,
        body: BodyFormat = PLAIN_DOCUMENT,
        authentication: Authentication | None = None,
    ) -> None:
        self._url = url
        self._max_answer_bytes = max_answer_bytes
        self._body = body
        self._authentication = authentication
        self._connections = http_connections(url)

    def send(self, document: Document, deadline: CallDeadline, trace_id: str) -> ServiceResponse:
        """Post a document and return the response. A refused request is sent once more with a renewed secret.

        Raises:
            CallFailed: There is no response.
        """
        media_type, body = self._body.encode(document)
        try:
            response = self._post(media_type, body, deadline, trace_id)
            if response.status in _REFUSED and self._authentication and self._authentication.renew():
                response = self._post(media_type, body, deadline, trace_id)
        except (ConnectTimeoutError, NewConnectionError, SSLError) as error:
            detail = f"The service could not be reached: {_root_cause(error)}"
            raise CallFailed("unreachable", detail, retryable=True) from error
        except urllib3.exceptions.TimeoutError as error:
            raise CallFailed("timeout", "The service did not answer in time.") from error
        except HTTPError as error:
            detail = f"The connection broke: {_root_cause(error)}"
            raise CallFailed("unreachable", detail, retryable=True) from error
        return response

    def _post(self, media_type: str, body: bytes, deadline: CallDeadline, trace_id: str) -> ServiceResponse:
        timeout = deadline.seconds_left()
        headers = {"Content-Type": media_type, "X-Timeout-Ms": str(math.ceil(timeout * 1000))}
        if trace_id:
            headers["X-Amzn-Trace-Id"] = trace_id
        if self._authentication:
            headers = self._authentication.headers(self._url, headers, body)
            timeout = deadline.seconds_left()  # the secret may have been read just now
        with self._connections.request(
            "POST",
            self._url,
            body=RequestBody(body, deadline.seconds_left),
            headers={**headers, "Content-Length": str(len(body))},
            timeout=urllib3.Timeout(connect=min(_CONNECT_TIMEOUT_S, timeout), read=timeout),
            preload_content=False,
            redirect=False,
        ) as response:
            answer = self._read_body(response, deadline)
        return ServiceResponse(response.status, answer, retry_after_seconds(response.headers.get("Retry-After", "")))

    def _read_body(self, response: urllib3.BaseHTTPResponse, deadline: CallDeadline) -> bytes:
        """Return the body. The deadline is checked after each receive, so that a slow service cannot keep a thread."""
        body = bytearray()
        while chunk := response.read1(64 * 1024, decode_content=True):
            body += chunk
            if len(body) > self._max_answer_bytes:
                raise CallFailed("invalid_answer", f"The answer is longer than {self._max_answer_bytes:,} bytes.")
            deadline.seconds_left()
        return bytes(body)


def _root_cause(error: BaseException) -> str:
    """Return the innermost error's message, without the addresses and object IDs that urllib3 adds to it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__
