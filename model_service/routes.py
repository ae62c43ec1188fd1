"""The HTTP API. Translates between HTTP and the classifier, and holds no logic of its own."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import TypeAdapter

from decoding.errors import (
    CorruptDocumentError,
    DecompressionBombError,
    DocumentTooLargeError,
    EmptyDocumentError,
    EncryptedDocumentError,
    UnsupportedFormatError,
)
from model_service import body, metrics
from model_service.admission import Admission
from model_service.body import JsonDocument
from model_service.classifier import Classification, Classifier
from model_service.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    NotReadyError,
    OverloadedError,
    ServiceError,
    UnknownModelError,
)
from model_service.lifecycle import Lifecycle
from model_service.manifest import Manifest
from model_service.problems import documented
from model_service.schemas import Health, ModelList, ModelSummary

router: Final = APIRouter()

Version = Annotated[
    str | None,
    Query(alias="model", description="Version to ask; the one in the path or the first served, if absent."),
]
TimeoutMs = Annotated[
    int | None,
    Header(alias="X-Timeout-Ms", ge=1, description="Milliseconds that the caller still waits; later, work is dropped."),
]

_FILE_SCHEMA: Final = {"type": "string", "format": "binary"}
_PREDICT: Final[dict[str, Any]] = {
    "response_model": Classification,
    "responses": {
        200: {
            "content": {
                "application/json": {
                    "example": {
                        "model": "v2",
                        "label": "invoice",
                        "confidence": 0.97,
                        "probabilities": {"invoice": 0.97, "receipt": 0.03},
                        "abstained": False,
                        "pages": 3,
                        "truncated": False,
                        "timings_ms": {"decode": 14.2, "infer": 25.1, "total": 41.7},
                        "model_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    }
                }
            }
        },
        **documented(
            InvalidRequestError,
            EmptyDocumentError,
            UnknownModelError,
            DocumentTooLargeError,
            UnsupportedFormatError,
            CorruptDocumentError,
            EncryptedDocumentError,
            DecompressionBombError,
            ServiceError,
            OverloadedError,
            DeadlineExceededError,
        ),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": "JPEG, PNG, TIFF, WebP, HEIC, AVIF, GIF, BMP or PDF. The content decides, not its name.",
            "content": {
                "application/octet-stream": {"schema": _FILE_SCHEMA},
                "multipart/form-data": {
                    "schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE_SCHEMA}}
                },
                "application/json": {"schema": JsonDocument.model_json_schema()},
            },
        }
    },
}


@router.post("/predict", tags=["predict"], summary="Classify a document", **_PREDICT)
async def predict(request: Request, model: Version = None, timeout_ms: TimeoutMs = None) -> Response:
    """Send a document as the body itself, as the field `file` of a form, or in base64 as JSON."""
    return await _predict(request, model, timeout_ms)


@router.post("/invocations", tags=["sagemaker"], summary="Classify a document (SageMaker)", **_PREDICT)
async def invocations(request: Request, model: Version = None, timeout_ms: TimeoutMs = None) -> Response:
    """The same as `/predict`, where SageMaker looks for it."""
    return await _predict(request, model, timeout_ms)


async def _predict(request: Request, version: str | None, timeout_ms: int | None) -> Response:
    classifier: Classifier = request.app.state.classifier
    admission: Admission = request.app.state.admission
    model = classifier.model(_version(request, version))
    async with admission.admit(timeout_ms) as ticket:
        content = await body.read(request, ticket, classifier.limits.max_bytes)
        content_type = request.headers.get("content-type", "")

        def work() -> Classification:
            document = body.document(content, content_type)
            return classifier.classify(document, model, since=ticket.arrived, check_cancelled=ticket.check)

        prediction = await ticket.run(admission.pool, work, lambda: _hang_up(request))
    request.app.state.metrics.predicted(prediction)
    request.state.log.update(
        model=prediction.model, label=prediction.label, confidence=round(prediction.confidence, 4),
        pages=prediction.pages, bytes=len(content), timings_ms=vars(prediction.timings_ms),
    )  # fmt: skip
    return Response(_PREDICTION.dump_json(prediction), media_type="application/json")


_PREDICTION: Final = TypeAdapter(Classification)


def _version(request: Request, asked: str | None) -> str | None:
    """The version in the path or in the query, which may not contradict each other."""
    in_path: str | None = request.state.version
    if asked and in_path and asked != in_path:
        raise InvalidRequestError(f"The path asks for model {in_path!r}, the query for {asked!r}.")
    return asked or in_path


async def _hang_up(request: Request) -> None:
    """Return when the caller closes the connection; the body has been read by then."""
    while (await request.receive())["type"] != "http.disconnect":  # noqa: ASYNC110 -- `receive` waits
        await asyncio.sleep(0)


@router.get("/health/live", tags=["health"], summary="Does the process live?")
async def live() -> Health:
    """Answers as long as the process does."""
    return Health(status="live")


@router.get("/health/ready", tags=["health"], summary="Does it take requests?", responses=documented(NotReadyError))
async def ready(request: Request) -> Health:
    """Says no from SIGTERM on; what is in hand is finished all the same."""
    lifecycle: Lifecycle = request.app.state.lifecycle
    if not lifecycle.ready:
        raise NotReadyError("The service is shutting down.", retry_after=5)
    return Health(status="ready")


@router.get(
    "/ping", tags=["sagemaker"], summary="Does it take requests? (SageMaker)", responses=documented(NotReadyError)
)
async def ping(request: Request) -> Health:
    """The same as `/health/ready`, where SageMaker looks for it."""
    return await ready(request)


@router.get("/models", tags=["models"], summary="Which versions are served?")
async def models(request: Request) -> ModelList:
    """The versions that this process serves; elsewhere there may be more."""
    classifier: Classifier = request.app.state.classifier
    return ModelList(
        default=classifier.default,
        models=[ModelSummary.of(model.manifest) for model in classifier.models.values()],
    )


@router.get("/models/{version}", tags=["models"], summary="What is a version?", responses=documented(UnknownModelError))
async def model(request: Request, version: Annotated[str, Path(examples=["v1"])]) -> Manifest:
    """The version's manifest: labels, input, calibration, weights, training data, metrics."""
    classifier: Classifier = request.app.state.classifier
    return classifier.model(version).manifest


@router.get(
    "/metrics",
    tags=["health"],
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def exposition(request: Request) -> Response:
    """In Prometheus' text format."""
    return Response(request.app.state.metrics.exposition(), media_type=metrics.CONTENT_TYPE)
