"""LitServe. `python -m benchmarks.service.peers.litserve_app`.

As it comes, documents are base64 in JSON, as in its documentation; tuned, the raw body.
"""

import base64
import os
from typing import Any

import litserve
import numpy as np
from fastapi import Request
from numpy.typing import NDArray

from benchmarks.service.peers.classify import configured_classifier, configured_way, prediction, worker_count


class _Api(litserve.LitAPI):  # type: ignore[misc]
    def setup(self, _device: str) -> None:
        self._classifier = configured_classifier()

    def predict(self, x: NDArray[np.uint8], **_: Any) -> NDArray[np.float32]:
        return self._classifier.logits(x)

    def encode_response(self, output: NDArray[np.float32], **_: Any) -> dict[str, Any]:
        return prediction(output)


class JsonApi(_Api):
    """Receives base64 in JSON."""

    def decode_request(self, request: dict[str, str], **_: Any) -> NDArray[np.uint8]:
        """Return the network's input."""
        return self._classifier.pixels(base64.b64decode(request["content"]))


class FormApi(_Api):
    """Receives a form with a file."""

    def decode_request(self, request: Request, **_: Any) -> NDArray[np.uint8]:
        """Return the network's input."""
        return self._classifier.pixels(request["document"].file.read())


if __name__ == "__main__":
    server = litserve.LitServer(
        JsonApi() if configured_way() == "tutorial" else FormApi(),
        accelerator="cpu",
        workers_per_device=worker_count(),
        timeout=120,
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        log_level="warning",
        generate_client_file=False,
        num_api_servers=1,
    )
