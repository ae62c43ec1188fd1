"""Programs that are installed in the tools' virtual environment."""

import pytest

from triptych.stack import StackError, environment


def require_tool(name: str) -> str:
    """Return the path of a program such as `sam`. Skip the test, with the reason, if it is not installed."""
    try:
        return str(environment.tool_path(name))
    except StackError as missing:
        pytest.skip(str(missing))
