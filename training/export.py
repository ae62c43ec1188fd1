"""Out of torch and into what is served: OpenVINO IR with fp16 weights, checked against torch on real pages.

torch deprecates TorchScript, so the way leads through `torch.onnx.export(dynamo=True)`. TorchScript is still written on
request, for those who host on SageMaker's PyTorch container.
"""

import copy
import hashlib
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import nn

from training.architectures import fold_norms
from training.metrics import softmax
from training.network import Served
from training.recipe import Precision

OPSET = 18


class ParityError(Exception):
    """The exported graph does not say what the network said."""


@dataclass(frozen=True)
class Parity:
    """How far the exported graph is from torch.

    Attributes:
        images: Pages compared.
        max_abs_probability_difference: Largest difference of any probability.
        label_changes: Pages that got another label.
    """

    images: int
    max_abs_probability_difference: float
    label_changes: int


@torch.no_grad()
def as_served(graph: Served) -> Served:
    """Return a copy with scale and batch norms folded into convolutions and every number rounded to fp16.

    Rounding after folding is what the file holds, so this is, in torch, the very network that is served. Rounding costs
    a MobileNet up to 0.1 in a logit: better that what is measured and compared has paid that price already.
    """
    graph = copy.deepcopy(graph).eval()
    fold_norms(graph)
    first = next(module for module in graph.modules() if isinstance(module, nn.Conv2d))
    first.weight.mul_(graph.scale)
    graph.scale.fill_(1)
    for tensor in (*graph.parameters(), *graph.buffers()):
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())
    return graph


def export_openvino(graph: Served, width: int, height: int, folder: Path) -> None:
    """Write `model.xml` and `model.bin`: uint8 [batch, height, width, 3] in, float32 logits [batch, classes] out."""
    example = torch.zeros((2, height, width, 3), dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnxscript's notes about its own version converter
        onnx_file = Path(scratch) / "model.onnx"
        torch.onnx.export(
            graph.eval(),
            (example,),
            onnx_file,
            dynamo=True,
            opset_version=OPSET,
            input_names=["pages"],
            output_names=["logits"],
            dynamic_shapes={"pages": {0: torch.export.Dim("batch", min=1, max=1024)}},
            verbose=False,
        )
        model = openvino.convert_model(onnx_file)
        model.reshape({0: openvino.PartialShape([-1, height, width, 3])})
        save(model, folder)


def save(model: openvino.Model, folder: Path) -> None:
    """Write a graph as `model.xml` and `model.bin`, what is left in floats as fp16."""
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=True)


def export_torchscript(graph: Served, width: int, height: int, file: Path) -> None:
    """Write the same graph as TorchScript, which SageMaker's PyTorch container loads with `torch.jit.load`."""
    example = torch.zeros((1, height, width, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what torch has deprecated
        scripted = torch.jit.trace(graph.eval(), example)  # type: ignore[no-untyped-call]
        torch.jit.save(scripted, file)


def compiled(folder: Path, precision: Precision) -> openvino.CompiledModel:
    """Return an exported version ready to run on one thread; an int8 graph computes in f32 what it leaves in floats."""
    hint = "f32" if precision == "int8" else precision
    settings = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": 1}
    return openvino.Core().compile_model(folder / "model.xml", "CPU", settings)


def infer(
    folder: Path, pixels: NDArray[np.uint8], precision: Precision = "f32", batch: int = 16
) -> NDArray[np.float32]:
    """Return logits of an exported version, shape (pages, classes).

    Args:
        folder: Holds `model.xml` and `model.bin`.
        pixels: Shape (pages, height, width, 3).
        precision: What to compute in.
        batch: Pages at a time.
    """
    model = compiled(folder, precision)
    parts = [np.array(model(pixels[i : i + batch])[0]) for i in range(0, len(pixels), batch)]
    return np.concatenate(parts)


def check_parity(
    graph: Served, folder: Path, pixels: NDArray[np.uint8], temperature: float, tolerance: float = 0.01
) -> Parity:
    """Compare the exported version with torch on pages as they are served.

    Args:
        graph: The network as it was trained.
        folder: The exported version.
        pixels: Preprocessed pages, shape (pages, height, width, 3).
        temperature: The version's, so that probabilities are those that a caller reads.
        tolerance: Largest difference of a probability that another order of the same sums may cause.

    Raises:
        ParityError: A probability differs by more.
    """
    with torch.no_grad():
        expected = np.concatenate(
            [graph(torch.from_numpy(part)).numpy() for part in np.array_split(pixels, 8) if len(part)]
        )
    wanted = softmax(expected, temperature)
    got = softmax(infer(folder, pixels), temperature)
    difference = float(np.abs(wanted - got).max())
    changes = int((wanted.argmax(axis=1) != got.argmax(axis=1)).sum())
    if difference > tolerance:
        raise ParityError(f"{folder}: a probability differs from torch by {difference:.3f}, more than {tolerance}")
    return Parity(len(pixels), difference, changes)


def digest(files: Sequence[Path]) -> str:
    """Return the sha256 of files' bytes, one after the other."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
