"""The HTTP API of the converter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from converter.conversion import Conversion
from converter.documents import DocumentConverter
from converter.response import MEDIA_TYPE, encode_conversion
from converter.settings import ConverterSettings
from decoding.errors import (
    CorruptDocumentError,
    DecoderCrashedError,
    DecoderTimeoutError,
    DocumentTooLargeError,
    EmptyDocumentError,
    EncryptedDocumentError,
    UnsupportedFormatError,
)
from model_service import problems
from model_service.admission import Admission
from model_service.body import read_body
from model_service.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    NotReadyError,
    OverloadedError,
    ServiceError,
    UnavailableError,
)
from model_service.health import Health, report_liveness, report_readiness
from model_service.lifecycle import Lifecycle
from model_service.middleware import RequestContext
from model_service.problems import openapi_responses
from model_service.requests import TimeoutMs, wait_for_disconnect

PATH_PREFIX: Final = "converter"
"""First segment of the path under which a load balancer routes requests to the converter."""

_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0)

router: Final = APIRouter()


class ConverterMetrics:
    """The metrics of one app, in a separate registry."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry()
        self.rejected: Final = Counter(
            "triptych_converter_rejected", "Requests answered with a problem, by its type", ["reason"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds: Final = Histogram(
            "triptych_converter_seconds", "Time of conversions, upload and waiting included, by format", ["format"],
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._members: Final = Counter("triptych_converter_members", "Members extracted", registry=self.registry)
        ProcessCollector(registry=self.registry)

    def count_conversion(self, conversion: Conversion, seconds: float) -> None:
        """Count a converted document."""
        self._seconds.labels(format=conversion.format).observe(seconds)
        self._members.inc(len(conversion.members))


def create_converter_app(
    converter: DocumentConverter, settings: ConverterSettings, lifecycle: Lifecycle | None = None
) -> FastAPI:
    """Create the HTTP app.

    Args:
        converter: Converts the documents.
        settings: Bounds on requests.
        lifecycle: Whether the service is shutting down; it never does if None.
    """
    app = FastAPI(
        title="Triptych converter",
        version="1",
        description="Converts office documents, mail and archives to pages that the model versions read.",
        lifespan=_lifespan,
        redoc_url=None,
        responses=openapi_responses(ServiceError),
    )
    app.state.converter = converter
    app.state.lifecycle = lifecycle or Lifecycle()
    app.state.admission = Admission(
        slots=settings.max_in_flight, threads=settings.threads, max_timeout_ms=settings.max_timeout_ms
    )
    app.state.metrics = ConverterMetrics()
    app.include_router(router)
    problems.add_exception_handlers(app)
    app.add_middleware(RequestContext, versions=frozenset({PATH_PREFIX}))
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await asyncio.to_thread(app.state.admission.close)


_CONVERT: Final[dict[str, Any]] = {
    "response_class": Response,
    "responses": {
        200: {"description": "The conversion, as an archive", "content": {MEDIA_TYPE: {}}},
        **openapi_responses(
            InvalidRequestError,
            EmptyDocumentError,
            DocumentTooLargeError,
            UnsupportedFormatError,
            CorruptDocumentError,
            EncryptedDocumentError,
            DecoderCrashedError,
            DecoderTimeoutError,
            ServiceError,
            OverloadedError,
            UnavailableError,
            DeadlineExceededError,
        ),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": "An office document, a message or an archive, detected by its content.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
}


@router.post("/convert", tags=["convert"], summary="Convert a document", **_CONVERT)
async def convert(request: Request, timeout_ms: TimeoutMs = None) -> Response:
    """Send a document as the request body."""
    converter: DocumentConverter = request.app.state.converter
    admission: Admission = request.app.state.admission
    async with admission.admit(timeout_ms) as admitted:
        body = await read_body(request, admitted, converter.limits.max_bytes)

        def work() -> tuple[Conversion, bytes]:
            conversion = converter.convert(body, admitted.check_cancelled)
            return conversion, encode_conversion(conversion)

        conversion, answer = await admitted.run(admission.pool, work, lambda: wait_for_disconnect(request))
        seconds = admitted.timeout_ms / 1000 - admitted.seconds_left
    request.app.state.metrics.count_conversion(conversion, seconds)
    request.state.log.update(
        format=conversion.format, bytes=len(body), members=len(conversion.members), skipped=len(conversion.skipped)
    )
    return Response(answer, media_type=MEDIA_TYPE)


@router.get("/health/live", tags=["health"], summary="Liveness", responses=openapi_responses(NotReadyError))
def check_converter_liveness(request: Request) -> Health:
    """Return 200, or 503 if no process could be started for a minute: the service should be restarted."""
    converter: DocumentConverter = request.app.state.converter
    return report_liveness(converter.outage_seconds(), "No conversion process could be started for a minute.")


@router.get("/health/ready", tags=["health"], summary="Readiness", responses=openapi_responses(NotReadyError))
def check_converter_readiness(request: Request) -> Health:
    """Return 200, or 503 after SIGTERM or while no process can be started. Requests in flight are completed."""
    lifecycle: Lifecycle = request.app.state.lifecycle
    converter: DocumentConverter = request.app.state.converter
    return report_readiness(lifecycle, converter.outage_seconds(), "No conversion process can be started.")


@router.get(
    "/metrics",
    tags=["health"],
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def export_converter_metrics(request: Request) -> Response:
    """Return the metrics in the Prometheus text format."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
