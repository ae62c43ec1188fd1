"""The custom resource ModelImage: builds the requested images, and always sends a response.

```
 CloudFormation ──► handler ──► do all images exist? ── yes ──────────────────────────────► SUCCESS
                       ▲                │ no
                       │                ▼
                       │        start CodeBuild, poll every ten seconds ── succeeded ─────► SUCCESS
                       │                │                             └─── failed ────────► FAILED
                       └── Lambda ◄─────┘ 14 minutes have passed
                     retries: finds the build of this request, and waits for it
```

Lambda retries an invocation that ends without a response twice, and a repeated request does not repeat a build. If all
attempts fail, the resource's ServiceTimeout makes CloudFormation fail the operation.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import boto3
from botocore.config import Config

from image_build import cloudformation, contexts
from image_build.builder import ImageBuilder, ImageOrder, StillBuilding
from image_build.cloudformation import CloudFormationRequest, CloudFormationResponse

logger = logging.getLogger(__name__)
logging.getLogger().setLevel(logging.INFO)

_CLIENT_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
"""A call that hangs has to end while there is still time to send a response."""

_DEFAULT_IMAGES = ("v1", "v2", "v3")
"""The images of a template that does not name them, to which a deployment may be rolled back."""


class InvocationContext(Protocol):
    """The parts of Lambda's context object that the handler uses."""

    function_version: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


def lambda_handler(event: Mapping[str, Any], context: InvocationContext) -> None:
    """Handle an invocation: the entry point that template.yaml names."""
    handle_request(event, context, lambda: ImageBuilder(_client("codebuild"), _client("ecr")))


def handle_request(
    event: Mapping[str, Any],
    context: InvocationContext,
    make_builder: Callable[[], ImageBuilder],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Carry out one request from CloudFormation, and send the response.

    Args:
        event: The request.
        context: The invocation.
        make_builder: Called once. If it raises, the response is FAILED.
        sleep: Waits between attempts to send the response.

    Raises:
        StillBuilding: The build has not finished; Lambda should deliver the request again.
        OSError: The response could not be sent; Lambda should deliver the request again.
    """
    request = CloudFormationRequest.from_event(event)
    logger.info("%s %s", request.kind, request.id)
    try:
        response = carry_out(request, context, make_builder())
    except StillBuilding:
        raise
    except Exception as error:
        logger.exception("%s failed", request.kind)
        response = CloudFormationResponse(success=False, reason=f"{type(error).__name__}: {error}")
    cloudformation.send_response(request, response, sleep=sleep)


def carry_out(
    request: CloudFormationRequest, context: InvocationContext, builder: ImageBuilder
) -> CloudFormationResponse:
    """Create, update or delete the images of a request.

    Returns:
        The successful response. Its data contains the URI of each image.

    Raises:
        StillBuilding: The invocation is about to end, and the build has not finished.
        Exception: The request failed.
    """
    if request.kind == "Delete":
        return _delete(request, builder)
    properties = request.properties
    tags = {
        name: contexts.image_tag(name, folder, properties["BaseImage"], properties["Architecture"])
        for name, folder in contexts.by_name(contexts.CONTEXTS).items()
        if name in properties.get("Images", _DEFAULT_IMAGES)
    }
    order = ImageOrder(
        request_id=request.id,
        project=properties["Project"],
        repository=properties["Repository"],
        tags=tuple(tags.values()),
        package=_versioned_arn(context),
    )
    builder.build_missing(order, lambda: context.get_remaining_time_in_millis() / 1000)
    images = {f"ImageUri{name.capitalize()}": f"{properties['RepositoryUri']}:{tag}" for name, tag in tags.items()}
    return CloudFormationResponse(success=True, data=images)


def _delete(request: CloudFormationRequest, builder: ImageBuilder) -> CloudFormationResponse:
    """Stop running builds. CloudFormation deletes the images with the repository.

    A build that cannot be stopped ends by itself. It must not prevent the deletion of the stack.
    """
    try:
        builder.stop_all(request.properties["Project"])
    except Exception:
        logger.exception("Could not stop the running builds; they end by themselves")
    return CloudFormationResponse(success=True)


def _versioned_arn(context: InvocationContext) -> str:
    """Return the ARN of the running version of this function. CodeBuild reads the contexts from its package.

    The package of a version never changes, so CodeBuild builds the content from which the tags were computed.
    """
    unqualified = ":".join(context.invoked_function_arn.split(":")[:7])
    return f"{unqualified}:{context.function_version}"


def _client(service: str) -> Any:
    return boto3.client(service, config=_CLIENT_CONFIG)  # type: ignore[call-overload]
