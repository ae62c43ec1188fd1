"""Protects: probabilities follow from pixels, graph and temperature, independent of concurrent calls."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
import pytest
from numpy.typing import NDArray
from openvino import opset13

from model_service.engine import Model, add_feature_norm, aggregate_pages, load_model
from model_service.errors import ManifestError, ModelLoadError
from model_service.inference import MAX_BATCH
from model_service.manifest import FILE_NAME, load, load_files
from tests.support.tiny_model import LABELS, write_tiny_model


def random_pages(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    write_tiny_model(tmp_path)
    return load_model(tmp_path / "v1", concurrency=2)


def test_scores_are_a_probability_distribution(model: Model) -> None:
    scores = model.score(random_pages(1))

    assert scores.shape == (len(LABELS),)
    assert scores.sum() == pytest.approx(1)
    assert (scores >= 0).all()


def test_familiarity_is_the_norm_of_the_features_relative_to_its_threshold(tmp_path: Path) -> None:
    for version, threshold in (("v1", 1.0), ("v2", 4.0), ("v3", None)):
        write_tiny_model(tmp_path, version, familiar_norm=threshold)
    models = [load_model(tmp_path / version) for version in ("v1", "v2", "v3")]
    grey = np.full((1, 32, 32, 3), 127, np.uint8)  # almost the mean, so that the features are almost zero
    white = np.full((1, 32, 32, 3), 255, np.uint8)
    expected = np.sqrt(4 * 4 * 3) * (255 - 127.5) / 63.75

    one, four, without = (model.assess(white) for model in models)

    assert one.familiarity == pytest.approx(expected, rel=1e-5)
    assert four.familiarity == pytest.approx(expected / 4, rel=1e-5)
    assert without.familiarity is None
    np.testing.assert_array_equal(one.probabilities, without.probabilities)
    faint = models[0].assess(grey).familiarity
    assert faint is not None
    assert faint < 0.1
    both = models[0].assess(np.concatenate([white, grey])).familiarity
    assert both == pytest.approx(0.5 * expected + 0.5 * (expected + faint) / 2, rel=1e-5)


def test_graph_whose_last_layer_is_not_linear_has_no_norm() -> None:
    page = opset13.parameter([1, 3], name="page")
    with pytest.raises(ModelLoadError, match="Softmax"):
        add_feature_norm(ov.Model([opset13.softmax(page, 1)], [page]))


def test_the_temperature_divides_the_logits(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, "v1", temperature=1)
    write_tiny_model(tmp_path, "v2", temperature=2)
    page = random_pages(1)

    plain = load_model(tmp_path / "v1").score(page)
    tempered = load_model(tmp_path / "v2").score(page)

    expected = np.sqrt(plain) / np.sqrt(plain).sum()
    np.testing.assert_allclose(tempered, expected, rtol=1e-5)


def test_a_long_document_is_scored_in_several_passes(model: Model) -> None:
    pages = random_pages(2 * MAX_BATCH + 3)

    each = np.concatenate([model.score(page[np.newaxis])[np.newaxis] for page in pages])

    np.testing.assert_allclose(model.score(pages), aggregate_pages(each), rtol=1e-5)


def test_the_first_page_has_the_same_weight_as_the_mean_of_all_pages(model: Model) -> None:
    pages = random_pages(3)
    alone = [model.score(page[np.newaxis]) for page in pages]

    scores = model.score(pages)

    np.testing.assert_allclose(scores, (alone[0] + np.mean(alone, axis=0)) / 2, rtol=1e-5)
    assert scores.sum() == pytest.approx(1)
    assert not np.allclose(scores, model.score(pages[::-1]))


def test_concurrent_calls_do_not_mix_their_results(model: Model) -> None:
    documents = [random_pages(1 + seed % 3, seed) for seed in range(40)]
    alone = [model.score(document) for document in documents]

    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(model.score, documents))

    np.testing.assert_allclose(at_once, alone, rtol=1e-5)


def test_a_call_that_is_alone_has_the_same_result(model: Model) -> None:
    for seed in range(20):
        pages = random_pages(1 + seed % 3, seed)

        np.testing.assert_array_equal(model.score(pages, alone=True), model.score(pages))


def test_large_logits_do_not_overflow(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, temperature=1e-4)

    scores = load_model(tmp_path / "v1").score(random_pages(1))

    assert np.isfinite(scores).all()
    assert scores.sum() == pytest.approx(1)


def test_a_folder_with_the_manifest_of_another_version_is_rejected(tmp_path: Path) -> None:
    write_tiny_model(tmp_path)
    (tmp_path / "v1").rename(tmp_path / "v7")

    with pytest.raises(ModelLoadError, match="names the version 'v1'"):
        load_model(tmp_path / "v7")


def test_a_graph_that_does_not_match_its_manifest_is_rejected(tmp_path: Path) -> None:
    write_tiny_model(tmp_path)
    path = tmp_path / "v1" / FILE_NAME
    valid = path.read_text()

    path.write_text(valid.replace('"width": 32', '"width": 64'))
    with pytest.raises(ModelLoadError, match="the graph's input is"):
        load_model(tmp_path / "v1")
    path.write_text(valid.replace('"form",', ""))
    with pytest.raises(ModelLoadError, match="9 outputs for 8 labels"):
        load_model(tmp_path / "v1")


def test_an_invalid_graph_is_rejected(tmp_path: Path) -> None:
    manifest = write_tiny_model(tmp_path)
    files = load_files(tmp_path / "v1")

    with pytest.raises(ModelLoadError, match="v1: the graph cannot run"):
        Model(type(files)(manifest, b"<net/>", files.weights))


def test_the_error_for_a_missing_version_names_it(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="v9"):
        load_model(tmp_path / "v9")
    with pytest.raises(ManifestError, match="v9"):
        load(tmp_path / "v9")
