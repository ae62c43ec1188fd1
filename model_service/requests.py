"""Deadline and disconnection of a request: how long the client waits, and whether it still does."""

import asyncio
from typing import Annotated

from fastapi import Header, Request

TimeoutMs = Annotated[
    int | None,
    Header(alias="X-Timeout-Ms", ge=1, description="Milliseconds that the client waits. Later, the work is cancelled."),
]


async def wait_for_disconnect(request: Request) -> None:
    """Return when the client closes the connection. The body has already been read."""
    while (await request.receive())["type"] != "http.disconnect":  # noqa: ASYNC110 (no event to wait for)
        await asyncio.sleep(0)  # lets other tasks run if receive() does not block
