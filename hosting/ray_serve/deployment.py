"""The model service as an application of Ray Serve, for SageMaker's Ray Serve images.

    SageMaker ──► /invocations (adapter of the image, port 8080) ──► / (Ray Serve, port 8000) ──► the service

The package that `triptych package sagemaker` writes contains this file, its configuration, the service and a version.
"""

import os
import sys
from pathlib import Path
from typing import Final

from ray import serve
from starlette.types import ASGIApp, Receive, Scope, Send

_PACKAGE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(_PACKAGE / "code"))  # older images do not add this folder

from decoding.isolation.pool import DecoderPool  # noqa: E402
from model_service import logs  # noqa: E402
from model_service.app import create_service_app, load_classifier  # noqa: E402
from model_service.settings import ServiceSettings  # noqa: E402


def build_service() -> ASGIApp:
    """Load the versions of the package, and return the app of the service. Ray Serve calls this once per replica.

    Raises:
        ModelLoadError: If a version cannot be served.
        DecoderUnavailableError: If a decoder process does not start.
    """
    models = _PACKAGE / "models"
    packaged = {"MODELS_DIR": str(models), "MODELS": ",".join(sorted(folder.name for folder in models.iterdir()))}
    settings = ServiceSettings.from_environment({**packaged, **os.environ})
    logs.configure(settings.log_level)
    decoders = DecoderPool(settings.threads, slow=settings.max_slow)  # ends with the replica
    return _at_root(create_service_app(load_classifier(settings, decoders), settings, decoders))


def _at_root(service: ASGIApp) -> ASGIApp:
    """Return an app that serves `/invocations` at `/` as well, where the image's adapter posts documents."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/":
            scope = {**scope, "path": "/invocations", "raw_path": b"/invocations"}
        await service(scope, receive, send)

    return app


app: Final = serve.deployment(name="ModelService")(serve.ingress(build_service)()).bind()
