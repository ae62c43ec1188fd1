"""The local stack: template.yaml, deployed to an emulator, the three model services, and the converter if chosen.

    start_stack()     start every part; parts that run and are up to date stay as they are
    stop_stack()      stop every part; data are kept
    running_stack()   endpoint, outputs, session and logs of the running stack
    start_service("v2"), stop_service("v2")   one version only, to test what happens without it

Every function takes a `Home`. The default is the one of this checkout, see `home.py`.
"""

from triptych.stack.errors import StackError
from triptych.stack.home import Home
from triptych.stack.local import (
    MAX_IN_FLIGHT,
    Stack,
    StackStatus,
    running_stack,
    stack_status,
    start_service,
    start_stack,
    stop_service,
    stop_stack,
)
from triptych.stack.state import Hosting, Ingest, OfficeFormats, ResultsMode, Transfer

__all__ = [
    "MAX_IN_FLIGHT",
    "Home",
    "Hosting",
    "Ingest",
    "OfficeFormats",
    "ResultsMode",
    "Stack",
    "StackError",
    "StackStatus",
    "Transfer",
    "running_stack",
    "stack_status",
    "start_service",
    "start_stack",
    "stop_service",
    "stop_stack",
]
