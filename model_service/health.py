"""Health checks: whether the service accepts requests, and whether it should be restarted."""

from typing import Final

from fastapi import APIRouter, Request

from decoding.isolation.pool import DecoderPool
from model_service.errors import NotReadyError
from model_service.lifecycle import Lifecycle
from model_service.problems import openapi_responses
from model_service.schemas import Health

RESTART_SECONDS: Final = 60.0
"""An outage of all decoder processes that lasts longer fails the liveness check."""

router: Final = APIRouter()


@router.get(
    "/health/live",
    tags=["health"],
    summary="Liveness: does the process work?",
    responses=openapi_responses(NotReadyError),
)
def check_liveness(request: Request) -> Health:
    """Return 200, or 503 if no decoder process could be started for a minute: the service should be restarted."""
    decoders: DecoderPool = request.app.state.decoders
    if decoders.outage_seconds() > RESTART_SECONDS:
        raise NotReadyError("No decoder process could be started for a minute.", retry_after=5)
    return Health(status="live")


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
    if not lifecycle.ready:
        raise NotReadyError("The service is shutting down.", retry_after=5)
    if decoders.outage_seconds() > 0:
        raise NotReadyError("No decoder process is available.", retry_after=5)
    return Health(status="ready")


@router.get(
    "/ping",
    tags=["sagemaker"],
    summary="Readiness, at the path that SageMaker expects",
    responses=openapi_responses(NotReadyError),
)
def check_readiness_for_sagemaker(request: Request) -> Health:
    """Return the same as `/health/ready`."""
    return check_readiness(request)
