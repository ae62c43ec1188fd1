"""One network in both worlds: a ResNet18 as OpenVINO IR for the service and as TorchScript for its peers.

Its weights are random, by a fixed seed: how long a network takes does not depend on what it has learnt.
"""

import datetime
from pathlib import Path
from typing import Final

import torch

from model_service.manifest import FILE_NAME, Manifest, Normalization, hashes_of
from model_service.preprocessing import Preprocessing
from training.architectures import ARCHITECTURES, build
from training.export import as_served, export_openvino, export_torchscript
from training.train import Served

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
    graph = as_served(Served(build(ARCHITECTURE, len(LABELS)), known.mean, known.std))
    folder = models / VERSION
    folder.mkdir(parents=True)
    export_openvino(graph, SIDE, SIDE, folder)
    export_torchscript(graph, SIDE, SIDE, folder / TORCHSCRIPT)
    files, whole = hashes_of(folder)
    manifest = Manifest(
        version=VERSION,
        architecture=ARCHITECTURE,
        labels=LABELS,
        input=Preprocessing(SIDE, SIDE, "rgb"),
        normalization=Normalization(mean=known.mean, std=known.std),
        precision="f32",
        temperature=1.0,
        abstain_below=0.0,
        files=files,
        sha256=whole,
        date=datetime.date.today().isoformat(),
    )
    (folder / FILE_NAME).write_text(manifest.as_json())
    return folder
