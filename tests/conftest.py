"""Options, order and distribution of the tests."""

import os

import pytest
from _pytest.nodeid import coerce_node_id
from hypothesis import settings

# No test asserts how long an example takes: on a busy machine any example may be slow.
settings.register_profile("full", deadline=None)
settings.register_profile("reduced", deadline=None, max_examples=40)

STACK_GROUP = "stack"
"""The xdist group of the tests that share one local stack."""

LOW_PRIORITY = 10
"""Niceness of a worker that does not run the local stack."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="include slow tests; run bursts, mutations and property tests at full size"
    )


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("full" if config.getoption("--full") else "reduced")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether bursts, mutations and drawings run at full size."""
    return bool(request.config.getoption("--full"))


@pytest.hookimpl(tryfirst=True)  # pytest-randomly has shuffled the tests; pytest-xdist has not read the groups yet
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect slow tests, assign xdist groups, and put the tests of the local stack first.

    Tests of one group run on one worker. Those of the local stack run without others in between, so that the stack
    starts once; their order within the group stays random.
    """
    if not config.getoption("--full"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("slow")])
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
    for item in items:
        if (group := xdist_group(item)) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(group))
    if "PYTEST_XDIST_WORKER" in os.environ:
        for item in items:
            _append_group_to_id(item)
    items.sort(key=lambda item: xdist_group(item) != STACK_GROUP)


def _append_group_to_id(item: pytest.Item) -> None:
    """Append `@group` to the id of a test, which is what the controller of pytest-xdist reads.

    pytest-xdist 3.8 sets `_nodeid`, which pytest 9.2 no longer reads, so that groups would silently have no effect.
    """
    if marker := item.get_closest_marker("xdist_group"):
        item._id = coerce_node_id(f"{item.nodeid}@{marker.args[0]}")  # noqa: SLF001 -- there is no public way


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Lower the priority of a worker once it runs tests without the local stack.

    Tests of the stack assert that a record is written within three seconds, while the other worker keeps a core busy.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and xdist_group(item) != STACK_GROUP:
        os.nice(max(0, LOW_PRIORITY - os.nice(0)))


def xdist_group(item: pytest.Item) -> str | None:
    """Return the xdist group of a test: the local stack, or the module where its fixtures are expensive."""
    module = item.nodeid.split("::")[0]
    if module.startswith("tests/e2e/") and {"stack", "home"} & set(getattr(item, "fixturenames", ())):
        return STACK_GROUP
    return module if module.startswith(("tests/e2e/", "tests/integration/")) else None
