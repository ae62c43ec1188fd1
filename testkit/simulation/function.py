"""Lambda: workers that run the real handler, asynchronous retries, batches of a queue, and dead letters."""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from orchestrator import handler as entry
from orchestrator.endpoints import Endpoint, HttpEndpoint, LambdaEndpoint, SageMakerEndpoint
from orchestrator.handler import Invocation
from orchestrator.models import ModelClient
from orchestrator.pipeline import Budget, Pipeline
from orchestrator.policy_cache import PolicyCache
from orchestrator.preparation import Preparation
from orchestrator.request_body import BodyFormat
from orchestrator.settings import OrchestratorSettings
from records.derived import DerivedObjects
from records.documents import DocumentStore
from records.record import Record
from records.table import PolicyTable, RecordTable
from records.uploads import Upload
from testkit.simulation.aws import Client, World
from testkit.simulation.aws_endpoints import SimulatedClients
from testkit.simulation.bucket import BucketClient, SimulatedBucket
from testkit.simulation.cooperation import Current
from testkit.simulation.queue import SimulatedQueue
from testkit.simulation.scheduler import Outcome, Process
from testkit.simulation.table import Item, SimulatedTable, TableClient
from triptych.repair.invocation import InvocationError

TIMEOUT_S = 60.0
"""Time after which Lambda kills an invocation."""

_RETRY_AFTER_S = (60.0, 120.0)
"""Delays of the attempts at an asynchronous event after the first."""

_HIDDEN_S, _MAX_RECEIVES, _BATCH = 90.0, 3, 2
"""Of the queue of events: visibility timeout, attempts, and messages of a batch."""

VERSIONS = {"current": ("v1", "v2", "v3"), "previous": ("v1", "v2", "v3"), "next": ("v1", "v2", "v3", "v4")}
"""The model versions that each version of the function's code calls."""

_SETTINGS = OrchestratorSettings("records", {})


class WorkerKilled(Exception):
    """The process of the function ended during an invocation."""


def fields_of_0_2(item: Item) -> Item:
    """Return what code of version 0.2 reads of an item, and writes back."""
    known = {name: value for name, value in item.items() if name not in ("schema", "conversion", "parent")}
    if review := item.get("review"):
        known["review"] = {name: value for name, value in review.items() if name != "draw"}
    return known


def _endpoint(version: str, *, by_address: bool) -> Endpoint:
    """Return where a version is called: v2 is a function, v3 at SageMaker, the others are services behind URLs."""
    body = BodyFormat(by_address=by_address)
    elsewhere: dict[str, Endpoint] = {"v2": LambdaEndpoint("v2", body=body), "v3": SageMakerEndpoint("v3", body=body)}
    return elsewhere.get(version, HttpEndpoint(f"http://services/{version}", body=body))


class Worker:
    """A process of the function, with the interface of `orchestrator.handler.Orchestrator`.

    Args:
        world: The world.
        process: Its tasks and clocks.
        bucket: The inbox.
        table: The table.
        code: Version of its code.
        by_address: Whether the versions receive addresses.
    """

    def __init__(
        self,
        world: World,
        process: Process,
        bucket: SimulatedBucket,
        table: SimulatedTable,
        code: str,
        *,
        by_address: bool,
    ) -> None:
        self.process, self.code = process, code
        client = TableClient(table, Client(world, "table"), fields_of_0_2 if code == "previous" else None)
        s3 = cast(Any, BucketClient(bucket, Client(world, "bucket")))
        records = cast(Any, client)
        clock = process.monotonic
        self._pipeline = Pipeline(
            DocumentStore(s3, max_bytes=_SETTINGS.max_bytes),
            Preparation(None, DerivedObjects(s3), clock),
            ModelClient(
                {version: _endpoint(version, by_address=by_address) for version in VERSIONS[code]},
                clock,
                clients=SimulatedClients(Current.session),
                sleep=world.scheduler.pause,
            ),
            RecordTable(records),
            PolicyCache(PolicyTable(records).newest, now=process.now, max_age=_SETTINGS.policy_max_age),
            budget=Budget(_SETTINGS.deadline_s, _SETTINGS.write_reserve_s),
            clock=clock,
            now=process.now,
        )

    def classify(self, upload: Upload, invocation: Invocation) -> Record:
        """Classify an upload, as the orchestrator does, without logs and metrics."""
        return self._pipeline.classify(
            upload,
            trace_id=invocation.trace_id,
            budget_s=None if invocation.budget_s is None else invocation.limit(invocation.budget_s),
            patient_s=invocation.limit(_SETTINGS.patient_s),
        ).record

    def classify_object(self, bucket: str, key: str, version_id: str | None, invocation: Invocation) -> Record | None:
        """Classify an object without an event."""
        upload = self._pipeline.describe(bucket, key, version_id)
        return self.classify(upload, invocation) if upload.is_document else None


@dataclass(frozen=True)
class _Context:
    """The context that Lambda passes to an invocation."""

    process: Process
    aws_request_id: str
    ends_at: float
    function_version: str = "1"

    def get_remaining_time_in_millis(self) -> float:
        return (self.ends_at - self.process.monotonic()) * 1000


@dataclass
class _QueuedEvent:
    id: str
    body: str
    receives: int = 0


@dataclass
class SimulatedFunction:
    """The orchestrator's Lambda function.

    Attributes:
        world: The world.
        bucket: The inbox.
        table: The table.
        dead_letters: The queue of events that failed every attempt.
        codes: Versions of the code that run at the same time; invocations use them in turn.
        clock_errors: Seconds by which the clocks of its processes are fast, in turn.
        by_address: Whether the versions receive addresses.
    """

    world: World
    bucket: SimulatedBucket
    table: SimulatedTable
    dead_letters: SimulatedQueue
    codes: tuple[str, ...]
    clock_errors: tuple[float, ...]
    by_address: bool
    _idle: list[Worker] = field(default_factory=list)
    _workers: dict[Process, Worker] = field(default_factory=dict)
    _queued: list[_QueuedEvent] = field(default_factory=list)
    _invocations: "itertools.count[int]" = field(default_factory=itertools.count)
    _batches: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def current_worker(self) -> Worker:
        """Return the worker that the current task belongs to."""
        task = self.world.scheduler.current
        assert task is not None, "only tasks are in a process"
        return self._workers[task.process]

    def deliver(self, event: Mapping[str, Any], name: str, attempt: int = 0) -> None:
        """Invoke the function asynchronously, with Lambda's retries."""

        def finished(outcome: Outcome) -> None:
            error = outcome.error
            if error is None:
                return
            if attempt < len(_RETRY_AFTER_S):
                when = self.world.scheduler.now + _RETRY_AFTER_S[attempt]
                self.world.scheduler.call_at(when, lambda: self.deliver(event, name, attempt + 1))
                return
            failure = {"errorType": type(error).__name__}
            self.dead_letters.send(json.dumps({"requestPayload": event, "responsePayload": failure}))

        self._start(event, f"{name} attempt {attempt + 1}", finished)

    def enqueue(self, event: Mapping[str, Any], name: str) -> None:
        """Put an event into the queue that the function reads."""
        self._queued.append(_QueuedEvent(name, json.dumps(event)))
        self._poll()

    def _poll(self) -> None:
        batch, self._queued = self._queued[:_BATCH], self._queued[_BATCH:]
        if not batch:
            return
        for message in batch:
            message.receives += 1
        records = [{"messageId": each.id, "body": each.body, "eventSource": "aws:sqs"} for each in batch]

        def finished(outcome: Outcome) -> None:
            failed = {message.id for message in batch}
            if outcome.error is None:
                failed = {each["itemIdentifier"] for each in outcome.result()["batchItemFailures"]}
            for message in batch:
                if message.id in failed:
                    when = self.world.scheduler.now + _HIDDEN_S
                    self.world.scheduler.call_at(when, lambda message=message: self._return(message))  # type: ignore[misc]

        self._start({"Records": records}, f"batch {next(self._batches)}", finished)

    def _return(self, message: _QueuedEvent) -> None:
        """Make a message visible again that was not deleted."""
        if message.receives >= _MAX_RECEIVES:
            self.dead_letters.send(message.body)
        else:
            self._queued.append(message)
            self._poll()

    def invoke(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Invoke the function and wait for its response, as `triptych.repair.invocation` does.

        Raises:
            InvocationError: The function raised an error, or no response arrived.
        """
        scheduler = self.world.scheduler
        task = scheduler.current
        assert task is not None, "only tasks invoke the function"
        for attempt in range(1, 5):
            fault = self.world.fault("invoke")
            scheduler.pause(0.01)
            if fault.kind == "throttled":
                continue
            outcome = Outcome(scheduler)
            self._start(json.loads(json.dumps(event)), f"{task.actor} invocation {attempt}", lambda _: None, outcome)
            scheduler.wait([outcome])
            if fault.kind != "lost-answer":
                break
        else:
            raise InvocationError("ReadTimeoutError", "no response")
        if error := outcome.error:
            raise InvocationError(type(error).__name__, str(error))
        return cast(Mapping[str, Any], outcome.result())

    def _start(
        self,
        event: Mapping[str, Any],
        name: str,
        finished: Callable[[Outcome], None],
        outcome: Outcome | None = None,
    ) -> None:
        """Start an invocation in an idle worker, or in a new one."""
        scheduler, number = self.world.scheduler, next(self._invocations)
        worker = self._take_worker(self.codes[number % len(self.codes)])
        process = worker.process
        context = _Context(process, name, process.monotonic() + TIMEOUT_S)
        running = outcome or Outcome(scheduler)

        def done() -> None:
            if process.alive:
                process.freeze()
                self._idle.append(worker)
            finished(running)

        running.on_done = done
        process.on_kill = lambda: running.set(error=WorkerKilled("the process ended"))
        handle = entry.handler.__wrapped__  # type: ignore[attr-defined] # without the logger's context
        scheduler.spawn(lambda: handle(event, context), process, name, running)
        scheduler.call_at(scheduler.now + TIMEOUT_S, lambda: None if running.done() else process.kill())

    def _take_worker(self, code: str) -> Worker:
        for worker in self._idle:
            if worker.code == code:
                self._idle.remove(worker)
                worker.process.thaw()
                return worker
        number = len(self._workers)
        error = self.clock_errors[number % len(self.clock_errors)]
        process = Process(self.world.scheduler, f"worker {number + 1}", error)
        worker = self._workers[process] = Worker(
            self.world, process, self.bucket, self.table, code, by_address=self.by_address
        )
        return worker
