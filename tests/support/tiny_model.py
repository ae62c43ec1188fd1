"""Model versions that are small enough to create in a test: an OpenVINO graph and its manifest, without torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
import openvino.opset13 as ops  # type: ignore[import-untyped]

from decoding.preprocessing import Preprocessing
from model_service.manifest import FILE_NAME, GRAPH, Manifest, Normalization, hash_files

LABELS: Final = (
    "book_page",
    "form",
    "handwritten",
    "invoice",
    "receipt",
    "resume",
    "scientific_paper",
    "slides",
    "typewritten",
)

_GRID: Final = 4
_MEAN: Final = 127.5
_STD: Final = 63.75


def write_tiny_model(
    models: Path,
    version: str = "v1",
    *,
    labels: Sequence[str] = LABELS,
    size: tuple[int, int] = (32, 32),
    color: Literal["rgb", "grey"] = "grey",
    decode_side: int = 0,
    temperature: float = 1.0,
    abstain_below: float = 0.0,
    familiar_norm: float | None = None,
    seed: int = 0,
) -> Manifest:
    """Write a version that scores the mean brightness of a 4 by 4 grid with random weights.

    Args:
        models: Folder of all versions.
        version: Name of the version.
        labels: Sorted labels.
        size: Width and height of the input, multiples of 4.
        color: Colour mode of the input.
        decode_side: Minimum length of the shorter side of a decoded page, if more than the input needs.
        temperature: Divisor of the logits.
        abstain_below: Threshold for abstaining.
        familiar_norm: Norm of the features below which a document is unfamiliar.
        seed: Of the weights. The same seed yields the same model.

    Returns:
        The manifest as written.
    """
    width, height = size
    folder = models / version
    folder.mkdir(parents=True)
    page = ops.parameter([-1, height, width, 3], ov.Type.u8, name="page")
    scaled = ops.divide(
        ops.subtract(ops.convert(page, "f32"), ops.constant(np.float32(_MEAN))), ops.constant(np.float32(_STD))
    )
    cells = ops.reduce_mean(
        ops.reshape(
            scaled,
            ops.constant(np.array([0, _GRID, height // _GRID, _GRID, width // _GRID, 3], np.int64)),
            special_zero=True,
        ),
        ops.constant(np.array([2, 4], np.int64)),
    )
    features = ops.reshape(cells, ops.constant(np.array([0, _GRID * _GRID * 3], np.int64)), special_zero=True)
    weights = np.random.default_rng(seed).normal(size=(_GRID * _GRID * 3, len(labels))).astype(np.float32)
    logits = ops.matmul(features, ops.constant(weights), transpose_a=False, transpose_b=False)
    ov.save_model(ov.Model([logits], [page], "tiny"), folder / GRAPH, compress_to_fp16=True)

    files, combined = hash_files(folder)
    manifest = Manifest(
        version=version,
        architecture="tiny",
        labels=tuple(labels),
        input=Preprocessing(width, height, color, decode_side),
        normalization=Normalization(mean=(_MEAN,) * 3, std=(_STD,) * 3),
        precision="f32",
        temperature=temperature,
        abstain_below=abstain_below,
        familiar_norm=familiar_norm,
        files=files,
        sha256=combined,
        date="2026-01-01",
    )
    (folder / FILE_NAME).write_text(manifest.as_json())
    return manifest
