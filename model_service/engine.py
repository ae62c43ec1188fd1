"""Inference with OpenVINO: from the pixels of a page batch to calibrated probabilities."""

import logging
import queue
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
from numpy.typing import NDArray
from openvino import opset13

from model_service.errors import ModelLoadError
from model_service.manifest import Manifest, ModelFiles, load_files

logger = logging.getLogger(__name__)

FIRST_PAGE_WEIGHT = 0.5
"""Weight of the first page. The rest is the weight of the mean over all pages.

The first page usually shows the kind of document best; later pages are often plain text. Compared with other ways of
aggregation in models/README.md.
"""

MAX_BATCH: Final = 8
"""Pages of one pass through a graph."""

_PRECISION: Final = {"f32": ov.Type.f32, "bf16": ov.Type.bf16, "f16": ov.Type.f16, "int8": ov.Type.f32}


@cache
def openvino_core() -> ov.Core:
    """Return the only OpenVINO core of this process, which is never destroyed.

    A core that compiles a model installs an alternate signal stack, and its destructor unmaps that stack. If cores
    overlap and the older one is destroyed first, the destructor of the younger one restores the unmapped stack. The
    next signal, such as Ctrl-C or the end of a child process, then ends the process with a segmentation fault.
    """
    return ov.Core()


def aggregate_pages(pages: NDArray[np.float64]) -> NDArray[np.float64]:
    """Aggregate the probabilities of pages to those of their document.

    Args:
        pages: Shape (pages, labels), in the order of the pages.

    Returns:
        Shape (labels,).
    """
    combined: NDArray[np.float64] = FIRST_PAGE_WEIGHT * pages[0] + (1 - FIRST_PAGE_WEIGHT) * pages.mean(axis=0)
    return combined


@dataclass(frozen=True)
class Scores:
    """Probabilities and familiarity of one document."""

    probabilities: NDArray[np.float64]
    """The probability of each label, in the manifest's order; their sum is 1."""
    familiarity: float | None
    """Norm of the features relative to the manifest's threshold; None if the manifest has none."""


def score_pages(manifest: Manifest, logits: NDArray[np.float64], norms: NDArray[np.float64] | None = None) -> Scores:
    """Return the scores of a document from what a graph computed for its pages.

    The probability of each label is softmax(logits / temperature) of each page, aggregated by `aggregate_pages`. For
    temperature scaling, see Guo et al., "On Calibration of Modern Neural Networks", 2017. The norms of the pages are
    aggregated in the same way.

    Args:
        manifest: Of the version.
        logits: Shape (pages, labels).
        norms: Norms of the features, shape (pages, 1); None if they are not known.
    """
    scaled = logits / manifest.temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    threshold = manifest.familiar_norm
    return Scores(
        aggregate_pages(exponentials / exponentials.sum(axis=1, keepdims=True)),
        float(aggregate_pages(norms)[0]) / threshold if norms is not None and threshold else None,
    )


class ScoringModel(Protocol):
    """A model version that scores pages, such as `Model`; safe to call from several threads at once."""

    @property
    def manifest(self) -> Manifest:
        """Describes the version."""
        ...

    def assess(self, pages: NDArray[np.uint8], *, alone: bool = False) -> Scores:
        """Return the scores of a document, see `Model.assess`."""
        ...


class Model:
    """One compiled model version; safe to call from several threads at once.

    Args:
        files: Manifest, graph and weights, verified.
        concurrency: Calls that run at the same time, each on one CPU. Further calls wait. A call that is alone can use
            this many CPUs.

    Raises:
        ModelLoadError: If the graph cannot be compiled, does not match its manifest, or cannot run in the
            manifest's precision on this CPU.
    """

    def __init__(self, files: ModelFiles, *, concurrency: int = 1) -> None:
        self.manifest: Final = files.manifest
        try:
            graph = openvino_core().read_model(files.graph, files.weights)
            _check_input(files.manifest, graph)
            if files.manifest.familiar_norm is not None:
                add_feature_norm(graph)
            shared = _compile(graph, self.manifest, streams=concurrency, threads=concurrency)
            self._requests = RequestPool(shared.create_infer_request() for _ in range(concurrency))
            self._alone = self._requests
            if concurrency > 1:
                exclusive = _compile(graph, self.manifest, streams=1, threads=concurrency)
                self._alone = RequestPool([exclusive.create_infer_request()])
            self._warm_up()
        except RuntimeError as error:
            raise ModelLoadError(f"{self.manifest.version}: the graph cannot run: {error}") from error

    def score(self, pages: NDArray[np.uint8], *, alone: bool = False) -> NDArray[np.float64]:
        """Return the probabilities of a document, see `assess`."""
        return self.assess(pages, alone=alone).probabilities

    def assess(self, pages: NDArray[np.uint8], *, alone: bool = False) -> Scores:
        """Return the scores of a document, scoring its pages in one batch.

        Args:
            pages: Shape (pages, height, width, 3), each as `Preprocessing.apply` makes it; at least one.
            alone: Whether this is the only call at the moment, so that it can use all CPUs. The result is the same.

        Returns:
            The scores, as `score_pages` computes them.
        """
        logits, *norms = (self._alone if alone else self._requests).infer_all(pages)
        return score_pages(self.manifest, logits, norms[0] if norms else None)

    def _warm_up(self) -> None:
        """Run every request once: the first run compiles kernels and allocates memory."""
        size = self.manifest.input
        blank = np.full((1, size.height, size.width, 3), 255, dtype=np.uint8)
        for requests in {self._requests, self._alone}:
            for _ in range(requests.count):
                logits = requests.infer(blank)
        if logits.shape != (1, len(self.manifest.labels)):
            raise ModelLoadError(
                f"{self.manifest.version}: the graph has {logits.shape[-1]} outputs "
                f"for {len(self.manifest.labels)} labels"
            )


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

    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the graph's first output for a batch, once a request is free."""
        return self.infer_all(batch)[0]

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


def add_feature_norm(graph: ov.Model) -> None:
    """Add an output to a graph: the norm of the features of each page, shape (pages, 1).

    The features are the input of the last layer, which computes the logits. Networks that were trained to spread their
    probabilities on out-of-distribution pages have features of a small norm on them, also on pages of kinds that they
    have not seen (Dhamija et al., "Reducing network agnostophobia", NeurIPS 2018).

    Raises:
        ModelLoadError: If the last layer is not linear.
    """
    node = graph.get_results()[0]
    while node.get_type_name() != "MatMul":
        if node.get_type_name() not in ("Result", "Add", "Convert"):
            raise ModelLoadError(f"the last layer of the graph is {node.get_type_name()}, not MatMul")
        node = node.input_value(0).get_node()
    axis = opset13.constant(np.array([1], np.int64))
    norm = opset13.reduce_l2(node.input_value(0), axis, keep_dims=True)
    graph.add_outputs([norm.output(0)])


def load_model(folder: Path, *, concurrency: int = 1) -> Model:
    """Verify, compile and warm up the model version of a folder.

    Raises:
        ModelLoadError: If it cannot be served; `ManifestError` if its manifest or a file is invalid.
    """
    files = load_files(folder)
    if files.manifest.version != folder.name:
        raise ModelLoadError(f"{folder}: its manifest names the version {files.manifest.version!r}")
    return Model(files, concurrency=concurrency)


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


def _compile(graph: ov.Model, manifest: Manifest, *, streams: int, threads: int) -> ov.CompiledModel:
    """Compile the graph of a version in its manifest's precision."""
    compiled = compile_graph(graph, _PRECISION[manifest.precision], streams=streams, threads=threads)
    actual = compiled.get_property("INFERENCE_PRECISION_HINT")
    if actual != _PRECISION[manifest.precision]:
        raise ModelLoadError(f"{manifest.version}: this CPU does not support inference in {manifest.precision}")
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
    expected = ov.PartialShape([-1, manifest.input.height, manifest.input.width, 3])
    port = graph.input(0)
    if len(graph.inputs) != 1 or port.get_element_type() != ov.Type.u8 or port.get_partial_shape() != expected:
        raise ModelLoadError(
            f"{manifest.version}: the graph's input is {port.get_element_type()} {port.get_partial_shape()}, "
            f"the manifest's is u8 {expected}"
        )
