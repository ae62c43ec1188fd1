"""Classification of one document: decode it, score its pages, choose the label. Independent of HTTP.

Versions whose inputs have the same `min_side` share the decoding of a document if their requests arrive together.
"""

import threading
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from decoding.batch import BatchDecoder, decode_batches
from decoding.cancellation import CancelCheck, never_cancel
from decoding.errors import DecoderCrashedError, DecoderTimeoutError, DocumentError
from decoding.limits import Limits
from decoding.orientation import turn_pages
from model_service.engine import Scores, ScoringModel
from model_service.errors import DeadlineExceededError, UnknownModelError
from model_service.orientation import Orienter, corrections_of
from model_service.shared_work import Participant, SharedWork

SLOW_AFTER_SECONDS: Final = 2.0
"""Time of decoding, without pauses, after which a document counts as too slow if a patient caller stops waiting.
Next to others, it may get less than the limit of decoding. Ordinary documents take less than half a second."""


class Decoding(Protocol):
    """Decodes documents, like `DecoderPool`."""

    def batch_decoder(
        self, data: bytes, check_cancelled: CancelCheck, *, first: bool
    ) -> AbstractContextManager[BatchDecoder]:
        """Wait until a document can be decoded, before others if `first`, and yield its decoder."""
        ...

    def place_for_decoded(self, check_cancelled: CancelCheck, *, first: bool) -> AbstractContextManager[None]:
        """Wait until a document that is decoded can be processed further, before others if `first`."""
        ...


class DecodingHere:
    """Decodes documents in this process, without waiting."""

    def batch_decoder(
        self,
        _data: bytes,
        _check_cancelled: CancelCheck,
        *,
        first: bool,  # noqa: ARG002
    ) -> AbstractContextManager[BatchDecoder]:
        """Return the decoder."""
        return nullcontext(decode_batches)

    def place_for_decoded(
        self,
        _check_cancelled: CancelCheck,
        *,
        first: bool,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Return at once."""
        return nullcontext()


class UprightPages(NamedTuple):
    """The pages of one document for the versions that share its decoding.

    Attributes:
        pixels: Upright pages for each version, of shape (pages, height, width, 3).
        rotated: By how many degrees each page was turned.
        cropped: Whether each page was cropped.
        truncated: Whether the document has further pages.
        decode_ms: Duration of the decoding.
        orient_ms: Duration of turning the pages upright.
    """

    pixels: Mapping[str, NDArray[np.uint8]]
    rotated: list[int]
    cropped: list[bool]
    truncated: bool
    decode_ms: float
    orient_ms: float


@dataclass(frozen=True, config=ConfigDict(use_attribute_docstrings=True))
class Timings:
    """Duration of the stages in milliseconds."""

    decode: float
    """Decoding the document and preprocessing its pages, here or in a request for another version."""
    infer: float
    """Turning the pages upright, unless a request for another version did, and scoring them."""
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
        decoding: Decodes documents; in this process if None.
        orient: Recognises pages that are not upright. If None, pages are classified as they are.
    """

    def __init__(
        self,
        models: Mapping[str, ScoringModel],
        limits: Limits,
        decoding: Decoding | None = None,
        orient: Orienter | None = None,
    ) -> None:
        self.models: Final = dict(models)
        self.limits: Final = limits
        self.default: Final = next(iter(models))
        self._decoding: Final[Decoding] = decoding or DecodingHere()
        self._orient: Final = orient
        self._shared: Final[SharedWork[UprightPages]] = SharedWork()
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
        sharing = self._sharing(model)
        with self._shared.join(self._key(data, sharing, patient=patient)) as request:
            pages = request.wait(check_cancelled, grace=patient)
            # A request that has waited for the decoding does not lose its place in the queue to later documents.
            first = request.has_waited
            if pages is None:
                with self._decoding.batch_decoder(data, check_cancelled, first=first) as decode, self._count_active():
                    pages = self._decode(decode, data, sharing, limits, check_cancelled, request)
                    scores, infer_ms = self._score(model, pages, check_cancelled, request)
                infer_ms += pages.orient_ms
            else:
                with self._decoding.place_for_decoded(check_cancelled, first=first), self._count_active():
                    scores, infer_ms = self._score(model, pages, check_cancelled, request)
        best = int(scores.probabilities.argmax())
        confidence = float(scores.probabilities[best])
        return Classification(
            model=manifest.version,
            label=manifest.labels[best],
            confidence=confidence,
            probabilities=dict(zip(manifest.labels, scores.probabilities.tolist(), strict=True)),
            abstained=confidence < manifest.abstain_below or _is_unfamiliar(scores),
            familiarity=scores.familiarity,
            pages=len(pages.rotated),
            truncated=pages.truncated,
            rotated=pages.rotated,
            cropped=pages.cropped,
            timings_ms=Timings(
                decode=round(pages.decode_ms, 3), infer=round(infer_ms, 3), total=round(_milliseconds_since(arrived), 3)
            ),
            model_sha256=manifest.sha256,
        )

    def _sharing(self, model: ScoringModel) -> list[ScoringModel]:
        """Return the versions that share the decoding of a document with a version, and the version itself."""
        side = model.manifest.input.min_side
        return [each for each in self.models.values() if each.manifest.input.min_side == side]

    @staticmethod
    def _key(data: bytes, sharing: Sequence[ScoringModel], *, patient: bool) -> Hashable:
        """Return what requests that share a decoding have in common."""
        if len(sharing) == 1:
            return object()  # shared with no other request
        return data, sharing[0].manifest.input.min_side, patient

    def _decode(
        self,
        decode: BatchDecoder,
        data: bytes,
        models: Sequence[ScoringModel],
        limits: Limits,
        check_cancelled: CancelCheck,
        request: Participant[UprightPages],
    ) -> UprightPages:
        """Decode a document and turn its pages upright, for this request and those that wait for it."""
        started = time.perf_counter()
        try:
            batches = decode(data, [each.manifest.input for each in models], limits, check_cancelled)
        except DocumentError as error:
            if not _was_disconnected(error):
                # A crash may have another cause than the document, once.
                request.fail(error, certain=not isinstance(error, DecoderCrashedError))
            raise
        decode_ms = _milliseconds_since(started)
        check_cancelled()
        first, started = batches[0], time.perf_counter()
        rotated = corrections_of(first, self._orient, alone=self._active == 1)
        pages = UprightPages(
            {
                each.manifest.version: turn_pages(batch.pixels, rotated)
                for each, batch in zip(models, batches, strict=True)
            },
            rotated,
            first.cropped,
            first.truncated,
            decode_ms,
            _milliseconds_since(started),
        )
        request.publish(pages)
        return pages

    def _score(
        self,
        model: ScoringModel,
        pages: UprightPages,
        check_cancelled: CancelCheck,
        request: Participant[UprightPages],
    ) -> tuple[Scores, float]:
        """Return the scores of a document, and the duration in milliseconds."""
        check_cancelled()
        started = time.perf_counter()
        alone = self._active == 1 and request.is_single
        scores = model.assess(pages.pixels[model.manifest.version], alone=alone)
        return scores, _milliseconds_since(started)

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


def _milliseconds_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def _was_disconnected(error: DocumentError) -> bool:
    """Return whether a decoding ended because its caller disconnected, which does not concern others."""
    cause = error.__cause__
    return isinstance(error, DecoderTimeoutError) and cause is not None and not isinstance(cause, DeadlineExceededError)
