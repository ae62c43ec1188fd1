"""A converter process for tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from converter.libreoffice import find_libreoffice
from tests.support.service import CONVERTER_COMMAND, ServiceProcess, running_service


@pytest.fixture(scope="session")
def libreoffice() -> Path:
    """Return the folder of LibreOffice's libraries. Skip the test if it is not installed."""
    folder = find_libreoffice()
    if folder is None:
        pytest.skip(
            "LibreOffice is not installed: apt-get install libreoffice-writer libreoffice-calc libreoffice-impress"
        )
    return folder


@pytest.fixture(scope="session")
def converter_service(libreoffice: Path) -> Iterator[ServiceProcess]:
    """A converter with LibreOffice."""
    with running_service(Path(), command=CONVERTER_COMMAND, WORKERS="2", MAX_TIMEOUT_MS="120000") as running:
        yield running
