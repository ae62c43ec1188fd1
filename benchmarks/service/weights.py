"""One network in both worlds: a ResNet18 as OpenVINO IR for the service and as TorchScript for its peers.

Its weights are random, by a fixed seed: how long a network takes does not depend on what it has learnt.
"""

import datetime
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch

from decoding.preprocessing import Preprocessing
from model_service.manifest import FILE_NAME, Manifest, Normalization, hash_files
from training.architectures import ARCHITECTURES, build_classifier
from training.export import as_served, export_openvino, export_torchscript
from training.network import ExportableModel
from training.precision import quantise

ARCHITECTURE: Final = "resnet18"
SIDE: Final = 224
LABELS: Final = ("form", "handwritten", "invoice", "letter", "paper", "photo", "receipt", "resume", "slides")
TORCHSCRIPT: Final = "model.pt"
VERSION: Final = "v1"


def write(models: Path) -> Path:
    """Export the network.

    Args:
        models: Gets a folder `v1` with graph, weights, manifest and `model.pt`.

    Returns:
        That folder.
    """
    torch.manual_seed(0)
    known = ARCHITECTURES[ARCHITECTURE]
    graph = as_served(ExportableModel(build_classifier(ARCHITECTURE, len(LABELS)), known.mean, known.std))
    folder = models / VERSION
    folder.mkdir(parents=True)
    export_openvino(graph, SIDE, SIDE, folder)
    export_torchscript(graph, SIDE, SIDE, folder / TORCHSCRIPT)
    _vouch(folder, "f32")
    return folder


def write_int8(floats: Path, models: Path) -> Path:
    """Quantise the same network, as `triptych train` does for a recipe that says int8.

    Args:
        floats: The folder that `write` gave.
        models: Gets a folder `v1`.
    """
    folder = models / VERSION
    folder.mkdir(parents=True)
    # The scales that are found on noise are as fast as those found on pages.
    noise = np.random.default_rng(0).integers(0, 256, (32, SIDE, SIDE, 3), dtype=np.uint8)
    quantise(floats, noise, folder)
    _vouch(folder, "int8")
    return folder


def _vouch(folder: Path, precision: Literal["f32", "int8"]) -> None:
    known = ARCHITECTURES[ARCHITECTURE]
    files, whole = hash_files(folder)
    manifest = Manifest(
        version=VERSION,
        architecture=ARCHITECTURE,
        labels=LABELS,
        input=Preprocessing(SIDE, SIDE, "rgb"),
        normalization=Normalization(mean=known.mean, std=known.std),
        precision=precision,
        temperature=1.0,
        abstain_below=0.0,
        files=files,
        sha256=whole,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    (folder / FILE_NAME).write_text(manifest.as_json())
