"""Ray Serve, with documents as the raw body. `python -m benchmarks.service.peers.ray_app`.

As it comes, Ray gives its one replica one thread; tuned, there is a replica for each core, and no dashboard.
"""

import os
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from benchmarks.service.peers.classify import classify, configured_classifier, configured_way, worker_count


class Replica:
    """One copy of the network."""

    def __init__(self) -> None:
        self._classifier = configured_classifier()

    async def __call__(self, request: Request) -> Any:
        """Classify a document; answer GET, by which the benchmark recognises readiness."""
        return "ok" if request.method == "GET" else classify(self._classifier, await request.body())


if __name__ == "__main__":
    ray.init(include_dashboard=configured_way() == "tutorial", configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    deployment = serve.deployment(num_replicas=worker_count(), max_ongoing_requests=100)(Replica)
    serve.run(deployment.bind(), route_prefix="/predict", blocking=True)
