"""The HTTP API for predictions, models and metrics: translates between HTTP and the classifier."""

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import TypeAdapter

from decoding.errors import (
    CorruptDocumentError,
    DecoderCrashedError,
    DecoderMemoryError,
    DecoderTimeoutError,
    DecompressionBombError,
    DocumentTooLargeError,
    EmptyDocumentError,
    EncryptedDocumentError,
    UnsupportedCodingError,
    UnsupportedFormatError,
    ViewerRequiredError,
)
from model_service import metrics
from model_service.admission import Admission
from model_service.body import JsonDocument, extract_document, media_type, read_body
from model_service.classifier import Classification, Classifier
from model_service.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    ObjectDeniedError,
    ObjectGoneError,
    OverloadedError,
    ServiceError,
    UnavailableError,
    UnknownModelError,
)
from model_service.manifest import Manifest
from model_service.object_address import OBJECT_TYPE, ObjectSource, RequestedObject, parse_address
from model_service.problems import openapi_responses
from model_service.requests import TimeoutMs, wait_for_disconnect
from model_service.schemas import ModelList, ModelSummary

router: Final = APIRouter()

Version = Annotated[
    str | None,
    Query(alias="model", description="Version to use. By default the one in the path, else the first one served."),
]

# Seconds before the deadline at which a caller that waits longer than the limit of decoding gets a final response.
_REPLY_SECONDS: Final = 1.0

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
                        "familiarity": 1.42,
                        "pages": 3,
                        "truncated": False,
                        "rotated": [0, 0, 180],
                        "cropped": [False, False, False],
                        "timings_ms": {"decode": 14.2, "infer": 25.1, "total": 41.7},
                        "model_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    }
                }
            }
        },
        **openapi_responses(
            InvalidRequestError,
            EmptyDocumentError,
            UnknownModelError,
            ObjectDeniedError,
            ObjectGoneError,
            DocumentTooLargeError,
            UnsupportedFormatError,
            CorruptDocumentError,
            EncryptedDocumentError,
            ViewerRequiredError,
            UnsupportedCodingError,
            DecompressionBombError,
            DecoderMemoryError,
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
            "description": "JPEG, PNG, TIFF, WebP, HEIC, AVIF, GIF, BMP, PDF or plain text, detected by its content.",
            "content": {
                "application/octet-stream": {"schema": _FILE_SCHEMA},
                "multipart/form-data": {
                    "schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE_SCHEMA}}
                },
                "application/json": {"schema": JsonDocument.model_json_schema()},
                OBJECT_TYPE: {"schema": RequestedObject.model_json_schema()},
            },
        }
    },
}
_CLASSIFICATION: Final = TypeAdapter(Classification)


@router.post("/predict", tags=["predict"], summary="Classify a document", **_PREDICT)
async def predict(request: Request, model: Version = None, timeout_ms: TimeoutMs = None) -> Response:
    """Send a document as the request body, as the field `file` of a form, as base64 in JSON, or as its address."""
    return await _predict(request, model, timeout_ms)


@router.post("/invocations", tags=["sagemaker"], summary="Classify a document (SageMaker)", **_PREDICT)
async def invocations(request: Request, model: Version = None, timeout_ms: TimeoutMs = None) -> Response:
    """The same as `/predict`, at the path that SageMaker expects."""
    return await _predict(request, model, timeout_ms)


async def _predict(request: Request, version: str | None, timeout_ms: int | None) -> Response:
    classifier: Classifier = request.app.state.classifier
    admission: Admission = request.app.state.admission
    objects: ObjectSource = request.app.state.objects
    model = classifier.model(_requested_version(request, version))
    async with admission.admit(timeout_ms) as admitted:
        body = await read_body(request, admitted, classifier.limits.max_bytes)
        content_type = request.headers.get("content-type", "")

        patient = admitted.timeout_ms > 1000 * classifier.limits.max_seconds
        check_cancelled = partial(admitted.check_cancelled, _REPLY_SECONDS if patient else 0.0)

        def classify() -> Classification:
            if media_type(request) == OBJECT_TYPE:
                document = objects.read(parse_address(body), check_cancelled)
            else:
                document = extract_document(body, content_type)
            return classifier.classify(
                document, model, since=admitted.arrived, check_cancelled=check_cancelled, patient=patient
            )

        result = await admitted.run(admission.pool, classify, lambda: wait_for_disconnect(request))
    request.app.state.metrics.count_classification(result)
    request.state.log.update(
        model=result.model, label=result.label, confidence=round(result.confidence, 4),
        pages=result.pages, rotated=result.rotated, cropped=result.cropped,
        bytes=len(body), timings_ms=vars(result.timings_ms),
    )  # fmt: skip
    return Response(_CLASSIFICATION.dump_json(result), media_type="application/json")


def _requested_version(request: Request, in_query: str | None) -> str | None:
    """Return the version in the path or the query.

    Raises:
        InvalidRequestError: If both name a version, and not the same.
    """
    in_path: str | None = request.state.version
    if in_query and in_path and in_query != in_path:
        raise InvalidRequestError(f"The path names model {in_path!r}, the query {in_query!r}.")
    return in_query or in_path


@router.get("/models", tags=["models"], summary="List the served versions")
async def list_models(request: Request) -> ModelList:
    """Return the versions that this process serves. Other processes may serve further ones."""
    classifier: Classifier = request.app.state.classifier
    return ModelList(
        default=classifier.default,
        models=[ModelSummary.of(model.manifest) for model in classifier.models.values()],
    )


@router.get(
    "/models/{version}",
    tags=["models"],
    summary="Describe a version",
    responses=openapi_responses(UnknownModelError),
)
async def describe_model(request: Request, version: Annotated[str, Path(examples=["v1"])]) -> Manifest:
    """Return the version's manifest: labels, input, calibration, hashes, training data, metrics."""
    classifier: Classifier = request.app.state.classifier
    return classifier.model(version).manifest


@router.get(
    "/metrics",
    tags=["health"],
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def export_metrics(request: Request) -> Response:
    """Return the metrics in the Prometheus text format."""
    return Response(request.app.state.metrics.exposition(), media_type=metrics.CONTENT_TYPE)
