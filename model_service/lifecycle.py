"""From start to SIGTERM: uvicorn, told to say that it leaves before it leaves."""

import logging
import signal
import time
from types import FrameType
from typing import Final

import uvicorn

logger = logging.getLogger(__name__)


class Lifecycle:
    """Whether new requests are welcome."""

    def __init__(self) -> None:
        self.ready = True


class Server(uvicorn.Server):
    """uvicorn that drains.

        SIGTERM ──► /health/ready says 503, answers close their connections; requests are still accepted
           │ drain_seconds
           ├──► port closed; what is in hand is finished
           │ at most stop_seconds
           └──► exit, code 0

    A second signal skips the draining.

    Args:
        config: Its app must have `lifecycle` in its state.
        lifecycle: Told when the end begins.
        drain_seconds: How long to go on accepting after the signal.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_seconds: float) -> None:
        super().__init__(config)
        self._lifecycle: Final = lifecycle
        self._drain_seconds: Final = drain_seconds
        self._leave_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's signature)
        """Begin to drain. uvicorn's own handler would end the process by the same signal, hence not called."""
        if self._leave_at is not None:
            self.should_exit = True
            return
        logger.info("draining", extra={"fields": {"signal": signal.Signals(sig).name}})
        self._lifecycle.ready = False
        self._leave_at = time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: is it time to leave?"""
        if self._leave_at is not None and time.monotonic() >= self._leave_at:
            self.should_exit = True
        return await super().on_tick(counter)
