"""Call every model version with one document: concurrently, and under one deadline."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from orchestrator.answers import read_prediction
from orchestrator.aws_clients import AwsClients
from orchestrator.calls import Clock, DocumentService
from orchestrator.content_fallback import ContentFallback
from orchestrator.endpoints import Endpoint, HttpEndpoint
from orchestrator.request_body import Content, Document
from orchestrator.senders import create_sender
from records.addresses import ObjectAddress
from records.outcomes import ModelFailure, Outcome, Prediction


class ModelClient:
    """Calls model versions at their endpoints.

    Args:
        endpoints: Endpoint of each version; a string is the base URL of a service.
        clock: The clock of all deadlines.
        clients: Clients of AWS.
        sleep: Waits before a retry; for tests.
    """

    def __init__(
        self,
        endpoints: Mapping[str, str | Endpoint],
        clock: Clock,
        *,
        clients: AwsClients | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        clients = clients or AwsClients()
        self._endpoints = {version: _as_endpoint(given) for version, given in endpoints.items()}
        self._services = {
            version: DocumentService(
                create_sender(endpoint, clients, clock),
                clock,
                fallback=ContentFallback(endpoint.body, version, clock),
                sleep=sleep,
            )
            for version, endpoint in self._endpoints.items()
        }

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions, in order."""
        return tuple(self._services)

    def read_themselves(self, address: ObjectAddress, size: int) -> bool:
        """Return whether every version receives the address of an object of this size instead of its content."""
        return all(endpoint.body.sends_address(address, size) for endpoint in self._endpoints.values())

    def predict(
        self,
        document: Content,
        *,
        versions: Iterable[str],
        deadline: float,
        trace_id: str = "",
        address: ObjectAddress | None = None,
    ) -> dict[str, Outcome]:
        """Call `versions` concurrently and return the outcome of each.

        A failing service raises no exception: its outcome is a `ModelFailure`.

        Args:
            document: Content of the document. It is read only if a version needs it.
            versions: The versions to call.
            deadline: Time on this object's clock by which the method returns.
            trace_id: AWS trace to forward to the services.
            address: An object with the same content, for services that read documents themselves.
        """
        started = self._clock()
        called = list(versions)
        # One pool per document: a call that outlives its deadline must not occupy a thread of the next document.
        pool = ThreadPoolExecutor(max_workers=max(1, len(called)), thread_name_prefix="model")
        calls: dict[str, Future[Outcome]] = {
            version: pool.submit(self._call, version, Document(document, address), deadline, trace_id)
            for version in called
        }
        wait(calls.values(), timeout=max(0.0, deadline - self._clock()))
        pool.shutdown(wait=False)
        elapsed_ms = (self._clock() - started) * 1000
        timeout = ModelFailure("timeout", "No answer within the document's budget.", elapsed_ms)
        return {version: call.result() if call.done() else timeout for version, call in calls.items()}

    def _call(self, version: str, document: Document, deadline: float, trace_id: str) -> Outcome:
        """Return one version's outcome: its prediction, or its last failure."""

        def read(answer: bytes, latency_ms: float) -> Prediction:
            mapping = self._endpoints[version].answer
            return read_prediction(answer, version, latency_ms=latency_ms, mapping=mapping)

        return self._services[version].call(document, read, deadline=deadline, trace_id=trace_id)


def _as_endpoint(given: str | Endpoint) -> Endpoint:
    return HttpEndpoint(given) if isinstance(given, str) else given
