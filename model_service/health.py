"""Health checks: whether the service accepts requests, and whether it should be restarted."""

from typing import TYPE_CHECKING, Final, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from model_service.errors import NotReadyError
from model_service.lifecycle import Lifecycle
from model_service.problems import openapi_responses

if TYPE_CHECKING:  # the converter, which has no decoder processes, imports this module
    from decoding.isolation.pool import DecoderPool

RESTART_SECONDS: Final = 60.0
"""An outage of all processes of a service that lasts longer fails its liveness check."""

router: Final = APIRouter()


class Health(BaseModel):
    """Result of a health check."""

    status: Literal["live", "ready"]


def report_liveness(outage_seconds: float, problem: str) -> Health:
    """Return the result of a liveness check.

    Args:
        outage_seconds: For how long the service has had none of its processes.
        problem: What to report after `RESTART_SECONDS`.

    Raises:
        NotReadyError: The service should be restarted.
    """
    if outage_seconds > RESTART_SECONDS:
        raise NotReadyError(problem, retry_after=5)
    return Health(status="live")


def report_readiness(lifecycle: Lifecycle, outage_seconds: float, problem: str) -> Health:
    """Return the result of a readiness check.

    Args:
        lifecycle: Whether the service is shutting down.
        outage_seconds: For how long the service has had none of its processes.
        problem: What to report during an outage.

    Raises:
        NotReadyError: The service does not accept requests.
    """
    if not lifecycle.ready:
        raise NotReadyError("The service is shutting down.", retry_after=5)
    if outage_seconds > 0:
        raise NotReadyError(problem, retry_after=5)
    return Health(status="ready")


@router.get(
    "/health/live",
    tags=["health"],
    summary="Liveness: does the process work?",
    responses=openapi_responses(NotReadyError),
)
def check_liveness(request: Request) -> Health:
    """Return 200, or 503 if no decoder process could be started for a minute: the service should be restarted."""
    decoders: DecoderPool = request.app.state.decoders
    return report_liveness(decoders.outage_seconds(), "No decoder process could be started for a minute.")


@router.get(
    "/health/ready",
    tags=["health"],
    summary="Readiness: does the service accept requests?",
    responses=openapi_responses(NotReadyError),
)
def check_readiness(request: Request) -> Health:
    """Return 200, or 503 after SIGTERM or while no decoder process is available. Requests in flight are completed."""
    lifecycle: Lifecycle = request.app.state.lifecycle
    decoders: DecoderPool = request.app.state.decoders
    return report_readiness(lifecycle, decoders.outage_seconds(), "No decoder process is available.")


@router.get(
    "/ping",
    tags=["sagemaker"],
    summary="Readiness, at the path that SageMaker expects",
    responses=openapi_responses(NotReadyError),
)
def check_readiness_for_sagemaker(request: Request) -> Health:
    """Return the same as `/health/ready`."""
    return check_readiness(request)
