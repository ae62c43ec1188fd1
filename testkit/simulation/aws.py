"""How a client reaches a service of AWS: durations, faults, and the retries of the SDK."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from testkit.simulation.scenario import Fault, FaultSource, Outage
from testkit.simulation.scheduler import Scheduler

Answer = TypeVar("Answer")

USUAL = Fault("slow", 0.01)
"""A request without a fault."""


class World:
    """The state that all services and clients of one history share.

    Attributes:
        scheduler: Virtual time.
        faults: Faults of single requests.
        outages: Periods in which all requests to a service fail.
    """

    def __init__(self, scheduler: Scheduler, faults: FaultSource, outages: tuple[Outage, ...]) -> None:
        self.scheduler, self.faults, self.outages = scheduler, faults, outages

    def fault(self, service: str, *names: str) -> Fault:
        """Return what happens to the current task's next request to a service, which may have further names."""
        task = self.scheduler.current
        assert task is not None, "only tasks send requests"
        if self.faults.ended:
            return USUAL
        fault = self.faults.next(task.actor, service)
        now = self.scheduler.now
        for outage in self.outages:
            if outage.at <= now < outage.until and outage.service in (service, *names):
                return Fault(outage.fault)
        return fault or USUAL

    def kill(self) -> None:
        """Kill the process of the current task, unless all faults have ended."""
        task = self.scheduler.current
        assert task is not None, "only tasks send requests"
        if not self.faults.ended:
            task.process.kill()


@dataclass(frozen=True)
class Client:
    """The SDK's client of one service, with its retries.

    Attributes:
        world: The world.
        service: Name of the service, as outages and faults have it.
        attempts: Number of attempts at a request.
        timeout: Seconds after which an attempt ends without an answer.
    """

    world: World
    service: str
    attempts: int = 3
    timeout: float = 1.0

    def call(self, operation: Callable[[], Answer]) -> Answer:
        """Send a request until one attempt is answered.

        Raises:
            ClientError: The service refuses the request, or throttles the last attempt.
            BotoCoreError: The last attempt was not answered.
        """
        attempt = 1
        while True:
            try:
                return self._attempt(operation)
            except _Unanswered as failure:
                if attempt == self.attempts:
                    raise failure.error from None
                self.world.scheduler.pause(0.05 * attempt)
                attempt += 1

    def _attempt(self, operation: Callable[[], Answer]) -> Answer:
        """Return the answer.

        Raises:
            _Unanswered: Another attempt may be made.
        """
        scheduler, fault = self.world.scheduler, self.world.fault(self.service)
        kind, seconds = fault.kind, fault.seconds
        if kind == "denied":
            raise error_response("AccessDenied")
        if kind == "throttled":
            scheduler.pause(seconds)
            raise _Unanswered(error_response("ThrottlingException"))
        if kind == "lost-request":
            scheduler.pause(0.02)
            raise _Unanswered(EndpointConnectionError(endpoint_url=self.service))
        if kind == "delayed":  # it arrives after the client has given up
            scheduler.call_at(scheduler.now + self.timeout + seconds, lambda: _ignore_refusal(operation))
            scheduler.pause(self.timeout)
            raise _Unanswered(ReadTimeoutError(endpoint_url=self.service))
        if kind == "kill" and seconds < 0.1:  # before the request was sent; otherwise after it was served
            self.world.kill()
        scheduler.pause(min(seconds, self.timeout) / 2)
        answer = operation()
        if kind == "kill":
            self.world.kill()
        scheduler.pause(min(seconds, self.timeout) / 2)
        if kind == "lost-answer" or seconds > self.timeout:
            raise _Unanswered(ReadTimeoutError(endpoint_url=self.service))
        return answer


class _Unanswered(Exception):
    """An attempt was not answered, or not with a result.

    Attributes:
        error: What the SDK raises if it was the last attempt.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def error_response(code: str, message: str = "simulated") -> ClientError:
    """Return the error that the SDK raises for an error response."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Simulated")


def _ignore_refusal(operation: Callable[[], object]) -> None:
    with suppress(ClientError):
        operation()
