"""What can be wrong behind the console, in words that say what to do."""

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
_SIGNED_OUT = (NoCredentialsError, SSOTokenLoadError, TokenRetrievalError, UnauthorizedSSOTokenError)
_GONE = {"ResourceNotFoundException", "NoSuchBucket"}


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong.

    `title` says what, `advice` what to do, `command` what to type for that; `detail` is what the system itself said.
    `lasting` troubles end only when the stack is looked for again.
    """

    kind: str
    status: int
    title: str
    advice: str
    command: str = ""
    detail: str = ""
    lasting: bool = False


def trouble(error: BaseException | None) -> Trouble | None:
    """What a person should know of this error; None where it is a fault of the console's own.

    Ours are raised from what AWS said, so the cause is asked first: it knows more.
    """
    if error is None:
        return None
    if isinstance(error, StackUnavailable):
        cause = trouble(error.__cause__)
        return cause if cause and cause.kind in ("expired", "denied", "throttled") else _no_stack(str(error))
    if told := trouble(error.__cause__):
        return told
    if isinstance(error, ClientError):
        return _refused(error)
    if isinstance(error, BotoCoreError):
        return _unasked(error)
    if isinstance(error, (TriptychError, RecordConflict, RecordsUnavailable)):
        return Trouble("failed", 409, "That did not work", str(error))
    return None


def _no_stack(detail: str) -> Trouble:
    return Trouble(
        kind="no-stack",
        status=503,
        title="No stack to look at",
        advice="Start the local stack, or give the console the name of one in AWS. This page finds it by itself.",
        command="triptych up",
        detail=detail,
        lasting=True,
    )


def _unasked(error: BotoCoreError) -> Trouble:
    if isinstance(error, _SIGNED_OUT):
        return _expired(str(error))
    if isinstance(error, (boto.ConnectionError, HTTPClientError)):
        return Trouble(
            kind="unreachable",
            status=503,
            title="The stack does not answer",
            advice="Is it the local one, start it again; is it in AWS, look at the network. This page goes on asking.",
            command="triptych up",
            detail=str(error),
            lasting=True,
        )
    return Trouble("aws", 502, "AWS could not be asked", "The sentence below is the AWS client's own.", "", str(error))


def _refused(error: ClientError) -> Trouble:
    code = error.response.get("Error", {}).get("Code", "")
    detail = str(error)
    if code in _EXPIRED:
        return _expired(detail)
    if code in _DENIED:
        return Trouble(
            kind="denied",
            status=403,
            title="Your credentials do not allow that",
            advice="The console asks with your own credentials. docs/console.md lists the permissions it needs.",
            detail=detail,
            lasting=True,
        )
    if code in _THROTTLED:
        return Trouble(
            kind="throttled",
            status=503,
            title="AWS asks for a little patience",
            advice="The table is answering as fast as it may just now. Nothing is lost; this page goes on by itself.",
            detail=detail,
        )
    if code in _GONE:
        return Trouble(
            kind="gone",
            status=503,
            title="The stack is no longer what it was",
            advice="Its table or bucket is not there any more. Bring the stack up again; this page finds it by itself.",
            command="triptych up",
            detail=detail,
            lasting=True,
        )
    return Trouble("aws", 502, "AWS refused", "The sentence below is AWS's own.", "", detail)


def _expired(detail: str) -> Trouble:
    return Trouble(
        kind="expired",
        status=401,
        title="Your AWS session has ended",
        advice="Sign in again; this page goes on by itself.",
        command="aws sso login",
        detail=detail,
        lasting=True,
    )
