"""Numeric precision of a served version: f32, bf16 or int8, compared on held-out pages.

bf16 halves the memory traffic on processors with instructions for it (AMX), and is emulated slowly on others. int8 is
quantised once, after training, by NNCF. Its scales are measured on training pages and are part of the exported file.

Weights in int8 use half of the range. Processors without instructions for int8 (VNNI) add pairs of products in 16 bits,
where two products of the full range can saturate: then AVX2 computed other labels than AVX-512. With half of the range
all sums are exact, and probabilities are the same on both (`tests/integration/model_service/test_hosts.py`).
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from model_service.inference import openvino_core
from training.export import compile_exported, infer, save_model
from training.metrics import LabelIndices
from training.recipe import Precision

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
CONVOLUTIONS = ("Convolution", "GroupConvolution")
"""Types of OpenVINO's operations that count as convolutions."""
CALIBRATION_PAGES = 300
"""Maximum number of training pages from which int8 scales are measured."""


@dataclass(frozen=True)
class PrecisionResult:
    """Accuracy and speed of a network in one precision.

    Attributes:
        accuracy: Share of right labels on `pages` held-out pages.
        changed: Number of pages whose label differs from that in f32.
        ms: Median CPU milliseconds per page on one thread, without decoding.
        pages: Number of pages.
    """

    accuracy: float
    changed: int
    ms: float
    pages: int


def quantise(folder: Path, pixels: NDArray[np.uint8], out: Path, *, f32_layers: int) -> None:
    """Write an int8 version of an exported model.

    Args:
        folder: Folder with `model.xml` and `model.bin` in floating point.
        pixels: A few hundred preprocessed pages to measure scales on, shape (pages, height, width, 3).
        out: Folder for the quantised `model.xml` and `model.bin`.
        f32_layers: Number of first convolutions that stay in f32.
    """
    os.environ.setdefault("NNCF_CI", "1")  # disables the library's usage statistics
    import nncf  # type: ignore[import-untyped]

    model = openvino_core().read_model(folder / "model.xml")
    convolutions = [
        each.get_friendly_name() for each in model.get_ordered_ops() if each.get_type_name() in CONVOLUTIONS
    ]
    quantised = nncf.quantize(
        model,
        nncf.Dataset([page[None] for page in pixels]),
        subset_size=len(pixels),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(names=convolutions[:f32_layers]),
        fast_bias_correction=False,  # the exact correction halves the number of labels that change
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            overflow_fix=nncf.quantization.advanced_parameters.OverflowFix.ENABLE
        ),
    )
    save_model(quantised, out)


def cpu_milliseconds(folder: Path, pixels: NDArray[np.uint8], precision: Precision) -> float:
    """Return the median CPU time per page, which other processes on the machine affect less than wall time."""
    model = compile_exported(folder, precision)
    times = []
    for number in range(30):
        page = pixels[number % len(pixels)][None]
        start = time.process_time()
        model(page)
        times.append(time.process_time() - start)
    return float(np.median(times[5:])) * 1000


def compare_precisions(
    folders: Mapping[Precision, Path], pixels: NDArray[np.uint8], truth: LabelIndices
) -> dict[Precision, PrecisionResult]:
    """Measure exported models of one network in several precisions on held-out pages.

    Args:
        folders: Folder of the exported model in each precision; f32 is required.
        pixels: Preprocessed pages, shape (pages, height, width, 3).
        truth: True labels.
    """
    labels = {precision: infer(folder, pixels, precision).argmax(axis=1) for precision, folder in folders.items()}
    return {
        precision: PrecisionResult(
            accuracy=float((labels[precision] == truth).mean()),
            changed=int((labels[precision] != labels["f32"]).sum()),
            ms=cpu_milliseconds(folder, pixels, precision),
            pages=len(pixels),
        )
        for precision, folder in folders.items()
    }


def merge_precisions(folds: Sequence[Mapping[Precision, PrecisionResult]]) -> dict[Precision, PrecisionResult]:
    """Merge the comparisons of several folds: shares weighted by pages, mean of times."""
    merged: dict[Precision, PrecisionResult] = {}
    for precision in PRECISIONS:
        results = [fold[precision] for fold in folds if precision in fold]
        if results:
            pages = sum(result.pages for result in results)
            merged[precision] = PrecisionResult(
                accuracy=sum(result.accuracy * result.pages for result in results) / pages,
                changed=sum(result.changed for result in results),
                ms=float(np.mean([result.ms for result in results])),
                pages=pages,
            )
    return merged
