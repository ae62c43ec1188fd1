"""A model version on OpenVINO: pixels in, calibrated probabilities out. Knows nothing of documents or HTTP."""

import logging
import queue
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
from numpy.typing import NDArray

from model_service.errors import ModelLoadError
from model_service.manifest import Manifest, ModelFiles, load_files

logger = logging.getLogger(__name__)

FIRST_PAGE_WEIGHT = 0.5
"""What the first page counts, beside all pages together: it is drawn to tell what a document is, and the pages that
follow are often mere text. Measured against the plain mean, the first or surest page alone and others; see
models/README.md.
"""

_PRECISION: Final = {"f32": ov.Type.f32, "bf16": ov.Type.bf16, "f16": ov.Type.f16, "int8": ov.Type.f32}


def aggregate_pages(pages: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probabilities of a document, shape (labels,), by those of its pages, shape (pages, labels), in order."""
    combined: NDArray[np.float64] = FIRST_PAGE_WEIGHT * pages[0] + (1 - FIRST_PAGE_WEIGHT) * pages.mean(axis=0)
    return combined


class Model:
    """One compiled model version; safe to call from several threads at once.

    Args:
        files: Manifest, graph and weights, verified.
        concurrency: Calls that run at the same time; each gets one CPU. A further call waits for its turn. As many
            CPUs work on a call that is alone.

    Raises:
        ModelLoadError: If the graph cannot be compiled, does not match its manifest, or cannot run in the
            manifest's precision on this CPU.
    """

    def __init__(self, files: ModelFiles, *, concurrency: int = 1) -> None:
        self.manifest = files.manifest
        try:
            core = ov.Core()
            graph = core.read_model(files.graph, files.weights)
            _check_input(files.manifest, graph)
            shared = _compile(core, graph, self.manifest, streams=concurrency, threads=concurrency)
            self._requests = _Requests(shared.create_infer_request() for _ in range(concurrency))
            self._alone = self._requests
            if concurrency > 1:
                whole = _compile(core, graph, self.manifest, streams=1, threads=concurrency)
                self._alone = _Requests([whole.create_infer_request()])
            self._warm_up()
        except RuntimeError as error:
            raise ModelLoadError(f"{self.manifest.version}: the graph cannot run: {error}") from error

    def score(self, pages: NDArray[np.uint8], *, alone: bool = False) -> NDArray[np.float64]:
        """Score the pages of one document together, in one batch.

        Args:
            pages: Shape (pages, height, width, 3), each as `Preprocessing.apply` makes it; at least one.
            alone: Nothing else wants the CPUs now, so take them all. The probabilities are the same.

        Returns:
            Probability of each label, in the manifest's order, sum 1: softmax(logits / temperature) of each page,
            taken together. Temperature scaling is Guo et al., "On Calibration of Modern Neural Networks", 2017.
        """
        logits = (self._alone if alone else self._requests).infer(pages) / self.manifest.temperature
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return aggregate_pages(odds / odds.sum(axis=1, keepdims=True))

    def _warm_up(self) -> None:
        """Run every request once: the first run compiles kernels and takes the memory."""
        frame = self.manifest.input
        blank = np.full((1, frame.height, frame.width, 3), 255, dtype=np.uint8)
        for requests in {self._requests, self._alone}:
            for _ in range(requests.count):
                logits = requests.infer(blank)
        if logits.shape != (1, len(self.manifest.labels)):
            raise ModelLoadError(
                f"{self.manifest.version}: the graph gives {logits.shape[-1]} outputs "
                f"for {len(self.manifest.labels)} labels"
            )


class _Requests:
    """Inference requests of one compiled graph, taken in turns."""

    def __init__(self, requests: Iterable[ov.InferRequest]) -> None:
        self._free: Final[queue.SimpleQueue[ov.InferRequest]] = queue.SimpleQueue()
        for request in requests:
            self._free.put(request)
        self.count: Final = self._free.qsize()

    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Logits, shape (pages, labels); waits for a request that is free."""
        request = self._free.get()
        try:
            return np.asarray(request.infer(batch)[0], dtype=np.float64)  # a copy: the request is reused
        finally:
            self._free.put(request)


def load_model(folder: Path, *, concurrency: int = 1) -> Model:
    """Verify, compile and warm up the model version of a folder.

    Raises:
        ModelLoadError: If it cannot be served; `ManifestError` if its manifest or a file is not as it should be.
    """
    files = load_files(folder)
    if files.manifest.version != folder.name:
        raise ModelLoadError(f"{folder}: its manifest calls itself {files.manifest.version!r}")
    return Model(files, concurrency=concurrency)


def _compile(core: ov.Core, graph: ov.Model, manifest: Manifest, *, streams: int, threads: int) -> ov.CompiledModel:
    """Compile for some requests at the same time, which share some threads.

    One thread a document and as many documents as CPUs beats all CPUs on one document: decoding, the
    larger part, runs on one thread anyway. Threads are not pinned, because several services of one host
    would all pin theirs to the same first cores.
    """
    compiled = core.compile_model(
        graph,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": _PRECISION[manifest.precision],
            "PERFORMANCE_HINT": "THROUGHPUT" if streams > 1 else "LATENCY",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
        },
    )
    got = compiled.get_property("INFERENCE_PRECISION_HINT")
    if got != _PRECISION[manifest.precision]:
        raise ModelLoadError(f"{manifest.version}: this CPU cannot infer in {manifest.precision}")
    logger.info(
        "model compiled",
        extra={
            "fields": {
                "model": manifest.version,
                "precision": manifest.precision,
                "streams": streams,
                "threads": threads,
            }
        },
    )
    return compiled


def _check_input(manifest: Manifest, graph: ov.Model) -> None:
    wanted = ov.PartialShape([-1, manifest.input.height, manifest.input.width, 3])
    port = graph.input(0)
    if len(graph.inputs) != 1 or port.get_element_type() != ov.Type.u8 or port.get_partial_shape() != wanted:
        raise ModelLoadError(
            f"{manifest.version}: the graph takes {port.get_element_type()} {port.get_partial_shape()}, "
            f"the manifest says u8 {wanted}"
        )
