"""Protects: pages that are not upright get the verdict of their upright copies, which are not turned."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decoding.isolation.pool import DecoderPool
from decoding.orientation import orientation_view, turn_page
from decoding.reader import decode_pages
from model_service.app import load_classifier
from model_service.classifier import Classification, Classifier
from model_service.orientation import OrientationNetwork, UprightScreen, load_orienter
from model_service.settings import ServiceSettings
from records.outcomes import Prediction
from records.record import Verdict
from records.verdict import combine
from tests.support.pages import encode
from tests.support.samples import READABLE, sample

VERSIONS = ("v1", "v2", "v3")
MODELS = Path(__file__).parents[3] / "models"
# Where the image of a scanner has the top of the page, by its rotation.
TURNED = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    settings = ServiceSettings(models_dir=MODELS, models=VERSIONS, workers=1)
    with DecoderPool(1) as decoders:
        yield load_classifier(settings, decoders)


def classify(classifier: Classifier, document: bytes) -> dict[str, Classification]:
    return {version: classifier.classify(document, classifier.model(version)) for version in VERSIONS}


def verdict(results: dict[str, Classification]) -> Verdict:
    predictions = {
        version: Prediction(
            r.label, r.confidence, r.probabilities, r.abstained, r.pages, r.model_sha256, 0.0, rotated=tuple(r.rotated)
        )
        for version, r in results.items()
    }
    combined = combine(predictions)
    assert combined is not None
    return combined


def turned(name: str, angle: int) -> bytes:
    """Return a copy of a sample that a scanner would make of its pages, if they were turned clockwise."""
    pages = [page.transpose(TURNED[angle]) for page in decode_pages(sample(name).read_bytes(), min_side=700)]
    return encode(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")


@pytest.mark.parametrize("name", READABLE)
def test_a_turned_sample_has_the_verdict_of_the_upright_one(classifier: Classifier, name: str) -> None:
    upright = classify(classifier, sample(name).read_bytes())
    assert all(not any(result.rotated) for result in upright.values())

    for angle in TURNED:
        results = classify(classifier, turned(name, angle))

        assert {tuple(result.rotated) for result in results.values()} == {(360 - angle,) * upright["v1"].pages}
        # A doubtful verdict may be a tie, which pixels that were resampled decide.
        assert verdict(results).label == verdict(upright).label or verdict(upright).needs_review


def test_pages_of_one_document_are_turned_one_by_one(classifier: Classifier) -> None:
    [first] = decode_pages(sample("letter.tif").read_bytes(), min_side=700)
    document = encode(
        first, "TIFF", save_all=True, append_images=[first.transpose(TURNED[180])], compression="tiff_lzw"
    )

    assert classify(classifier, document)["v3"].rotated == [0, 180]


def test_the_turn_of_a_page_does_not_depend_on_the_number_of_cpus() -> None:
    [upright] = decode_pages(sample("letter.tif").read_bytes(), min_side=700)
    views = np.stack([orientation_view(turn_page(upright, angle)) for angle in (0, 90, 180, 270)])
    orient = load_orienter(concurrency=2)

    assert orient(views) == orient(views, alone=True) == [0, 270, 180, 90]


@pytest.mark.parametrize("kind", ["blank", "noise", "stripes"])
def test_a_page_without_a_recognisable_orientation_is_not_turned(kind: str) -> None:
    views = {
        "blank": np.full((4, 224, 224), 255, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 256, (4, 224, 224), np.uint8),
        "stripes": np.tile(np.array([0, 255] * 112, np.uint8), (4, 224, 1)),
    }[kind]

    assert OrientationNetwork().corrections(views) == [0, 0, 0, 0]
    assert not UprightScreen().certainly_upright(views).any()


def test_most_upright_samples_cost_one_pass_of_the_small_network_and_no_turned_one_passes_it() -> None:
    views = np.stack(
        [
            orientation_view(turn_page(page, angle))
            for name in READABLE
            for page in decode_pages(sample(name).read_bytes(), min_side=700)
            for angle in (0, 90, 180, 270)
        ]
    )
    upright, *turned = UprightScreen().certainly_upright(views).reshape(-1, 4).T

    assert upright.mean() > 0.5
    assert not np.any(turned)
