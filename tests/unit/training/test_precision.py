from pathlib import Path

import numpy as np
import openvino  # type: ignore[import-untyped]
import pytest
import torch

from training.export import as_served, export_openvino, infer
from training.network import make_graph
from training.precision import Row, compare, quantise, together
from training.recipe import Input, Precision, Recipe


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folders(pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> dict[Precision, Path]:
    """One small network in floats and quantised."""
    made: dict[Precision, Path] = {name: tmp_path_factory.mktemp(name) for name in ("f32", "int8")}
    graph = make_graph(Recipe(version="v9", architecture="resnet18", input=Input(width=32, height=32)), 3)
    torch.nn.init.normal_(graph.network.head.weight, std=0.3)
    export_openvino(as_served(graph), 32, 32, made["f32"])
    quantise(made["f32"], pixels, made["int8"])
    return made


def test_a_quantised_graph_is_int8_and_keeps_the_contract(folders: dict[Precision, Path]) -> None:
    """It takes the same bytes and gives the same logits' shape, and its convolutions' weights are 8-bit numbers."""
    model = openvino.Core().read_model(folders["int8"] / "model.xml")
    assert model.inputs[0].get_element_type() == openvino.Type.u8
    assert model.outputs[0].get_partial_shape()[1] == openvino.Dimension(3)
    kinds = {str(node.get_element_type()) for node in model.get_ops() if node.get_type_name() == "Constant"}
    assert "<Type: 'int8_t'>" in kinds
    files = [(folders[name] / "model.bin").stat().st_size for name in ("int8", "f32")]
    assert files[0] < files[1] * 0.7


def test_a_quantised_graph_says_nearly_the_same(folders: dict[Precision, Path], pixels: np.ndarray) -> None:
    floats, bytes_ = infer(folders["f32"], pixels), infer(folders["int8"], pixels, "int8")
    assert np.abs(floats - bytes_).max() < 0.2 * np.ptp(floats)


def test_precisions_are_compared_with_f32(folders: dict[Precision, Path], pixels: np.ndarray) -> None:
    truth = infer(folders["f32"], pixels).argmax(axis=1)
    table = compare(folders, pixels, truth)
    assert table["f32"].accuracy == 1
    assert table["f32"].changed == 0
    assert table["int8"].changed == round((1 - table["int8"].accuracy) * len(pixels))
    assert all(row.ms > 0 and row.pages == len(pixels) for row in table.values())


def test_folds_are_weighted_by_their_pages() -> None:
    first: dict[Precision, Row] = {"f32": Row(1.0, 0, 2.0, 300)}
    second: dict[Precision, Row] = {"f32": Row(0.5, 4, 4.0, 100)}
    assert together([first, second]) == {"f32": Row(0.875, 4, 3.0, 400)}
    assert together([{}, {}]) == {}
