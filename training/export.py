"""Export of a trained model from torch to OpenVINO IR, compared with torch on real pages.

Networks are exported with fp16 weights, random forests and linear probes, which are torch modules as well, with exact
numbers.

torch deprecates TorchScript, so the export uses `torch.onnx.export(dynamo=True)`. TorchScript is written on request,
for SageMaker's PyTorch container.
"""

import copy
import hashlib
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import openvino  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model_service.engine import add_feature_norm
from model_service.inference import openvino_core
from training.architectures import fold_batch_norms
from training.metrics import softmax
from training.network import ExportableModel
from training.recipe import Precision

OPSET = 18


class ParityError(Exception):
    """The exported model does not agree with the trained model, or int8 costs too much accuracy."""


@dataclass(frozen=True)
class Parity:
    """Differences between the exported model and torch.

    Attributes:
        images: Number of pages compared.
        max_abs_probability_difference: Largest difference of any probability.
        label_changes: Number of pages with another label.
    """

    images: int
    max_abs_probability_difference: float
    label_changes: int


Trained = TypeVar("Trained", bound=nn.Module)
"""An `ExportableModel`, a `ForestModel` or a `LinearProbe`."""


@torch.no_grad()
def as_served(model: Trained) -> Trained:
    """Return a copy with scale and batch norms folded into convolutions and all weights rounded to fp16.

    The exported file holds these folded and rounded weights, so the copy computes in torch what is served. Rounding
    changes a logit of a MobileNet by up to 0.1; metrics that are measured with the copy include this loss. A forest is
    served as it is, because the constants of its features would not be exact in fp16, and so is a linear probe.
    """
    model = copy.deepcopy(model).eval()
    if not isinstance(model, ExportableModel):
        return model
    fold_batch_norms(model)
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    first.weight.mul_(model.scale)
    model.scale.fill_(1)
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())
    return model


def export_openvino(model: nn.Module, width: int, height: int, folder: Path) -> None:
    """Write `model.xml` and `model.bin`: uint8 [batch, height, width, 3] in, float32 logits [batch, classes] out."""
    example = torch.zeros((2, height, width, 3), dtype=torch.uint8)
    export_batches(model, example, folder, names=("pages", "logits"), fp16=isinstance(model, ExportableModel))


def export_batches(
    model: nn.Module, example: Tensor, folder: Path, *, names: tuple[str, str], fp16: bool = True
) -> None:
    """Write `model.xml` and `model.bin` of a model with one input and one output, for batches of any size.

    Args:
        model: The model.
        example: A batch of two or more items.
        folder: Where to write the files.
        names: Names of the input and of the output.
        fp16: See `save_model`.
    """
    input_name, output_name = names
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnxscript's warnings about its version converter
        onnx_file = Path(scratch) / "model.onnx"
        torch.onnx.export(
            model.eval(),
            (example,),
            onnx_file,
            dynamo=True,
            opset_version=OPSET,
            input_names=[input_name],
            output_names=[output_name],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=1024)},),
            verbose=False,
        )
        converted = openvino.convert_model(onnx_file)
        converted.reshape({0: openvino.PartialShape([-1, *example.shape[1:]])})
        save_model(converted, folder, fp16=fp16)


def save_model(model: openvino.Model, folder: Path, *, fp16: bool = True) -> None:
    """Write a model as `model.xml` and `model.bin`, with floating-point weights as fp16 or unchanged."""
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=fp16)


def export_torchscript(model: nn.Module, width: int, height: int, file: Path) -> None:
    """Write a model as TorchScript, which SageMaker's PyTorch container loads with `torch.jit.load`."""
    example = torch.zeros((1, height, width, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's warnings about the deprecated format
        scripted = torch.jit.trace(model.eval(), example)  # type: ignore[no-untyped-call]
        torch.jit.save(scripted, file)


def compile_exported(folder: Path, precision: Precision) -> openvino.CompiledModel:
    """Compile an exported model for one thread. The layers of an int8 model that are not quantised compute in f32."""
    return _compile(openvino_core().read_model(folder / "model.xml"), precision)


def _compile(graph: openvino.Model, precision: Precision) -> openvino.CompiledModel:
    hint = "f32" if precision == "int8" else precision
    settings = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": 1}
    return openvino_core().compile_model(graph, "CPU", settings)


def infer(
    folder: Path, pixels: NDArray[np.uint8], precision: Precision = "f32", batch: int = 16
) -> NDArray[np.float32]:
    """Return logits of an exported model, shape (pages, classes).

    Args:
        folder: Folder with `model.xml` and `model.bin`.
        pixels: Preprocessed pages, shape (pages, height, width, 3).
        precision: Precision to compute in.
        batch: Number of pages per call.
    """
    compiled = compile_exported(folder, precision)
    parts = [np.array(compiled(pixels[i : i + batch])[0]) for i in range(0, len(pixels), batch)]
    return np.concatenate(parts)


def infer_with_norms(
    folder: Path, pixels: NDArray[np.uint8], precision: Precision = "f32", batch: int = 16
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return logits, shape (pages, classes), and the norms of the features, shape (pages,), of an exported model.

    Args:
        folder: Folder with `model.xml` and `model.bin`.
        pixels: Preprocessed pages, shape (pages, height, width, 3).
        precision: Precision to compute in.
        batch: Number of pages per call.
    """
    graph = openvino_core().read_model(folder / "model.xml")
    add_feature_norm(graph)
    compiled = _compile(graph, precision)
    parts = [list(map(np.array, compiled(pixels[i : i + batch]).values())) for i in range(0, len(pixels), batch)]
    logits, norms = (np.concatenate(part) for part in zip(*parts, strict=True))
    return logits, norms[:, 0]


def check_parity(
    model: nn.Module,
    folder: Path,
    pixels: NDArray[np.uint8],
    temperature: float,
    tolerance: float = 0.01,
) -> Parity:
    """Compare an exported model with torch.

    Args:
        model: Trained model, as `as_served` returns it.
        folder: Folder of the exported model.
        pixels: Preprocessed pages, shape (pages, height, width, 3).
        temperature: Temperature of the version, so that calibrated probabilities are compared.
        tolerance: Largest difference of a probability that the order of summation may cause.

    Raises:
        ParityError: A probability differs by more than `tolerance`.
    """
    with torch.no_grad():
        expected = np.concatenate(
            [model(torch.from_numpy(part)).numpy() for part in np.array_split(pixels, 8) if len(part)]
        )
    trained = softmax(expected, temperature)
    exported = softmax(infer(folder, pixels), temperature)
    difference = float(np.abs(trained - exported).max())
    changes = int((trained.argmax(axis=1) != exported.argmax(axis=1)).sum())
    if difference > tolerance:
        raise ParityError(f"{folder}: a probability differs from torch by {difference:.3f}, more than {tolerance}")
    return Parity(len(pixels), difference, changes)


def sha256_of_files(files: Sequence[Path]) -> str:
    """Return the SHA-256 of the concatenated bytes of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
