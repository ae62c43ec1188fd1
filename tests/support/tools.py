"""Programs of the tools' own virtual environment, for tests that need them."""

import pytest

from triptych.stack import StackError, environment


def needed(name: str) -> str:
    """Return the path of a program such as `sam`; skip the test, with the reason, where it is not installed."""
    try:
        return str(environment.tool_path(name))
    except StackError as missing:
        pytest.skip(str(missing))
