"""The service as a Lambda function: `python -m awslambdaric model_service.lambda_handler.handler`.

    event of an HTTP API (payload format 2.0), of a function URL, or of Invoke ──► Mangum ──► the app of the service

The image is that of the services; only its entry point differs. Lambda imports this module once for each execution
environment, which loads the models, and then sends one event at a time.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from mangum import Mangum

from decoding.isolation.pool import DecoderPool
from model_service import logs, problems
from model_service.app import create_service_app, load_classifier
from model_service.settings import ServiceSettings


def create_handler(settings: ServiceSettings, decoders: DecoderPool) -> Mangum:
    """Load the models, and return a function that handles events of HTTP APIs.

    Args:
        settings: Models, and bounds on requests.
        decoders: Decode the documents, for as long as the handler is used.

    Raises:
        ModelLoadError: If a version cannot be served.
        DecoderUnavailableError: If a decoder process does not start.
    """
    classifier = load_classifier(settings, decoders)
    app = create_service_app(classifier, settings, decoders)
    return Mangum(app, lifespan="off", text_mime_types=["text/", "application/json", problems.MEDIA_TYPE])


def _load() -> Mangum:
    logs.configure("INFO")
    logging.getLogger("mangum").setLevel(logging.WARNING)  # the service logs each request itself
    settings = ServiceSettings.from_environment()
    logs.configure(settings.log_level)
    return create_handler(settings, DecoderPool(settings.threads, slow=settings.max_slow))


_HANDLER: Final = _load()


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Handle an event: the entry point that template.yaml names."""
    return _HANDLER(event, context)  # type: ignore[arg-type]
