from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.flowers import write_flowers
from tests.support.small_architecture import small_architecture


@pytest.fixture(scope="session")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three labels with eight small pictures each; read-only."""
    return write_flowers(tmp_path_factory.mktemp("flowers"))


@pytest.fixture(scope="session", autouse=True)
def _small_architecture() -> Iterator[None]:
    """Let recipes name the architecture `small`."""
    with small_architecture():
        yield
