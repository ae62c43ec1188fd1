"""Protects: the label, confidence and pages of a classification."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from decoding.batch import PageBatch, decode_batch
from decoding.cancellation import CancelCheck
from decoding.errors import CorruptDocumentError
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from model_service.classifier import SLOW_AFTER_SECONDS, Classifier
from model_service.engine import load_model
from model_service.errors import UnknownModelError
from tests.support.pages import encode, page, several_pages
from tests.support.tiny_model import LABELS, write_tiny_model


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

    decoded: list[PageBatch] = []

    def decode(data: bytes, preprocessing: Preprocessing, limits: Limits, check_cancelled: CancelCheck) -> PageBatch:
        decoded.append(decode_batch(data, preprocessing, limits, check_cancelled))
        return decoded[0]

    def cancel_after_decoding() -> None:
        if decoded:
            raise CancelledError

    model = classifier.model("v1")
    monkeypatch.setattr(model, "assess", lambda *_, **__: pytest.fail("it was scored"))

    classifier = Classifier({"v1": model}, classifier.limits, lambda *_: nullcontext(decode))
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


@pytest.mark.parametrize(("patient", "slow_after"), [(False, None), (True, SLOW_AFTER_SECONDS)])
def test_slow_documents_of_patient_callers_come_to_an_end(
    classifier: Classifier, patient: bool, slow_after: float | None
) -> None:
    limits: list[Limits] = []

    def decode(data: bytes, preprocessing: Preprocessing, given: Limits, check_cancelled: CancelCheck) -> PageBatch:
        limits.append(given)
        return decode_batch(data, preprocessing, given, check_cancelled)

    recording = Classifier(classifier.models, classifier.limits, lambda *_: nullcontext(decode))
    recording.classify(encode(page(), "PNG"), recording.model("v1"), patient=patient)

    assert [each.slow_after for each in limits] == [slow_after]
