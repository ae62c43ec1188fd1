"""One document to one prediction: decode, score, answer. The core of the service, free of transport."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from decoding.batch import BatchDecoder, decode_batch
from decoding.cancellation import CancelCheck, never_cancel
from decoding.limits import Limits
from model_service.engine import Model
from model_service.errors import UnknownModelError


@dataclass(frozen=True, config=ConfigDict(use_attribute_docstrings=True))
class Timings:
    """Where the time went, in milliseconds."""

    decode: float
    """Reading the document's pages and bringing them to the model's input."""
    infer: float
    """Scoring them."""
    total: float
    """From the arrival of the request to its answer, upload and waiting included."""


@dataclass(frozen=True, config=ConfigDict(use_attribute_docstrings=True))
class Classification:
    """What one model version says of one document."""

    model: str
    """The version that answered."""
    label: str
    """The most probable label."""
    confidence: float
    """Its calibrated probability."""
    probabilities: dict[str, float]
    """Of every label, sum 1."""
    abstained: bool
    """The confidence is below the version's threshold: better let a person look."""
    pages: int
    """Pages that were read and scored."""
    truncated: bool
    """The document has further pages, which were not read."""
    timings_ms: Timings
    """Where the time went."""
    model_sha256: str
    """Identity of the weights: the hash of graph and weights."""


class Classifier:
    """The model versions that this process serves.

    Args:
        models: By version; the first is the default.
        limits: Bounds on one document.
        decode: Decodes documents; `decode_batch` does so in this process.
    """

    def __init__(self, models: Mapping[str, Model], limits: Limits, decode: BatchDecoder = decode_batch) -> None:
        self.models: Final = dict(models)
        self.limits: Final = limits
        self._decode: Final = decode
        self._in_work = 0
        self._lock: Final = threading.Lock()
        self.default: Final = next(iter(models))

    def model(self, version: str | None) -> Model:
        """The model of a version, the default one if None.

        Raises:
            UnknownModelError: If this process does not serve it.
        """
        try:
            return self.models[version or self.default]
        except KeyError:
            served = ", ".join(self.models)
            raise UnknownModelError(f"Model {version!r} is not served here, but {served}.") from None

    def classify(
        self, data: bytes, model: Model, *, since: float | None = None, check_cancelled: CancelCheck = never_cancel
    ) -> Classification:
        """Classify a document.

        Args:
            data: The document.
            model: Who is asked.
            since: `time.perf_counter()` when the request arrived; now, if None.
            check_cancelled: Called between pages and stages; what it raises abandons the work.

        Raises:
            DocumentError: If the document cannot be read.
        """
        started = time.perf_counter()
        manifest = model.manifest
        with self._counted():
            document = self._decode(data, manifest.input, self.limits, check_cancelled)
            decoded = time.perf_counter()
            check_cancelled()
            scores = model.score(document.pixels, alone=self._in_work == 1)
            scored = time.perf_counter()
        best = int(scores.argmax())
        confidence = float(scores[best])
        return Classification(
            model=manifest.version,
            label=manifest.labels[best],
            confidence=confidence,
            probabilities=dict(zip(manifest.labels, scores.tolist(), strict=True)),
            abstained=confidence < manifest.abstain_below,
            pages=len(document.pixels),
            truncated=document.truncated,
            timings_ms=Timings(
                decode=_ms(decoded - started),
                infer=_ms(scored - decoded),
                total=_ms(scored - (started if since is None else since)),
            ),
            model_sha256=manifest.sha256,
        )

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._in_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_work -= 1


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
