"""Altered copies of a released model: corrupted, or with other weights."""

import json
import re
import shutil
import struct
from pathlib import Path

from model_service.manifest import FILE_NAME, GRAPH, WEIGHTS, hash_files, load
from triptych.stack.home import REPOSITORY

_OUTPUT_BIAS = r'<layer [^>]*type="Const"[^>]*>\s*<data element_type="f16" shape="1, {labels}" offset="(\d+)"'
"""The last constant of the graph with one value for each label: what is added to the logits."""


def corrupted_model(version: str, models: Path) -> Path:
    """Copy a released model to a folder of `models`, with one bit of its weights flipped. Return `models`."""
    folder = _copy(version, models)
    weights = bytearray((folder / WEIGHTS).read_bytes())
    weights[len(weights) // 2] ^= 1
    (folder / WEIGHTS).write_bytes(weights)
    return models


def model_with_other_weights(version: str, models: Path) -> Path:
    """Copy a released model to a folder of `models`, with other weights and their hashes. Return `models`.

    The model predicts its first label more often.
    """
    folder = _copy(version, models)
    labels = len(load(folder).labels)
    offsets = re.findall(_OUTPUT_BIAS.format(labels=labels), (folder / GRAPH).read_text("utf-8"))
    weights = bytearray((folder / WEIGHTS).read_bytes())
    [bias] = struct.unpack_from("<e", weights, int(offsets[-1]))
    struct.pack_into("<e", weights, int(offsets[-1]), bias + 1)
    (folder / WEIGHTS).write_bytes(weights)
    files, combined = hash_files(folder)
    manifest = json.loads((folder / FILE_NAME).read_text("utf-8"))
    (folder / FILE_NAME).write_text(json.dumps(manifest | {"files": files, "sha256": combined}), "utf-8")
    return models


def _copy(version: str, models: Path) -> Path:
    folder = models / version
    folder.mkdir(parents=True)
    for name in (FILE_NAME, GRAPH, WEIGHTS):
        shutil.copy(REPOSITORY / "models" / version / name, folder)
    return folder
