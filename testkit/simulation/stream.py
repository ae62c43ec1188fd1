"""The table's stream, and the publisher that turns its changes into events, as Lambda runs it."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from boto3.dynamodb.types import TypeSerializer

from publisher.changes import UnsentQueue
from publisher.handler import Publisher
from testkit.simulation.aws import Client, World
from testkit.simulation.scheduler import Outcome, Process
from testkit.simulation.table import Item

_BATCH = 3
_DELAY_S = 0.2
_RETRY_AFTER_S = 1.0


class SimulatedStream:
    """Delivers changes to the publisher, in order and in batches, and each batch again until it succeeds.

    Attributes:
        sent: Content of all events that the bus accepted, in order.
        kept: Bodies of the messages in the dead-letter queue.
    """

    def __init__(self, world: World) -> None:
        self.sent: list[Mapping[str, Any]] = []
        self.kept: list[str] = []
        self._world = world
        self._changes: list[dict[str, Any]] = []
        self._running = False
        self._invocations = itertools.count(1)
        self._serialize = TypeSerializer().serialize

    def append(self, before: Item | None, after: Item) -> None:
        """Add a change of an item."""
        images = {"OldImage": before, "NewImage": after}
        change = {name: self._serialize(image)["M"] for name, image in images.items() if image is not None}
        self._changes.append({"dynamodb": change})
        self._schedule(_DELAY_S)

    def _schedule(self, delay: float) -> None:
        if not self._running and self._changes:
            self._running = True
            scheduler = self._world.scheduler
            scheduler.call_at(scheduler.now + delay, self._deliver)

    def _deliver(self) -> None:
        """Invoke the publisher with the next batch, in a process that may be killed."""
        scheduler, batch = self._world.scheduler, self._changes[:_BATCH]
        name = f"publication {next(self._invocations)}"
        process = Process(scheduler, name)
        client = Client(self._world, "events", attempts=4, timeout=5)
        unsent = UnsentQueue(cast(Any, _QueueClient(self, client)), "unsent")
        publisher = Publisher(cast(Any, _BusClient(self, client)), unsent, bus="default", stack="simulated")
        running = Outcome(scheduler)

        def done() -> None:
            self._running = False
            if running.error is None:
                del self._changes[: len(batch)]
            self._schedule(0.0 if running.error is None else _RETRY_AFTER_S)

        running.on_done = done
        process.on_kill = lambda: running.set(error=RuntimeError("the publisher was killed"))
        scheduler.spawn(lambda: publisher.publish(batch), process, name, running)


class _BusClient:
    """A client of the event bus, with the interface of boto3's client."""

    def __init__(self, stream: SimulatedStream, client: Client) -> None:
        self._stream, self._client = stream, client

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """Accept events. One of them may be throttled or refused."""
        fault = self._client.world.fault("event")
        code = {"throttled": "ThrottlingException", "refused": "MalformedDetail"}.get(fault.kind)

        def accept() -> dict[str, Any]:
            failed = 0 if code else None
            accepted = [entry for number, entry in enumerate(Entries) if number != failed]
            self._stream.sent += [json.loads(entry["Detail"]) for entry in accepted]
            return {"Entries": [{"ErrorCode": code} if number == failed else {} for number in range(len(Entries))]}

        return self._client.call(accept)


class _QueueClient:
    """A client of the dead-letter queue, with the interface of boto3's client."""

    def __init__(self, stream: SimulatedStream, client: Client) -> None:
        self._stream, self._client = stream, client

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803, ARG002
        """Add a message."""
        self._client.call(lambda: self._stream.kept.append(MessageBody))
