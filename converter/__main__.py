"""`python -m converter`: start the processes, and convert documents until a signal to stop."""

import logging
import sys

from converter.app import create_converter_app
from converter.documents import DocumentConverter
from converter.libreoffice import find_libreoffice
from converter.settings import ConverterSettings
from decoding.errors import DecoderUnavailableError
from model_service import logs
from model_service.lifecycle import Lifecycle, run_server
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
            lifecycle = Lifecycle()
            run_server(create_converter_app(converter, settings, lifecycle), settings, lifecycle)
    except SettingsError as error:
        logger.error("invalid settings: %s", error)  # noqa: TRY400 (a traceback adds nothing)
        return 2
    except DecoderUnavailableError as error:
        logger.error("the converter cannot start: %s", error)  # noqa: TRY400
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
