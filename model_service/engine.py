"""Inference with OpenVINO: from the pixels of a page batch to calibrated probabilities."""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
from numpy.typing import NDArray
from openvino import opset13

from model_service.errors import ModelLoadError
from model_service.inference import Inference, compile_graph, openvino_core
from model_service.manifest import Manifest, ModelFiles, load_files

logger = logging.getLogger(__name__)

FIRST_PAGE_WEIGHT = 0.5
"""Weight of the first page. The rest is the weight of the mean over all pages.

The first page usually shows the kind of document best; later pages are often plain text. Compared with other ways of
aggregation in models/README.md.
"""

_PRECISION: Final = {"f32": ov.Type.f32, "bf16": ov.Type.bf16, "f16": ov.Type.f16, "int8": ov.Type.f32}


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
            self._inference: Final = Inference(partial(_compile, graph, self.manifest), concurrency)
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
        logits, *norms = self._inference.infer_all(pages, alone=alone)
        return score_pages(self.manifest, logits, norms[0] if norms else None)

    def _warm_up(self) -> None:
        size = self.manifest.input
        logits, *_ = self._inference.warm_up(np.full((1, size.height, size.width, 3), 255, dtype=np.uint8))
        if logits.shape != (1, len(self.manifest.labels)):
            raise ModelLoadError(
                f"{self.manifest.version}: the graph has {logits.shape[-1]} outputs "
                f"for {len(self.manifest.labels)} labels"
            )


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
