from pathlib import Path

import numpy as np
import openvino  # type: ignore[import-untyped]
import pytest
import torch

from training.export import (
    ParityError,
    as_served,
    check_parity,
    export_openvino,
    export_torchscript,
    infer,
    sha256_of_files,
)
from training.network import ExportableModel, build_model
from training.recipe import Input, Recipe

pytestmark = pytest.mark.xdist_group("export")  # one worker imports what exports need

RECIPE = Recipe(version="v9", architecture="resnet18", input=Input(width=48, height=32))


@pytest.fixture(scope="module")
def model() -> ExportableModel:
    model = build_model(RECIPE, 4)
    torch.nn.init.normal_(model.network.head.weight, std=0.3)
    return as_served(model)


@pytest.fixture(scope="module")
def exported(model: ExportableModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export_openvino(model, 48, 32, folder)
    return folder


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (9, 32, 48, 3), dtype=np.uint8)


def test_exported_model_takes_bytes_and_returns_logits(exported: Path) -> None:
    """The model service checks this contract when it loads a version."""
    model = openvino.Core().read_model(exported / "model.xml")
    (pages,), (logits,) = model.inputs, model.outputs
    assert pages.get_element_type() == openvino.Type.u8
    assert pages.get_partial_shape() == openvino.PartialShape([-1, 32, 48, 3])
    assert logits.get_element_type() == openvino.Type.f32
    assert logits.get_partial_shape()[1] == openvino.Dimension(4)


def test_weights_are_exported_in_two_bytes_each(exported: Path, model: ExportableModel) -> None:
    weights = sum(parameter.numel() for parameter in model.parameters())
    assert (exported / "model.bin").stat().st_size < 2.05 * weights


def test_exported_model_agrees_with_torch(exported: Path, model: ExportableModel, pixels: np.ndarray) -> None:
    """Because weights are folded and rounded before the export, only the order of sums differs."""
    parity = check_parity(model, exported, pixels, temperature=0.5)
    assert parity.images == 9
    assert parity.label_changes == 0
    assert parity.max_abs_probability_difference < 1e-4


def test_parity_check_rejects_another_network(exported: Path, pixels: np.ndarray) -> None:
    other = build_model(RECIPE, 4, head_seed=1)
    torch.nn.init.normal_(other.network.head.weight, std=0.3)
    with pytest.raises(ParityError, match="a probability differs"):
        check_parity(other.eval(), exported, pixels, temperature=0.5)


@pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated:FutureWarning")
def test_torchscript_agrees_with_the_exported_model(
    model: ExportableModel, pixels: np.ndarray, exported: Path, tmp_path: Path
) -> None:
    """SageMaker's PyTorch container sends batches of any size, not only that of the trace."""
    export_torchscript(model, 48, 32, tmp_path / "model.pt")
    loaded = torch.jit.load(tmp_path / "model.pt")  # type: ignore[no-untyped-call]
    with torch.no_grad():
        logits = loaded(torch.from_numpy(pixels)).numpy()
    assert logits == pytest.approx(infer(exported, pixels), abs=1e-3)


def test_sha256_covers_the_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"ab")
    (tmp_path / "b").write_bytes(b"c")
    # The first example of FIPS 180-2.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of_files([tmp_path / "a", tmp_path / "b"]) == expected
    assert sha256_of_files([tmp_path / "b", tmp_path / "a"]) != expected
