"""The local stack: template.yaml, deployed to an emulator on this machine, and the three model services.

    up()       bring everything up; what already runs and is up to date is left as it is
    down()     end everything
    current()  the running stack: its endpoint, outputs, session and logs
    start_service("v2"), stop_service("v2")   one version alone, as when its tasks die

Every function takes a `Home`, and by default uses the one of this checkout: see `home.py`.
"""

from triptych.stack.errors import StackError
from triptych.stack.home import Home
from triptych.stack.local import IN_FLIGHT, Stack, Status, current, down, start_service, status, stop_service, up
from triptych.stack.state import Ingest

__all__ = [
    "IN_FLIGHT",
    "Home",
    "Ingest",
    "Stack",
    "StackError",
    "Status",
    "current",
    "down",
    "start_service",
    "status",
    "stop_service",
    "up",
]
