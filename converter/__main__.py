"""`python -m converter`: start the processes, and convert documents until a signal to stop."""

import logging
import sys

import uvicorn

from converter.app import create_converter_app
from converter.documents import DocumentConverter
from converter.libreoffice import find_libreoffice
from converter.settings import ConverterSettings
from decoding.errors import DecoderUnavailableError
from model_service import logs
from model_service.lifecycle import DrainingServer, Lifecycle
from model_service.settings import SettingsError

logger = logging.getLogger("converter")


def main() -> int:
    """Run the service until it receives a signal to stop.

    Returns:
        Exit code: 0 after an orderly stop, 1 if a process does not start, 2 if a setting is invalid.
    """
    logs.configure("INFO")
    try:
        settings = ConverterSettings.from_environment()
        logs.configure(settings.log_level)
        libreoffice = settings.libreoffice_dir or find_libreoffice()
        if libreoffice is None:
            logger.warning("LibreOffice is not installed: only mail and archives are converted")
        with DocumentConverter(settings.limits, libreoffice, settings.threads) as converter:
            converter.wait_until_ready()
            _serve(settings, converter)
    except SettingsError as error:
        logger.error("invalid settings: %s", error)  # noqa: TRY400 (a traceback adds nothing)
        return 2
    except DecoderUnavailableError as error:
        logger.error("the converter cannot start: %s", error)  # noqa: TRY400
        return 1
    return 0


def _serve(settings: ConverterSettings, converter: DocumentConverter) -> None:
    lifecycle = Lifecycle()
    config = uvicorn.Config(
        create_converter_app(converter, settings, lifecycle),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,  # longer than the idle timeout of a load balancer, as in the model service
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    DrainingServer(config, lifecycle, settings.drain_seconds).run()


if __name__ == "__main__":
    sys.exit(main())
