"""Compiled graphs of OpenVINO and their inference requests."""

import queue
from collections.abc import Iterable
from functools import cache
from typing import Final, Protocol

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
from numpy.typing import NDArray

MAX_BATCH: Final = 8
"""Pages of one pass through a graph."""


@cache
def openvino_core() -> ov.Core:
    """Return the only OpenVINO core of this process, which is never destroyed.

    A core that compiles a model installs an alternate signal stack, and its destructor unmaps that stack. If cores
    overlap and the older one is destroyed first, the destructor of the younger one restores the unmapped stack. The
    next signal, such as Ctrl-C or the end of a child process, then ends the process with a segmentation fault.
    """
    return ov.Core()


def compile_graph(graph: ov.Model, precision: ov.Type, *, streams: int, threads: int) -> ov.CompiledModel:
    """Compile a graph for a number of concurrent requests (streams) that share a number of threads.

    One thread per document has a higher throughput than all threads on one document: decoding, which takes longer,
    runs on one thread anyway. Threads are not pinned, because several services on one host would pin theirs to the
    same cores.
    """
    return openvino_core().compile_model(
        graph,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "THROUGHPUT" if streams > 1 else "LATENCY",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
        },
    )


class Compile(Protocol):
    """A function that compiles a graph, like `compile_graph`."""

    def __call__(self, *, streams: int, threads: int) -> ov.CompiledModel:
        """Compile the graph for a number of concurrent requests (streams) that share a number of threads."""
        ...


class Inference:
    """A graph for concurrent calls on one CPU each, and for a call that is alone on all of them.

    Args:
        compile_for: Compiles the graph.
        concurrency: Calls that run at the same time. Further calls wait. A call that is alone can use this many CPUs.
    """

    def __init__(self, compile_for: Compile, concurrency: int) -> None:
        shared = compile_for(streams=concurrency, threads=concurrency)
        self._shared: Final = RequestPool(shared.create_infer_request() for _ in range(concurrency))
        self._alone = self._shared
        if concurrency > 1:
            exclusive = compile_for(streams=1, threads=concurrency)
            self._alone = RequestPool([exclusive.create_infer_request()])

    def infer_all(self, batch: NDArray[np.uint8], *, alone: bool = False) -> list[NDArray[np.float64]]:
        """Return all outputs of the graph for a batch; `alone` if this is the only call at the moment."""
        return (self._alone if alone else self._shared).infer_all(batch)

    def warm_up(self, batch: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """Run every request once, because the first run compiles kernels and allocates memory.

        Returns:
            All outputs for the batch.
        """
        for requests in {self._shared, self._alone}:
            for _ in range(requests.count):
                outputs = requests.infer_all(batch)
        return outputs


class RequestPool:
    """A pool of inference requests of one compiled graph; safe to use from several threads.

    Args:
        requests: Requests of the same graph.
    """

    def __init__(self, requests: Iterable[ov.InferRequest]) -> None:
        self._free: Final[queue.SimpleQueue[ov.InferRequest]] = queue.SimpleQueue()
        for request in requests:
            self._free.put(request)
        self.count: Final = self._free.qsize()

    def infer_all(self, batch: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """Return all outputs of the graph for a batch, once a request is free.

        A long batch takes several passes, because the memory of a request grows with its longest batch.
        """
        request = self._free.get()
        try:
            passes = [
                # Copies: the request is reused.
                [np.array(output, dtype=np.float64) for output in request.infer(batch[at : at + MAX_BATCH]).values()]
                for at in range(0, len(batch), MAX_BATCH)
            ]
        finally:
            self._free.put(request)
        return passes[0] if len(passes) == 1 else [np.concatenate(outputs) for outputs in zip(*passes, strict=True)]
