"""Classification of one document: decode it, score its pages, choose the label. Independent of HTTP."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Final

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from decoding.batch import BatchDecoder, decode_batch
from decoding.cancellation import CancelCheck, never_cancel
from decoding.limits import Limits
from decoding.orientation import turn_pages
from model_service.engine import Scores, ScoringModel
from model_service.errors import UnknownModelError
from model_service.orientation import Orienter

Decoding = Callable[[bytes, CancelCheck], AbstractContextManager[BatchDecoder]]
"""A function like `DecoderPool.batch_decoder`, which waits until a document can be decoded and yields its decoder."""

SLOW_AFTER_SECONDS: Final = 2.0
"""Time of decoding, without pauses, after which a document counts as too slow if a patient caller stops waiting.
Next to others, it may get less than the limit of decoding. Ordinary documents take less than half a second."""


def decode_here(_data: bytes, _check_cancelled: CancelCheck) -> AbstractContextManager[BatchDecoder]:
    """Return a decoder that works in this process."""
    return nullcontext(decode_batch)


@dataclass(frozen=True, config=ConfigDict(use_attribute_docstrings=True))
class Timings:
    """Duration of the stages in milliseconds."""

    decode: float
    """Decoding the document and preprocessing its pages."""
    infer: float
    """Turning the pages upright and scoring them."""
    total: float
    """From the arrival of the request to the result, upload and waiting included."""


@dataclass(frozen=True, config=ConfigDict(use_attribute_docstrings=True))
class Classification:
    """The result of one model version for one document."""

    model: str
    """The version."""
    label: str
    """The most probable label."""
    confidence: float
    """The calibrated probability of the label."""
    probabilities: dict[str, float]
    """The calibrated probability of every label; their sum is 1."""
    abstained: bool
    """Whether confidence or familiarity are below the version's threshold, so that the document should be reviewed."""
    familiarity: float | None
    """How familiar the document is: below 1, it resembles few of the pages that the version was trained on. Null if the
    version has no threshold for it."""
    pages: int
    """Number of pages that were scored."""
    truncated: bool
    """Whether the document has further pages, which were not read."""
    rotated: list[int]
    """By how many degrees each page was turned clockwise to be upright: 0, 90, 180 or 270."""
    cropped: list[bool]
    """Whether each page was cropped from a photograph that shows more than the page."""
    timings_ms: Timings
    """Duration of the stages in milliseconds."""
    model_sha256: str
    """Hash of the version's graph and weights."""


class Classifier:
    """The model versions that this process serves. Safe to use from several threads.

    Args:
        models: The models by version; the first is the default.
        limits: Bounds on one document.
        decoding: Decodes documents. The default does so in this process.
        orient: Recognises pages that are not upright. If None, pages are classified as they are.
    """

    def __init__(
        self,
        models: Mapping[str, ScoringModel],
        limits: Limits,
        decoding: Decoding = decode_here,
        orient: Orienter | None = None,
    ) -> None:
        self.models: Final = dict(models)
        self.limits: Final = limits
        self.default: Final = next(iter(models))
        self._decoding: Final = decoding
        self._orient: Final = orient
        self._active = 0
        self._lock: Final = threading.Lock()

    def model(self, version: str | None) -> ScoringModel:
        """Return the model of a version, or the default model if None.

        Raises:
            UnknownModelError: If this process does not serve the version.
        """
        try:
            return self.models[version or self.default]
        except KeyError:
            served = ", ".join(self.models)
            raise UnknownModelError(f"Model {version!r} is not served here. Served: {served}.") from None

    def classify(
        self,
        data: bytes,
        model: ScoringModel,
        *,
        since: float | None = None,
        check_cancelled: CancelCheck = never_cancel,
        patient: bool = False,
    ) -> Classification:
        """Classify a document.

        Args:
            data: The document.
            model: The model to use.
            since: `time.perf_counter()` at the arrival of the request; now, if None.
            check_cancelled: Called between pages and stages.
            patient: Whether the caller waits longer than the limit of decoding, and needs a final result: if it stops
                waiting even then, a slow document is an error.

        Raises:
            DocumentError: If the document cannot be read.
            DecoderUnavailableError: If no decoder process is available.
        """
        manifest = model.manifest
        arrived = time.perf_counter() if since is None else since
        limits = replace(self.limits, slow_after=SLOW_AFTER_SECONDS) if patient else self.limits
        with self._decoding(data, check_cancelled) as decode, self._count_active():
            started = time.perf_counter()
            batch = decode(data, manifest.input, limits, check_cancelled)
            decoded = time.perf_counter()
            check_cancelled()
            alone = self._active == 1
            rotated = list(self._orient(batch.views, alone=alone)) if self._orient else [0] * len(batch.views)
            scores = model.assess(turn_pages(batch.pixels, rotated), alone=alone)
            scored = time.perf_counter()
        best = int(scores.probabilities.argmax())
        confidence = float(scores.probabilities[best])
        return Classification(
            model=manifest.version,
            label=manifest.labels[best],
            confidence=confidence,
            probabilities=dict(zip(manifest.labels, scores.probabilities.tolist(), strict=True)),
            abstained=confidence < manifest.abstain_below or _is_unfamiliar(scores),
            familiarity=scores.familiarity,
            pages=len(batch.pixels),
            truncated=batch.truncated,
            rotated=rotated,
            cropped=batch.cropped,
            timings_ms=Timings(
                decode=_milliseconds(decoded - started),
                infer=_milliseconds(scored - decoded),
                total=_milliseconds(scored - arrived),
            ),
            model_sha256=manifest.sha256,
        )

    @contextmanager
    def _count_active(self) -> Iterator[None]:
        with self._lock:
            self._active += 1
        try:
            yield
        finally:
            with self._lock:
                self._active -= 1


def _is_unfamiliar(scores: Scores) -> bool:
    return scores.familiarity is not None and scores.familiarity < 1


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
