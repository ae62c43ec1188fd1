"""The custom resource ModelImage: CloudFormation asks for images, and is answered whatever happens.

```
 CloudFormation ──► handler ──► are the images there? ── yes ─────────────────────────────► SUCCESS
                       ▲                │ no
                       │                ▼
                       │        start CodeBuild, look every ten seconds ── ended ── well ──► SUCCESS
                       │                │                                     └─── badly ──► FAILED
                       └── Lambda ◄─────┘ 14 minutes are over
                     tries again: the build of this request is found, and waited for
```

An invocation that dies without a word is tried again by Lambda, twice, and a repeated request repeats no build. Where
even that fails, the resource's ServiceTimeout makes CloudFormation itself give up.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import boto3
from botocore.config import Config

from image_build import cloudformation, contexts
from image_build.builder import Builder, Order, StillBuilding
from image_build.cloudformation import Answer, Request

logger = logging.getLogger(__name__)
logging.getLogger().setLevel(logging.INFO)

_CALLS = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
"""A call that hangs must end while there is still time to answer."""


class Context(Protocol):
    """What of Lambda's context is used."""

    function_version: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


def handler(event: Mapping[str, Any], context: Context) -> None:
    """The function's entry point."""
    handle(event, context, lambda: Builder(_client("codebuild"), _client("ecr")))


def handle(
    event: Mapping[str, Any],
    context: Context,
    make_builder: Callable[[], Builder],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Answer one request of CloudFormation's.

    Args:
        event: the request.
        context: the invocation.
        make_builder: called where its failure, too, becomes an answer.
        sleep: waits between attempts to deliver the answer.

    Raises:
        StillBuilding: the build goes on; Lambda is to deliver the request again.
        OSError: the answer could not be delivered; likewise.
    """
    request = Request.from_event(event)
    logger.info("%s %s", request.kind, request.id)
    try:
        answer = respond(request, context, make_builder())
    except StillBuilding:
        raise
    except Exception as error:
        logger.exception("%s failed", request.kind)
        answer = Answer(success=False, reason=f"{type(error).__name__}: {error}")
    cloudformation.send(request, answer, sleep=sleep)


def respond(request: Request, context: Context, builder: Builder) -> Answer:
    """Do what is asked, and say what became of it.

    Raises:
        StillBuilding: the invocation's time is over.
        Exception: anything else that went wrong; the request has failed.
    """
    if request.kind == "Delete":
        return _delete(request, builder)
    properties = request.properties
    tags = {
        version: contexts.tag(version, folder, properties["BaseImage"], properties["Architecture"])
        for version, folder in contexts.find(contexts.CONTEXTS).items()
    }
    order = Order(
        request_id=request.id,
        project=properties["Project"],
        repository=properties["Repository"],
        tags=tuple(tags.values()),
        package=_package(context),
    )
    builder.provide(order, lambda: context.get_remaining_time_in_millis() / 1000)
    images = {f"ImageUri{version.upper()}": f"{properties['RepositoryUri']}:{tag}" for version, tag in tags.items()}
    return Answer(success=True, data=images)


def _delete(request: Request, builder: Builder) -> Answer:
    """End what still builds. The images go with the repository, and nothing else was stored.

    A build that cannot be ended ends by itself and harms nobody; a stack that cannot be deleted does.
    """
    try:
        builder.stop(request.properties["Project"])
    except Exception:
        logger.exception("Builds were left to end by themselves")
    return Answer(success=True)


def _package(context: Context) -> str:
    """The version of this function that runs now: CodeBuild takes the contexts from its package.

    A version's package never changes, so that what is built is what the tags were computed from.
    """
    unqualified = ":".join(context.invoked_function_arn.split(":")[:7])
    return f"{unqualified}:{context.function_version}"


def _client(service: str) -> Any:
    return boto3.client(service, config=_CALLS)  # type: ignore[call-overload]
