"""Assembly of the service: models, classifier and HTTP app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from decoding.isolation.pool import DecoderPool
from model_service import health, problems, routes
from model_service.admission import Admission
from model_service.classifier import Classifier
from model_service.engine import load_model
from model_service.errors import ServiceError
from model_service.lifecycle import Lifecycle
from model_service.metrics import ServiceMetrics
from model_service.middleware import RequestContext
from model_service.object_address import NoObjects, ObjectSource, SharedObjects
from model_service.orientation import load_orienter
from model_service.problems import Problem, openapi_responses
from model_service.settings import ServiceSettings

_DESCRIPTION = """
Classifies documents with one or more versions of a model.

Every path is also available below the name of a served version, such as `/v1/predict`; that version responds.
Every error is a problem (RFC 9457) with a stable `type`. `X-Request-Id` and `X-Amzn-Trace-Id` are echoed and logged.
"""


def load_classifier(settings: ServiceSettings, decoders: DecoderPool) -> Classifier:
    """Load, verify and warm up the versions to serve, while the decoder processes start.

    Raises:
        ModelLoadError: If a version cannot be served.
        DecoderUnavailableError: If a decoder process does not start.
    """
    models = {
        version: load_model(settings.models_dir / version, concurrency=settings.threads) for version in settings.models
    }
    orient = load_orienter(concurrency=settings.threads) if settings.orient_pages else None
    decoders.wait_until_ready()
    return Classifier(models, settings.limits, decoders, orient)


def create_service_app(
    classifier: Classifier, settings: ServiceSettings, decoders: DecoderPool, lifecycle: Lifecycle | None = None
) -> FastAPI:
    """Create the HTTP app.

    Args:
        classifier: Classifies the documents.
        settings: Bounds on requests.
        decoders: Decode the documents; the app is ready while they are available.
        lifecycle: Whether the service is shutting down; it never does if None.
    """
    app = FastAPI(
        title="Triptych model service",
        version="1",
        description=_DESCRIPTION,
        lifespan=_lifespan,
        redoc_url=None,
        responses=openapi_responses(ServiceError),
    )
    app.state.classifier = classifier
    app.state.decoders = decoders
    app.state.lifecycle = lifecycle or Lifecycle()
    app.state.admission = Admission(
        slots=settings.max_in_flight, threads=settings.max_in_flight, max_timeout_ms=settings.max_timeout_ms
    )
    app.state.objects = _object_source(settings)
    app.state.metrics = ServiceMetrics(classifier, app.state.admission)
    app.include_router(routes.router)
    app.include_router(health.router)
    problems.add_exception_handlers(app)
    app.add_middleware(RequestContext, versions=frozenset(classifier.models))
    _complete_openapi(app)
    return app


def _object_source(settings: ServiceSettings) -> ObjectSource:
    """Return what reads objects. boto3 is loaded only if the settings name buckets."""
    if not settings.object_buckets:
        return NoObjects()
    from model_service.stored_objects import StoredObjects, s3_client

    source = StoredObjects(s3_client(settings.max_in_flight), settings.object_buckets, settings.max_bytes)
    return SharedObjects(source) if len(settings.models) > 1 else source


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.admission.close()


def _complete_openapi(app: FastAPI) -> None:
    """Add the schema of problems to FastAPI's OpenAPI, and remove its default 422 response, which is never sent."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema()
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for operation in (entry for path in schema["paths"].values() for entry in path.values()):
                content = operation["responses"].get("422", {}).get("content", {})
                if "application/json" in content:
                    del operation["responses"]["422"]
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
