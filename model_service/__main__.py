"""`python -m model_service`: load the models and serve them in one process."""

import logging
import sys

from decoding.errors import DecoderUnavailableError
from decoding.isolation.pool import DecoderPool
from model_service import logs
from model_service.app import create_service_app, load_classifier
from model_service.errors import ModelLoadError
from model_service.lifecycle import Lifecycle, run_server
from model_service.settings import ServiceSettings, SettingsError

logger = logging.getLogger("model_service")


def main() -> int:
    """Run the service until it receives a signal to stop.

    Command-line arguments are ignored: SageMaker starts a container with `serve`.

    Returns:
        Exit code: 0 after an orderly stop, 1 if a model cannot be served, 2 if a setting is invalid.
    """
    logs.configure("INFO")
    try:
        settings = ServiceSettings.from_environment()
        logs.configure(settings.log_level)
        with DecoderPool(settings.threads, slow=settings.max_slow, ahead=settings.ahead) as decoders:
            classifier = load_classifier(settings, decoders)
            lifecycle = Lifecycle()
            run_server(create_service_app(classifier, settings, decoders, lifecycle), settings, lifecycle)
    except SettingsError as error:
        logger.error("invalid settings: %s", error)  # noqa: TRY400 (a traceback adds nothing)
        return 2
    except (ModelLoadError, DecoderUnavailableError) as error:
        logger.error("model cannot be served: %s", error)  # noqa: TRY400
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
