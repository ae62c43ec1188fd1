"""Protects: the label, confidence and pages of a classification, and one decoding for versions that can share it."""

import gc
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from decoding.batch import BatchDecoder, PageBatches, decode_batches
from decoding.cancellation import CancelCheck
from decoding.errors import (
    CorruptDocumentError,
    DecoderCrashedError,
    DecoderMemoryError,
    DecoderTimeoutError,
    DocumentError,
)
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from model_service.admission import ClientDisconnectedError
from model_service.classifier import SLOW_AFTER_SECONDS, Classification, Classifier, Decoding, DecodingHere
from model_service.engine import Model, load_model
from model_service.errors import DeadlineExceededError, UnknownModelError
from tests.support.pages import encode, page, several_pages
from tests.support.polling import wait_until
from tests.support.tiny_model import LABELS, write_tiny_model

Inputs = Sequence[Preprocessing]


class Decoder(DecodingHere):
    """Decodes documents with a function."""

    def __init__(self, decode: BatchDecoder) -> None:
        self._decode = decode

    def batch_decoder(
        self, _data: bytes, _check_cancelled: CancelCheck, *, first: bool
    ) -> AbstractContextManager[BatchDecoder]:
        return nullcontext(self._decode)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    models = tmp_path_factory.mktemp("models")
    write_tiny_model(models, "v1")
    write_tiny_model(models, "v2", seed=1, abstain_below=1.0)
    return Classifier({v: load_model(models / v) for v in ("v1", "v2")}, Limits(max_pages=2))


def test_the_label_is_the_most_probable_one(classifier: Classifier) -> None:
    prediction = classifier.classify(encode(page(), "PNG"), classifier.model("v1"))

    assert prediction.model == "v1"
    assert tuple(prediction.probabilities) == LABELS
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert prediction.confidence == prediction.probabilities[prediction.label] == max(prediction.probabilities.values())
    assert prediction.model_sha256 == classifier.model("v1").manifest.sha256
    assert (prediction.pages, prediction.truncated) == (1, False)


def test_each_version_has_its_own_threshold_for_abstaining(classifier: Classifier) -> None:
    document = encode(page(), "PNG")

    assert not classifier.classify(document, classifier.model("v1")).abstained
    assert classifier.classify(document, classifier.model("v2")).abstained


def test_version_abstains_from_unfamiliar_documents(tmp_path: Path) -> None:
    for version, threshold in (("v1", 1e-6), ("v2", 1e6)):
        write_tiny_model(tmp_path, version, familiar_norm=threshold)
    classifier = Classifier({v: load_model(tmp_path / v) for v in ("v1", "v2")}, Limits())
    familiar, unfamiliar = (classifier.classify(encode(page(), "PNG"), model) for model in classifier.models.values())

    assert familiar.familiarity is not None
    assert unfamiliar.familiarity is not None
    assert (familiar.familiarity > 1, familiar.abstained) == (True, False)
    assert (unfamiliar.familiarity < 1, unfamiliar.abstained) == (True, True)
    assert familiar.probabilities == unfamiliar.probabilities


def test_pages_that_were_not_read_are_reported(classifier: Classifier) -> None:
    prediction = classifier.classify(several_pages(3, "TIFF"), classifier.model("v1"))

    assert (prediction.pages, prediction.truncated) == (2, True)


def test_a_classification_is_deterministic(classifier: Classifier) -> None:
    document = encode(page(), "JPEG")
    model = classifier.model("v1")

    assert classifier.classify(document, model).probabilities == classifier.classify(document, model).probabilities


def test_the_first_version_is_the_default(classifier: Classifier) -> None:
    assert classifier.model(None) is classifier.model("v1")
    with pytest.raises(UnknownModelError, match="v1, v2"):
        classifier.model("v3")


def test_a_document_cancelled_while_it_is_decoded_is_not_scored(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    class CancelledError(Exception):
        pass

    decoded: list[PageBatches] = []

    def decode(data: bytes, inputs: Inputs, limits: Limits, check_cancelled: CancelCheck) -> PageBatches:
        decoded.append(decode_batches(data, inputs, limits, check_cancelled))
        return decoded[0]

    def cancel_after_decoding() -> None:
        if decoded:
            raise CancelledError

    model = classifier.model("v1")
    monkeypatch.setattr(model, "assess", lambda *_, **__: pytest.fail("it was scored"))

    classifier = Classifier({"v1": model}, classifier.limits, Decoder(decode))
    with pytest.raises(CancelledError):
        classifier.classify(encode(page(), "PNG"), model, check_cancelled=cancel_after_decoding)


def test_a_corrupt_document_is_a_document_error(classifier: Classifier) -> None:
    with pytest.raises(CorruptDocumentError):
        classifier.classify(encode(page(), "PNG")[:900], classifier.model("v1"))


def test_a_page_that_lies_on_its_side_is_scored_like_the_upright_one(classifier: Classifier) -> None:
    upright = page((64, 64))  # twice the size of the input, so that both are reduced to equal pixels
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    model = classifier.model("v1")
    calls: list[bool] = []

    def turn_all(views: NDArray[np.uint8], *, alone: bool = False) -> list[int]:
        calls.append(alone)
        return [90] * len(views)

    turning = Classifier(classifier.models, Limits(), orient=turn_all)

    prediction = turning.classify(encode(lying, "PNG"), model)

    expected = classifier.classify(encode(upright, "PNG"), model).probabilities
    assert prediction.rotated == [90]
    assert calls == [True], "a single document can use all CPUs"
    assert prediction.probabilities == pytest.approx(expected, abs=0.01)
    as_it_lies = classifier.classify(encode(lying, "PNG"), model)
    assert as_it_lies.rotated == [0]
    assert as_it_lies.probabilities != pytest.approx(expected, abs=0.01)


def test_pages_that_are_known_to_be_upright_are_not_looked_at(classifier: Classifier) -> None:
    seen: list[int] = []

    def turn_all(views: NDArray[np.uint8], *, alone: bool = False) -> list[int]:
        seen.append(len(views))
        return [180] * len(views)

    def rotated(upright: list[bool]) -> list[int]:
        def decode(data: bytes, inputs: Inputs, limits: Limits, check_cancelled: CancelCheck) -> PageBatches:
            batches = decode_batches(data, inputs, limits, check_cancelled)
            return tuple(replace(batch, upright=upright) for batch in batches)

        turning = Classifier(classifier.models, Limits(), Decoder(decode), turn_all)
        return turning.classify(several_pages(3, "TIFF"), turning.model("v1")).rotated

    assert rotated([False, True, False]) == [180, 0, 180]
    assert rotated([True, True, True]) == [0, 0, 0]
    assert rotated([]) == [180, 180, 180]
    assert seen == [2, 3]


@pytest.mark.parametrize(("patient", "slow_after"), [(False, None), (True, SLOW_AFTER_SECONDS)])
def test_slow_documents_of_patient_callers_come_to_an_end(
    classifier: Classifier, patient: bool, slow_after: float | None
) -> None:
    limits: list[Limits] = []

    def decode(data: bytes, inputs: Inputs, given: Limits, check_cancelled: CancelCheck) -> PageBatches:
        limits.append(given)
        return decode_batches(data, inputs, given, check_cancelled)

    recording = Classifier(classifier.models, classifier.limits, Decoder(decode))
    recording.classify(encode(page(), "PNG"), recording.model("v1"), patient=patient)

    assert [each.slow_after for each in limits] == [slow_after]


VERSIONS = ("v1", "v2", "v3")


def versions_of_one_page(folder: Path, decode_side: int = 96) -> dict[str, Model]:
    """Return versions of different inputs whose pages are decoded at the same size."""
    colors: list[Literal["rgb", "grey"]] = ["grey", "rgb", "grey"]
    for seed, (version, color) in enumerate(zip(VERSIONS, colors, strict=True)):
        write_tiny_model(folder, version, seed=seed, color=color, size=(32 + 16 * seed, 32), decode_side=decode_side)
    return {version: load_model(folder / version) for version in VERSIONS}


class Together:
    """Requests for all versions of a document, which is decoded once all others wait for the decoding.

    Args:
        models: The versions.
        outcomes: Of each decoding: the error that it raises, or None if it succeeds.
    """

    def __init__(self, models: dict[str, Model], *outcomes: Exception | None) -> None:
        self.models = models
        self.outcomes = list(outcomes)
        self.decodings: list[int] = []
        self._waiting: set[str] = set()

    def decode(self, data: bytes, inputs: Inputs, limits: Limits, check_cancelled: CancelCheck) -> PageBatches:
        wait_until(lambda: len(self._waiting) == len(self.models) - 1)
        self.decodings.append(len(inputs))
        if self.outcomes and (error := self.outcomes.pop(0)):
            raise error
        return decode_batches(data, inputs, limits, check_cancelled)

    def classify(self, document: bytes, decoding: Decoding | None = None) -> list[Classification | DocumentError]:
        """Return the result of each version, or what it raises."""
        classifier = Classifier(self.models, Limits(), decoding or Decoder(self.decode))

        def classify(version: str) -> Classification | DocumentError:
            def check() -> None:
                if not self.decodings:
                    self._waiting.add(version)

            try:
                return classifier.classify(document, self.models[version], check_cancelled=check)
            except DocumentError as error:
                return error

        with ThreadPoolExecutor(len(self.models)) as pool:
            return list(pool.map(classify, self.models))


def test_versions_of_one_page_share_its_decoding(tmp_path: Path) -> None:
    models, document = versions_of_one_page(tmp_path), encode(page((400, 500)), "JPEG")
    together = Together(models)

    results = together.classify(document)

    assert together.decodings == [3]
    for model, result in zip(models.values(), results, strict=True):
        alone = Classifier({model.manifest.version: model}, Limits()).classify(document, model)
        assert isinstance(result, Classification)
        assert result.model == model.manifest.version
        assert result.probabilities == alone.probabilities


def test_versions_of_other_pages_decode_on_their_own(tmp_path: Path) -> None:
    models = versions_of_one_page(tmp_path, decode_side=0)
    decodings: list[int] = []

    def decode(data: bytes, inputs: Inputs, limits: Limits, check_cancelled: CancelCheck) -> PageBatches:
        decodings.append(len(inputs))
        return decode_batches(data, inputs, limits, check_cancelled)

    classifier = Classifier(models, Limits(), Decoder(decode))
    for model in models.values():
        classifier.classify(encode(page((400, 500)), "JPEG"), model)

    assert decodings == [1, 1, 1]


def timeout(cause: Exception | None) -> DecoderTimeoutError:
    error = DecoderTimeoutError("too slow")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        CorruptDocumentError("damaged"),
        DecoderMemoryError("large"),
        timeout(None),
        timeout(DeadlineExceededError("late")),
    ],
    ids=["damaged", "memory", "slow", "slow-at-the-deadline"],
)
def test_what_is_wrong_with_a_document_is_found_once(tmp_path: Path, error: DocumentError) -> None:
    together = Together(versions_of_one_page(tmp_path), error)

    results = together.classify(encode(page(), "PNG"))

    assert [type(result) for result in results] == [type(error)] * 3
    assert together.decodings == [3]


@pytest.mark.parametrize(
    "error",
    [DecoderCrashedError("crashed"), timeout(ClientDisconnectedError())],
    ids=["crash", "disconnected"],
)
def test_what_may_have_another_cause_fails_one_version_only(tmp_path: Path, error: DocumentError) -> None:
    together = Together(versions_of_one_page(tmp_path), error)

    results = together.classify(encode(page(), "PNG"))

    assert sorted(isinstance(result, Classification) for result in results) == [False, True, True]
    assert together.decodings == [3, 3]


def test_a_second_crash_is_that_of_the_document(tmp_path: Path) -> None:
    crash = DecoderCrashedError("crashed")
    together = Together(versions_of_one_page(tmp_path), crash, crash, crash)

    results = together.classify(encode(page(), "PNG"))

    assert [type(result) for result in results] == [DecoderCrashedError] * 3
    assert together.decodings == [3, 3]


def test_a_document_that_cannot_be_read_is_not_kept(classifier: Classifier) -> None:
    """The error, its traceback and the request would otherwise refer to each other, and with them to the document."""

    def references_after_request() -> "weakref.ref[CancelCheck]":
        def check() -> None:
            """Be an argument of the request, like the document."""

        with suppress(CorruptDocumentError):
            classifier.classify(encode(page(), "PNG")[:900], classifier.model("v1"), check_cancelled=check)
        return weakref.ref(check)

    gc.disable()
    try:
        assert references_after_request()() is None
    finally:
        gc.enable()


class Lanes(DecodingHere):
    """Notes which requests wait before all others."""

    def __init__(self, decode: BatchDecoder) -> None:
        self._decode = decode
        self.first: list[bool] = []

    def batch_decoder(
        self, _data: bytes, _check_cancelled: CancelCheck, *, first: bool
    ) -> AbstractContextManager[BatchDecoder]:
        self.first.append(first)
        return nullcontext(self._decode)

    def place_for_decoded(self, _check_cancelled: CancelCheck, *, first: bool) -> AbstractContextManager[None]:
        self.first.append(first)
        return nullcontext()


def test_requests_keep_their_place_in_the_queue(tmp_path: Path) -> None:
    """Those that waited for the decoding go on before later documents."""
    together = Together(versions_of_one_page(tmp_path))
    lanes = Lanes(together.decode)
    together.classify(encode(page(), "PNG"), lanes)

    assert lanes.first[0] is False
    assert lanes.first[1:] == [True, True]
