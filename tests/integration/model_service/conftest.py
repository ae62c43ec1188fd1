"""Model service processes for tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service import ServiceProcess, running_service
from tests.support.tiny_model import write_tiny_model


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two tiny versions, v1 and v2."""
    models = tmp_path_factory.mktemp("models")
    write_tiny_model(models, "v1")
    write_tiny_model(models, "v2", seed=1)
    return models


@pytest.fixture(scope="session")
def service(tiny_models: Path) -> Iterator[ServiceProcess]:
    """A service that serves both versions."""
    with running_service(tiny_models, "v1,v2") as running:
        yield running
