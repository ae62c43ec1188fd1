from pathlib import Path

import numpy as np
import openvino  # type: ignore[import-untyped]
import pytest
import torch

from training.export import ParityError, as_served, check_parity, digest, export_openvino, export_torchscript, infer
from training.network import Served, make_graph
from training.recipe import Input, Recipe


@pytest.fixture(scope="module")
def graph() -> Served:
    recipe = Recipe(version="v9", architecture="resnet18", input=Input(width=48, height=32))
    graph = make_graph(recipe, 4)
    torch.nn.init.normal_(graph.network.head.weight, std=0.3)
    return as_served(graph)


@pytest.fixture(scope="module")
def exported(graph: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export_openvino(graph, 48, 32, folder)
    return folder


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (9, 32, 48, 3), dtype=np.uint8)


def test_the_graph_takes_bytes_and_gives_logits(exported: Path) -> None:
    """The contract of every served version, which the service checks when it loads one."""
    model = openvino.Core().read_model(exported / "model.xml")
    (given,), (taken,) = model.inputs, model.outputs
    assert given.get_element_type() == openvino.Type.u8
    assert given.get_partial_shape() == openvino.PartialShape([-1, 32, 48, 3])
    assert taken.get_element_type() == openvino.Type.f32
    assert taken.get_partial_shape()[1] == openvino.Dimension(4)


def test_weights_are_kept_in_half_the_bytes(exported: Path, graph: Served) -> None:
    weights = sum(parameter.numel() for parameter in graph.parameters())
    assert (exported / "model.bin").stat().st_size < 2.05 * weights


def test_what_is_served_is_what_torch_says(exported: Path, graph: Served, pixels: np.ndarray) -> None:
    """Folding and rounding before the export leave only the order of sums to differ."""
    parity = check_parity(graph, exported, pixels, temperature=0.5)
    assert parity.images == 9
    assert parity.label_changes == 0
    assert parity.max_abs_probability_difference < 1e-4


def test_another_network_is_not_taken_for_the_exported_one(exported: Path, graph: Served, pixels: np.ndarray) -> None:
    recipe = Recipe(version="v9", architecture="resnet18", seed=1, input=Input(width=48, height=32))
    other = make_graph(recipe, 4)
    torch.nn.init.normal_(other.network.head.weight, std=0.3)
    with pytest.raises(ParityError, match="a probability differs"):
        check_parity(other.eval(), exported, pixels, temperature=0.5)


def test_torchscript_says_the_same(graph: Served, pixels: np.ndarray, exported: Path, tmp_path: Path) -> None:
    """For those who host on SageMaker's PyTorch container; any batch, not only the traced one."""
    export_torchscript(graph, 48, 32, tmp_path / "model.pt")
    loaded = torch.jit.load(tmp_path / "model.pt")  # type: ignore[no-untyped-call]
    with torch.no_grad():
        logits = loaded(torch.from_numpy(pixels)).numpy()
    assert logits == pytest.approx(infer(exported, pixels), abs=1e-3)


def test_digests_run_over_the_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"ab")
    (tmp_path / "b").write_bytes(b"c")
    # The first example of FIPS 180-2.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest([tmp_path / "a", tmp_path / "b"]) == expected
    assert digest([tmp_path / "b", tmp_path / "a"]) != expected
