"""The same network served as tutorials do: with FastAPI, and with LitServe.

    python -m benchmarks.service.peers tutorial MODEL PORT
    python -m benchmarks.service.peers litserve MODEL PORT WORKERS THREADS

Both decode the image at full size with Pillow, transform it with torchvision and run TorchScript. The exported network
normalises its input itself. PDFs, which tutorials leave out, are rendered at 200 dpi, the default of pdf2image. Of each
document, only the first page is read.
"""

import base64
import io
import sys
from pathlib import Path
from typing import Any

import litserve
import pypdfium2  # type: ignore[import-untyped]
import torch
import uvicorn
from fastapi import FastAPI, Request
from PIL import Image
from torchvision.transforms import v2 as transforms  # type: ignore[import-untyped]

from benchmarks.service.weights import LABELS, SIDE

_PDF_DPI = 200

_TO_INPUT = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(SIDE), transforms.PILToTensor()])


def _load_page(content: bytes) -> Image.Image:
    if content.startswith(b"%PDF"):
        page: Image.Image = pypdfium2.PdfDocument(content)[0].render(scale=_PDF_DPI / 72).to_pil()
        return page.convert("RGB")
    return Image.open(io.BytesIO(content)).convert("RGB")


def _pixels(content: bytes) -> torch.Tensor:
    tensor: torch.Tensor = _TO_INPUT(_load_page(content))
    return tensor.permute(1, 2, 0).unsqueeze(0)


def _prediction(logits: torch.Tensor) -> dict[str, Any]:
    probabilities = logits.softmax(dim=1)[0].tolist()
    best = max(range(len(LABELS)), key=probabilities.__getitem__)
    return {
        "label": LABELS[best],
        "confidence": probabilities[best],
        "probabilities": dict(zip(LABELS, probabilities, strict=True)),
    }


def tutorial(model: Path) -> FastAPI:
    """Return an app with one process that does everything in the endpoint."""
    app = FastAPI()
    network = torch.jit.load(model)  # type: ignore[no-untyped-call]
    network.eval()

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.post("/predict")
    async def predict(request: Request) -> dict[str, Any]:
        pixels = _pixels(await request.body())
        with torch.inference_mode():
            return _prediction(network(pixels))

    return app


class Api(litserve.LitAPI):  # type: ignore[misc]
    """The same for LitServe. Documents are base64 in JSON, as in its documentation.

    Args:
        model: TorchScript file.
        threads: Torch threads of each worker; 0 for torch's default.
    """

    def __init__(self, model: Path, threads: int) -> None:
        super().__init__()
        self._file = model
        self._threads = threads

    def setup(self, device: str) -> None:
        """Load the network in a worker process."""
        if self._threads:
            torch.set_num_threads(self._threads)
        self._network = torch.jit.load(self._file, map_location=device)  # type: ignore[no-untyped-call]
        self._network.eval()

    def decode_request(self, request: dict[str, str], **_: Any) -> torch.Tensor:
        """Return the network's input for a request."""
        return _pixels(base64.b64decode(request["content"]))

    def predict(self, x: torch.Tensor, **_: Any) -> torch.Tensor:
        """Score one document."""
        with torch.inference_mode():
            logits: torch.Tensor = self._network(x)
        return logits

    def encode_response(self, output: torch.Tensor, **_: Any) -> dict[str, Any]:
        """Return the response for the logits."""
        return _prediction(output)


def main(kind: str, model: str, port: str, workers: str = "1", threads: str = "0") -> None:
    """Serve on the loopback interface until stopped."""
    if kind == "tutorial":
        uvicorn.run(tutorial(Path(model)), host="127.0.0.1", port=int(port), log_level="warning")
    else:
        server = litserve.LitServer(
            Api(Path(model), int(threads)), accelerator="cpu", workers_per_device=int(workers), timeout=120
        )
        server.run(host="127.0.0.1", port=int(port), log_level="warning", generate_client_file=False, num_api_servers=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
