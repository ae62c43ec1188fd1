"""Explanations of errors behind the console, for its user: what is wrong and what to do."""

from dataclasses import dataclass

import botocore.exceptions as boto
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from records.errors import RecordConflict, RecordsUnavailable
from triptych.errors import StackUnavailable, TriptychError

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "InvalidClientTokenId"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "403"}
_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
}
_MISSING = {"ResourceNotFoundException", "NoSuchBucket"}
_SIGNED_OUT = (NoCredentialsError, SSOTokenLoadError, TokenRetrievalError, UnauthorizedSSOTokenError)


@dataclass(frozen=True)
class ErrorExplanation:
    """Explanation of an error.

    Attributes:
        kind: Short identifier.
        status: HTTP status of the response.
        title: What is wrong.
        advice: What to do.
        command: Command that helps; empty for none.
        detail: Message of the original error.
        reconnect: Whether the console must connect to the stack again.
    """

    kind: str
    status: int
    title: str
    advice: str
    command: str = ""
    detail: str = ""
    reconnect: bool = False


def explain_error(error: BaseException | None) -> ErrorExplanation | None:
    """Return the explanation of an error, or None for a bug in the console.

    The cause is examined first: it is the AWS error from which one of Triptych's errors was raised, and more specific.
    """
    if error is None:
        return None
    if isinstance(error, StackUnavailable):
        cause = explain_error(error.__cause__)
        return cause if cause and cause.kind in ("expired", "denied", "throttled") else _no_stack(str(error))
    if explanation := explain_error(error.__cause__):
        return explanation
    if isinstance(error, ClientError):
        return _explain_response(error)
    if isinstance(error, BotoCoreError):
        return _explain_client_failure(error)
    if isinstance(error, (TriptychError, RecordConflict, RecordsUnavailable)):
        return ErrorExplanation("failed", 409, "The action failed", str(error))
    return None


def internal_error(error: BaseException) -> ErrorExplanation:
    """Return the explanation of a bug in the console."""
    return ErrorExplanation("internal", 500, "Internal error", "See the console's log.", "", repr(error))


def _no_stack(detail: str) -> ErrorExplanation:
    return ErrorExplanation(
        kind="no-stack",
        status=503,
        title="No stack found",
        advice="Start the local stack, or start the console with the name of a stack on AWS (--stack). "
        "This page reloads when the stack is available.",
        command="triptych up",
        detail=detail,
        reconnect=True,
    )


def _explain_client_failure(error: BotoCoreError) -> ErrorExplanation:
    """Explain an error without a response from AWS."""
    if isinstance(error, _SIGNED_OUT):
        return _expired(str(error))
    if isinstance(error, (boto.ConnectionError, HTTPClientError)):
        return ErrorExplanation(
            kind="unreachable",
            status=503,
            title="The stack does not respond",
            advice="Restart the local stack, or check the network connection to AWS. This page retries automatically.",
            command="triptych up",
            detail=str(error),
            reconnect=True,
        )
    return ErrorExplanation("aws", 502, "The AWS client failed", "See its message below.", "", str(error))


def _explain_response(error: ClientError) -> ErrorExplanation:
    """Explain an error response from AWS."""
    code = error.response.get("Error", {}).get("Code", "")
    detail = str(error)
    if code in _EXPIRED:
        return _expired(detail)
    if code in _DENIED:
        return ErrorExplanation(
            kind="denied",
            status=403,
            title="Your credentials do not allow this",
            advice="The console uses your own AWS credentials. docs/console.md lists the permissions it needs.",
            detail=detail,
            reconnect=True,
        )
    if code in _THROTTLED:
        return ErrorExplanation(
            kind="throttled",
            status=503,
            title="AWS is throttling requests",
            advice="The request rate exceeds a limit. No data is lost, and this page retries automatically.",
            detail=detail,
        )
    if code in _MISSING:
        return ErrorExplanation(
            kind="gone",
            status=503,
            title="The stack's table or bucket no longer exists",
            advice="Start the stack again. This page reconnects automatically.",
            command="triptych up",
            detail=detail,
            reconnect=True,
        )
    return ErrorExplanation("aws", 502, "AWS returned an error", "See its message below.", "", detail)


def _expired(detail: str) -> ErrorExplanation:
    return ErrorExplanation(
        kind="expired",
        status=401,
        title="Your AWS session has expired",
        advice="Sign in again. This page reconnects automatically.",
        command="aws sso login",
        detail=detail,
        reconnect=True,
    )
