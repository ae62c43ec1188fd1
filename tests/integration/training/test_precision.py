from pathlib import Path

import numpy as np
import openvino  # type: ignore[import-untyped]
import pytest
import torch

from tests.support.small_architecture import SMALL
from training.export import as_served, export_openvino, infer
from training.network import build_model
from training.precision import PrecisionResult, compare_precisions, merge_precisions, quantise
from training.recipe import Input, Precision, Recipe

pytestmark = pytest.mark.xdist_group("export")  # one worker imports what exports need


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folders(pixels: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> dict[Precision, Path]:
    """Return the folders of one small network in f32 and int8."""
    folders: dict[Precision, Path] = {name: tmp_path_factory.mktemp(name) for name in ("f32", "int8")}
    model = build_model(Recipe(version="v9", architecture=SMALL, input=Input(width=32, height=32)), 3)
    torch.nn.init.normal_(model.network.head.weight, std=0.3)
    export_openvino(as_served(model), 32, 32, folders["f32"])
    quantise(folders["f32"], pixels, folders["int8"], f32_layers=0)
    return folders


def test_quantised_model_has_int8_weights_and_keeps_the_contract(folders: dict[Precision, Path]) -> None:
    model = openvino.Core().read_model(folders["int8"] / "model.xml")
    assert model.inputs[0].get_element_type() == openvino.Type.u8
    assert model.outputs[0].get_partial_shape()[1] == openvino.Dimension(3)
    kinds = {str(node.get_element_type()) for node in model.get_ops() if node.get_type_name() == "Constant"}
    assert "<Type: 'int8_t'>" in kinds
    int8_size, f32_size = ((folders[name] / "model.bin").stat().st_size for name in ("int8", "f32"))
    assert int8_size < f32_size * 0.7


def test_quantised_logits_are_close_to_those_in_f32(folders: dict[Precision, Path], pixels: np.ndarray) -> None:
    f32, int8 = infer(folders["f32"], pixels), infer(folders["int8"], pixels, "int8")
    assert np.abs(f32 - int8).max() < 0.2 * np.ptp(f32)


def _int8_weights(folder: Path) -> list[np.ndarray]:
    """Return the weights of each layer in int8."""
    nodes = openvino.Core().read_model(folder / "model.xml").get_ops()
    constants = [node for node in nodes if node.get_type_name() == "Constant"]
    return [node.get_data() for node in constants if str(node.get_element_type()) == "<Type: 'int8_t'>"]


def test_first_convolutions_stay_in_f32(folders: dict[Precision, Path], pixels: np.ndarray, tmp_path: Path) -> None:
    quantise(folders["f32"], pixels, tmp_path, f32_layers=2)
    assert len(_int8_weights(folders["int8"])) - len(_int8_weights(tmp_path)) == 2


def test_int8_weights_cannot_saturate(folders: dict[Precision, Path]) -> None:
    """Processors without VNNI add two products in 16 bits: 2 * 255 * 64 fits, 2 * 255 * 127 would not."""
    weights = _int8_weights(folders["int8"])
    assert weights
    assert max(np.abs(each.astype(int)).max() for each in weights) <= 64


def test_precisions_are_compared_with_f32(folders: dict[Precision, Path], pixels: np.ndarray) -> None:
    truth = infer(folders["f32"], pixels).argmax(axis=1)
    results = compare_precisions(folders, pixels, truth)
    assert results["f32"].accuracy == 1
    assert results["f32"].changed == 0
    assert results["int8"].changed == round((1 - results["int8"].accuracy) * len(pixels))
    assert all(result.ms > 0 and result.pages == len(pixels) for result in results.values())


def test_folds_are_weighted_by_their_pages() -> None:
    first: dict[Precision, PrecisionResult] = {"f32": PrecisionResult(1.0, 0, 2.0, 300)}
    second: dict[Precision, PrecisionResult] = {"f32": PrecisionResult(0.5, 4, 4.0, 100)}
    assert merge_precisions([first, second]) == {"f32": PrecisionResult(0.875, 4, 3.0, 400)}
    assert merge_precisions([{}, {}]) == {}
