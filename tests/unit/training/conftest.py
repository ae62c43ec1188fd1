from pathlib import Path

import pytest

from tests.support.flowers import plant


@pytest.fixture(scope="session")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three labels of eight small pictures each; read-only."""
    return plant(tmp_path_factory.mktemp("garden"))
