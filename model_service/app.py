"""Puts the parts together: an app around loaded models."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from fastapi import FastAPI

from decoding.isolation.pool import DecoderPool
from model_service import problems
from model_service.admission import Admission
from model_service.classifier import Classifier
from model_service.engine import load_model
from model_service.errors import ServiceError
from model_service.lifecycle import Lifecycle
from model_service.metrics import ServiceMetrics
from model_service.middleware import RequestContext
from model_service.problems import Problem, documented
from model_service.routes import router
from model_service.settings import ServiceSettings

_DESCRIPTION = """
Classifies documents with one or more versions of a model.

Every path also works below the name of a served version, such as `/v1/predict`: that version answers.
Every error is a problem (RFC 9457) with a stable `type`. `X-Request-Id` and `X-Amzn-Trace-Id` are echoed and logged.
"""


@contextmanager
def loaded_classifier(settings: ServiceSettings) -> Iterator[Classifier]:
    """Load, verify and warm up the versions of the settings, while the decoder processes start.

    Raises:
        ModelLoadError: If one of them cannot be served.
        ServiceError: If a decoder process does not start.
    """
    decoders = DecoderPool(settings.threads)
    try:
        models = {
            version: load_model(settings.models_dir / version, concurrency=settings.threads)
            for version in settings.models
        }
        decoders.wait_until_ready()
        yield Classifier(models, settings.limits, decoders.decode_batch)
    finally:
        decoders.close()


def create_service_app(
    classifier: Classifier, settings: ServiceSettings, lifecycle: Lifecycle | None = None
) -> FastAPI:
    """Build the HTTP app.

    Args:
        classifier: Ready to answer: the app is ready as soon as it runs.
        settings: Bounds on requests.
        lifecycle: Says when the end begins; one that never ends, if None.
    """
    app = FastAPI(
        title="Triptych model service",
        version="1",
        description=_DESCRIPTION,
        lifespan=_lifespan,
        redoc_url=None,
        responses=documented(ServiceError),
    )
    app.state.classifier = classifier
    app.state.lifecycle = lifecycle or Lifecycle()
    app.state.admission = Admission(
        slots=settings.max_in_flight, threads=settings.threads, max_timeout_ms=settings.max_timeout_ms
    )
    app.state.metrics = ServiceMetrics(classifier, app.state.admission)
    app.include_router(router)
    problems.install(app)
    app.add_middleware(RequestContext, versions=frozenset(classifier.models))
    _describe_problems(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.admission.close()


def _describe_problems(app: FastAPI) -> None:
    """Complete FastAPI's OpenAPI: the schema of problems, and no 422 of its own, which is never sent."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema()
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for operation in (entry for path in schema["paths"].values() for entry in path.values()):
                refusal = operation["responses"].get("422", {}).get("content", {})
                if "application/json" in refusal:
                    del operation["responses"]["422"]
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
