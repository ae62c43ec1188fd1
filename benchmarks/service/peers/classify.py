"""The classification of a document by the peers, in four ways.

- `tutorial`: full decoding with Pillow, transforms of torchvision, and TorchScript, as in the servers' tutorials.
- `tuned`: the same pixels, with OpenVINO on one thread for each worker, and without torch.
- `scaled`: in addition, the page is decoded no larger than necessary, as far as Pillow and PDFium offer it.
- `together`: in addition, three networks score the page, which was decoded once, in one request.

The exported network normalises its input itself. PDFs, which tutorials leave out, are rendered at 200 dpi, the default
of pdf2image. Of each document, only the first page is read.
"""

import io
import os
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image

from benchmarks.service.network import LABELS, SIDE, TORCHSCRIPT

NETWORK_VARIABLE: Final = "PEER_NETWORK"
"""Environment variable: the folder of the network in all formats."""
WAY_VARIABLE: Final = "PEER_WAY"
"""Environment variable: `tutorial`, `tuned`, `scaled` or `together`."""
NETWORKS: Final = {"tutorial": 1, "tuned": 1, "scaled": 1, "together": 3}
"""How many networks score a document in a request, by way. They are the same, and so is their output."""

_RESIZED: Final = 256
"""Short side before the centre is cut out, as torchvision's reference transforms do."""
_PDF_DPI: Final = 200
_POINTS_PER_INCH: Final = 72


class Classifier(Protocol):
    """Classifies one document."""

    def pixels(self, document: bytes) -> NDArray[np.uint8]:
        """Return the network's input, shape (1, SIDE, SIDE, 3)."""

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the network's output, shape (1, labels)."""


class TutorialClassifier:
    """Full decoding, torchvision and TorchScript.

    Args:
        folder: Folder of the network.
    """

    def __init__(self, folder: Path) -> None:
        import torch
        from torchvision.transforms import v2 as transforms  # type: ignore[import-untyped]

        self._torch = torch
        self._network = torch.jit.load(folder / TORCHSCRIPT, map_location="cpu")  # type: ignore[no-untyped-call]
        self._network.eval()
        self._transform = transforms.Compose(
            [transforms.Resize(_RESIZED), transforms.CenterCrop(SIDE), transforms.PILToTensor()]
        )

    def pixels(self, document: bytes) -> NDArray[np.uint8]:
        """Return the network's input, shape (1, SIDE, SIDE, 3)."""
        tensor = self._transform(_load_page(document))
        pixels: NDArray[np.uint8] = tensor.permute(1, 2, 0).unsqueeze(0).numpy()
        return pixels

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the network's output, shape (1, labels)."""
        with self._torch.inference_mode():
            logits: NDArray[np.float32] = self._network(self._torch.from_numpy(pixels)).numpy()
        return logits


class TunedClassifier:
    """OpenVINO on one thread, and Pillow alone.

    Args:
        folder: Folder of the network.
        scaled: Whether pages are decoded no larger than necessary.
        networks: How many networks score a page.
    """

    def __init__(self, folder: Path, *, scaled: bool = False, networks: int = 1) -> None:
        import openvino  # type: ignore[import-untyped]

        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        core = openvino.Core()
        self._requests = [
            core.compile_model(folder / "model.xml", "CPU", config).create_infer_request() for _ in range(networks)
        ]
        self._load = _load_small_page if scaled else _load_page

    def pixels(self, document: bytes) -> NDArray[np.uint8]:
        """Return the network's input, shape (1, SIDE, SIDE, 3)."""
        page = self._load(document)
        short = min(page.size)
        width, height = (int(side * _RESIZED / short) for side in page.size)
        page = page.resize((width, height), Image.Resampling.BILINEAR).convert("RGB")
        left, top = round((width - SIDE) / 2), round((height - SIDE) / 2)
        return np.asarray(page.crop((left, top, left + SIDE, top + SIDE)))[None]

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the network's output, shape (1, labels)."""
        for request in self._requests:
            request.infer([pixels])
        logits: NDArray[np.float32] = self._requests[-1].get_output_tensor(0).data
        return logits


def create_classifier(folder: Path, way: str) -> Classifier:
    """Load the network in one of the four ways."""
    if way == "tutorial":
        return TutorialClassifier(folder)
    return TunedClassifier(folder, scaled=way in {"scaled", "together"}, networks=NETWORKS[way])


def configured_classifier() -> Classifier:
    """Load the network as the environment variables specify."""
    return create_classifier(Path(os.environ[NETWORK_VARIABLE]), configured_way())


def configured_way() -> str:
    """Return the way that the environment variable specifies."""
    return os.environ[WAY_VARIABLE]


def worker_count() -> int:
    """Return the number of workers: one, as the servers do by default, or one for each core."""
    return 1 if configured_way() == "tutorial" else len(os.sched_getaffinity(0))


def classify(classifier: Classifier, document: bytes) -> dict[str, Any]:
    """Return the response for a document."""
    return prediction(classifier.logits(classifier.pixels(document)))


def prediction(logits: NDArray[np.float32]) -> dict[str, Any]:
    """Return the response for the logits of one document."""
    exponentials = np.exp(logits[0].astype(np.float64) - logits.max())
    probabilities = (exponentials / exponentials.sum()).tolist()
    best = int(np.argmax(probabilities))
    return {
        "label": LABELS[best],
        "confidence": probabilities[best],
        "probabilities": dict(zip(LABELS, probabilities, strict=True)),
    }


def _load_page(document: bytes) -> Image.Image:
    if document.startswith(b"%PDF"):
        page: Image.Image = pypdfium2.PdfDocument(document)[0].render(scale=_PDF_DPI / _POINTS_PER_INCH).to_pil()
        return page.convert("RGB")
    return Image.open(io.BytesIO(document)).convert("RGB")


def _load_small_page(document: bytes) -> Image.Image:
    """Return the page at the smallest size that its decoder offers and that is large enough."""
    if document.startswith(b"%PDF"):
        first = pypdfium2.PdfDocument(document)[0]
        page: Image.Image = first.render(scale=_RESIZED / min(first.get_size())).to_pil()
        return page
    image = Image.open(io.BytesIO(document))
    image.draft(None, (_RESIZED, _RESIZED))  # of JPEGs: the inverse DCT at 1/8, 1/4 or 1/2
    grey = image.convert("L") if image.mode == "1" else image
    return grey.reduce(max(1, min(grey.size) // (2 * _RESIZED)))
