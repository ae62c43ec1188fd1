"""One network in two formats: a ResNet18 as OpenVINO IR for the service and as TorchScript for the alternatives.

Its weights are random with a fixed seed, because the latency of a network does not depend on its weights.
"""

import datetime
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from benchmarks.service.network import ARCHITECTURE, LABELS, SIDE, TORCHSCRIPT, VERSION
from decoding.preprocessing import Preprocessing
from model_service.manifest import FILE_NAME, Manifest, Normalization, hash_files
from training.architectures import ARCHITECTURES, build_classifier
from training.export import as_served, export_openvino, export_torchscript
from training.network import ExportableModel
from training.precision import quantise
from training.recipe import F32_LAYERS


def write(models: Path) -> Path:
    """Export the network.

    Args:
        models: Folder in which a folder `v1` with graph, weights, manifest and `model.pt` is created.

    Returns:
        The created folder.
    """
    torch.manual_seed(0)
    architecture = ARCHITECTURES[ARCHITECTURE]
    graph = as_served(ExportableModel(build_classifier(ARCHITECTURE, len(LABELS)), architecture.mean, architecture.std))
    folder = models / VERSION
    folder.mkdir(parents=True)
    export_openvino(graph, SIDE, SIDE, folder)
    export_torchscript(graph, SIDE, SIDE, folder / TORCHSCRIPT)
    _write_manifest(folder, "f32")
    return folder


def write_int8(floats: Path, models: Path) -> Path:
    """Quantise the same network, as `triptych train` does for a recipe with int8.

    Args:
        floats: The folder that `write` created.
        models: Folder in which a folder `v1` is created.

    Returns:
        The created folder.
    """
    folder = models / VERSION
    folder.mkdir(parents=True)
    # Calibration on noise gives other scales, but the same latency.
    noise = np.random.default_rng(0).integers(0, 256, (32, SIDE, SIDE, 3), dtype=np.uint8)
    quantise(floats, noise, folder, f32_layers=F32_LAYERS)
    _write_manifest(folder, "int8")
    return folder


def _write_manifest(folder: Path, precision: Literal["f32", "int8"]) -> None:
    architecture = ARCHITECTURES[ARCHITECTURE]
    files, combined = hash_files(folder)
    manifest = Manifest(
        version=VERSION,
        architecture=ARCHITECTURE,
        labels=LABELS,
        input=Preprocessing(SIDE, SIDE, "rgb"),
        normalization=Normalization(mean=architecture.mean, std=architecture.std),
        precision=precision,
        temperature=1.0,
        abstain_below=0.0,
        files=files,
        sha256=combined,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    (folder / FILE_NAME).write_text(manifest.as_json())
