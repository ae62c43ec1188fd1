"""Call every model version with one document: concurrently, and under one deadline."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from orchestrator.answers import MAX_ANSWER_BYTES, read_prediction
from orchestrator.calls import Clock, DocumentService
from records.outcomes import ModelFailure, Outcome, Prediction


class ModelClient:
    """Calls model versions at their base URLs.

    Args:
        endpoints: Base URL of each version.
        clock: The clock of all deadlines.
        sleep: Waits before a retry; for tests.
    """

    def __init__(
        self, endpoints: Mapping[str, str], clock: Clock, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._services = {
            version: DocumentService(f"{url}/predict", clock, max_answer_bytes=MAX_ANSWER_BYTES, sleep=sleep)
            for version, url in endpoints.items()
        }

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions, in order."""
        return tuple(self._services)

    def predict(
        self, document: bytes, *, versions: Iterable[str], deadline: float, trace_id: str = ""
    ) -> dict[str, Outcome]:
        """Call `versions` concurrently and return the outcome of each.

        A failing service raises no exception: its outcome is a `ModelFailure`.

        Args:
            document: Content of the document.
            versions: The versions to call.
            deadline: Time on this object's clock at which the method returns at the latest.
            trace_id: AWS trace to forward to the services.
        """
        started = self._clock()
        called = list(versions)
        # One pool per document: a call that outlives its deadline must not occupy a thread of the next document.
        pool = ThreadPoolExecutor(max_workers=max(1, len(called)), thread_name_prefix="model")
        calls: dict[str, Future[Outcome]] = {
            version: pool.submit(self._call, version, document, deadline, trace_id) for version in called
        }
        wait(calls.values(), timeout=max(0.0, deadline - self._clock()))
        pool.shutdown(wait=False)
        elapsed_ms = (self._clock() - started) * 1000
        timeout = ModelFailure("timeout", "No answer within the document's budget.", elapsed_ms)
        return {version: call.result() if call.done() else timeout for version, call in calls.items()}

    def _call(self, version: str, document: bytes, deadline: float, trace_id: str) -> Outcome:
        """Return one version's outcome: its prediction, or its last failure."""

        def read(answer: bytes, latency_ms: float) -> Prediction:
            return read_prediction(answer, version, latency_ms=latency_ms)

        return self._services[version].call(document, read, deadline=deadline, trace_id=trace_id)
