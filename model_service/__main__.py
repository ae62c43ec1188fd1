"""`python -m model_service`: load the models, then serve them in one process."""

import logging
import sys

import uvicorn

from model_service import logs
from model_service.app import create_service_app, loaded_classifier
from model_service.classifier import Classifier
from model_service.errors import ModelLoadError, ServiceError
from model_service.lifecycle import Lifecycle, Server
from model_service.settings import ServiceSettings, SettingsError

logger = logging.getLogger("model_service")


def main() -> int:
    """Run the service until it is told to stop.

    Arguments are ignored: SageMaker starts a container with `serve`.

    Returns:
        Exit code: 0 after an orderly stop, 1 where a model cannot be served, 2 where a setting is wrong.
    """
    logs.configure("INFO")
    try:
        settings = ServiceSettings.from_environment()
        logs.configure(settings.log_level)
        with loaded_classifier(settings) as classifier:
            _serve(classifier, settings)
    except SettingsError as error:
        logger.error("settings are not usable: %s", error)  # noqa: TRY400 (the sentence says it all)
        return 2
    except (ModelLoadError, ServiceError) as error:
        logger.error("model cannot be served: %s", error)  # noqa: TRY400
        return 1
    return 0


def _serve(classifier: Classifier, settings: ServiceSettings) -> None:
    lifecycle = Lifecycle()
    config = uvicorn.Config(
        create_service_app(classifier, settings, lifecycle),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Longer than the idle timeout of a load balancer (60 s), or it would reuse connections just closed.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    Server(config, lifecycle, settings.drain_seconds).run()


if __name__ == "__main__":
    sys.exit(main())
