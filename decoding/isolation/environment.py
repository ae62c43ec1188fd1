"""The environment of isolated processes."""

import os
from typing import Final

# They start Python; credentials are not among them.
_INHERITED: Final = ("PATH", "PYTHON", "LD_", "DYLD_", "LANG", "LC_", "TZ")


def inherited_environment() -> dict[str, str]:
    """Return the environment variables that an isolated process inherits."""
    return {name: value for name, value in os.environ.items() if name.startswith(_INHERITED)}
