"""Shutdown of the service: announce it first, then close the port."""

import logging
import signal
import time
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from model_service.settings import ServerSettings

logger = logging.getLogger(__name__)


class Lifecycle:
    """The state of the service.

    Attributes:
        ready: Whether callers should send new requests; false from the start of the shutdown.
    """

    def __init__(self) -> None:
        self.ready = True


def run_server(app: FastAPI, settings: ServerSettings, lifecycle: Lifecycle) -> None:
    """Serve an app until the process receives a signal to stop.

    Args:
        app: Uses `lifecycle`.
        settings: Address, and durations of the shutdown.
        lifecycle: Set to not ready when the shutdown starts.
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Longer than the idle timeout of a load balancer (60 s), which would otherwise reuse closed connections.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    DrainingServer(config, lifecycle, settings.drain_seconds).run()


class DrainingServer(uvicorn.Server):
    """A uvicorn server that drains before it stops.

        SIGTERM ──► /health/ready responds 503, responses close their connections, requests are still accepted
           │ drain_seconds
           ├──► port closed, requests in flight are completed
           │ at most stop_seconds
           └──► exit code 0

    A second signal skips the draining.

    Args:
        config: Of a server for an app that uses `lifecycle`.
        lifecycle: Set to not ready when the shutdown starts.
        drain_seconds: How long to accept requests after the signal.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_seconds: float) -> None:
        super().__init__(config)
        self._lifecycle: Final = lifecycle
        self._drain_seconds: Final = drain_seconds
        self._exit_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's signature)
        """Start to drain. uvicorn's own handler is not called: it would end the process with the same signal."""
        if self._exit_at is not None:
            self.should_exit = True
            return
        logger.info("draining", extra={"fields": {"signal": signal.Signals(sig).name}})
        self._lifecycle.ready = False
        self._exit_at = time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Stop the server when it has drained. uvicorn calls this ten times a second."""
        if self._exit_at is not None and time.monotonic() >= self._exit_at:
            self.should_exit = True
        return await super().on_tick(counter)
