"""Model services: what they answer, and how their answers fail to arrive."""

import functools
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import urllib3
from urllib3.exceptions import ConnectTimeoutError

from model_service.errors import PROBLEM_NAMESPACE, ServiceError
from model_service.object_address import parse_address
from model_service.stored_objects import StoredObjects
from testkit.simulation.aws import Client, World
from testkit.simulation.bucket import BucketClient, SimulatedBucket
from testkit.simulation.scenario import NewWeights

_LABELS = ("invoice", "letter", "receipt")
OVERLOADED = 503, b"{}"
"""The response of a version that has too many requests."""
_MAX_BYTES = 20 * 1024 * 1024


@functools.cache
def true_prediction(version: str, weights: str, content: bytes) -> Mapping[str, Any]:
    """Return what a version with these weights predicts for a document."""
    digest = hashlib.sha256(b"%s %s " % (version.encode(), weights.encode()) + content).digest()
    label = _LABELS[digest[0] % 3]
    confidence = round(0.4 + digest[1] / 256 * 0.59, 4)
    others = {name: round((1 - confidence) / 2, 6) for name in _LABELS if name != label}
    return {
        "model": version,
        "model_sha256": f"{version}-{weights}",
        "label": label,
        "confidence": confidence,
        "probabilities": {label: confidence, **others},
        "abstained": confidence < 0.5,
        "pages": 1,
        "timings_ms": {"decode": 5.0},
    }


@functools.cache
def _answer(version: str, weights: str, content: bytes, fault: str) -> tuple[int, bytes]:
    """Return status and body of the response."""
    if fault == "overloaded":
        return OVERLOADED
    if fault == "error":
        return 500, b"Traceback (most recent call last):"
    if fault == "rejects" or content.startswith(b"unreadable"):
        return 422, json.dumps({"type": "/problems/corrupt-document", "detail": "The document is damaged."}).encode()
    prediction = true_prediction(version, weights, content)
    if fault == "lying":
        prediction = {**prediction, "confidence": 1.0, "probabilities": dict.fromkeys(_LABELS, 1.0)}
    if fault == "other-model":
        prediction = true_prediction("v9", weights, content)
    body = json.dumps(prediction).encode()
    return 200, body[: len(body) // 2] if fault == "truncated" else body


class _Response:
    """The part of a response of urllib3 that the orchestrator uses."""

    headers: Mapping[str, str] = {}

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self._body = io.BytesIO(body)

    def read1(self, size: int, *, decode_content: bool) -> bytes:  # noqa: ARG002
        """Return the next part of the body."""
        return self._body.read(size)

    def __enter__(self) -> "_Response":
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is no connection."""


class _Pieces(io.BytesIO):
    """The body of an object, in pieces."""

    iter_chunks = io.BytesIO.readlines


class _Objects:
    """The bucket as a service reads it.

    Args:
        client: Client of the bucket.
    """

    def __init__(self, client: BucketClient) -> None:
        self._client = client

    def get_object(self, **request: str) -> dict[str, Any]:
        """Read an object."""
        response = self._client.get_object(**request)
        return response | {"Body": _Pieces(response["Body"].read())}


class ServiceSession:
    """All model services, with the interface of a pool of connections.

    Args:
        world: The world.
        rollouts: When versions get new weights.
        bucket: The inbox.
        name: Name of the inbox.
    """

    def __init__(self, world: World, rollouts: tuple[NewWeights, ...], bucket: SimulatedBucket, name: str) -> None:
        self._world, self._rollouts = world, rollouts
        s3 = _Objects(BucketClient(bucket, Client(world, "bucket", attempts=2)))
        self._objects = StoredObjects(cast(Any, s3), [name], _MAX_BYTES)
        self._calls = 0

    def request(self, _method: str, url: str, *, body: Any, timeout: urllib3.Timeout, **_: Any) -> _Response:
        """Answer a request for a prediction, or fail."""
        try:
            return _Response(*self.respond(url.split("/")[-2], body.read, timeout.read_timeout or 0.0))
        except ConnectionRefusedError as error:
            raise ConnectTimeoutError(str(error)) from error
        except TimeoutError as error:
            raise urllib3.exceptions.TimeoutError(str(error)) from error

    def respond(self, version: str, read: Callable[[], bytes], timeout: float) -> tuple[int, bytes]:
        """Return status and body of a version's response.

        Args:
            version: The version.
            read: Returns the document, or its address.
            timeout: Seconds after which the caller gives up.

        Raises:
            ConnectionRefusedError: The version is down.
            TimeoutError: The caller gives up.
        """
        scheduler = self._world.scheduler
        fault = self._world.fault("model", version, "models")
        if fault.kind == "kill":
            self._world.kill()
        if fault.kind == "unreachable":
            scheduler.pause(0.005)
            raise ConnectionRefusedError("connection refused")
        if fault.kind == "hang" or fault.seconds > timeout:
            scheduler.pause(timeout)
            raise TimeoutError("timed out")
        content = read()
        if content.startswith(b'{"bucket"'):
            try:
                content = self._objects.read(parse_address(content), lambda: None)
            except ServiceError as error:
                return error.status, json.dumps({"type": PROBLEM_NAMESPACE + error.problem, "detail": "no"}).encode()
        scheduler.pause(fault.seconds)
        return _answer(version, self._weights(version), content, fault.kind)

    def _weights(self, version: str) -> str:
        """Return the weights of the task that answers: during a rollout, old and new ones take turns."""
        self._calls += 1
        now = self._world.scheduler.now
        for rollout in self._rollouts:
            if rollout.version == version and now >= rollout.at and (now >= rollout.until or self._calls % 2):
                return "new"
        return "old"
