"""A tutorial's app: everything in the endpoint, served by uvicorn. `python -m benchmarks.service.peers.fastapi_app`."""

import os
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from benchmarks.service.peers.classify import classify, configured_classifier, worker_count


def create_app() -> FastAPI:
    """Return the app of one worker."""
    app = FastAPI()
    classifier = configured_classifier()

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.post("/predict")
    async def predict(request: Request) -> dict[str, Any]:
        return classify(classifier, await request.body())

    return app


if __name__ == "__main__":
    uvicorn.run(
        "benchmarks.service.peers.fastapi_app:create_app",
        factory=True,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        workers=worker_count(),
        log_level="warning",
    )
