from collections.abc import Iterator

import pytest

from testkit.simulation.cooperation import cooperative


@pytest.fixture(autouse=True, scope="module")
def cooperation() -> Iterator[None]:
    """Run the code under test as tasks of the simulation."""
    with cooperative():
        yield
