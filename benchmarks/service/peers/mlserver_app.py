"""MLServer. `python -m benchmarks.service.peers.mlserver_app`.

As it comes, documents are base64 in JSON, by the Open Inference Protocol; tuned, the raw body of a custom handler.
"""

import asyncio
import json
import os
import tempfile
from typing import Annotated, Any

from fastapi import Body
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import Base64Codec, StringCodec
from mlserver.handlers import custom_handler
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.service.peers.classify import classify, configured_classifier, worker_count

_MODULE = "benchmarks.service.peers.mlserver_app"


class Documents(MLModel):  # type: ignore[misc]
    """The network, behind the protocol and behind a custom handler."""

    async def load(self) -> bool:
        """Load the network in a worker process."""
        self._classifier = configured_classifier()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Classify a document of the protocol."""
        (document,) = Base64Codec.decode_input(payload.inputs[0])
        response = json.dumps(classify(self._classifier, document))
        output = StringCodec.encode_output("prediction", [response])
        return InferenceResponse(model_name=self.name, outputs=[output])

    @custom_handler(rest_path="/predict")  # type: ignore[untyped-decorator]
    async def predict_raw(
        self, document: Annotated[bytes, Body(media_type="application/octet-stream")]
    ) -> dict[str, Any]:
        """Classify a document that is the body."""
        return classify(self._classifier, document)


async def serve() -> None:
    """Serve on the loopback interface until stopped."""
    with tempfile.TemporaryDirectory() as metrics:
        settings = Settings(
            host="127.0.0.1",
            http_port=int(os.environ["PORT"]),
            grpc_port=0,
            metrics_port=0,
            metrics_dir=metrics,
            parallel_workers=worker_count(),
            debug=False,
        )
        await MLServer(settings).start([ModelSettings(name="documents", implementation=f"{_MODULE}.Documents")])


if __name__ == "__main__":
    asyncio.run(serve())
