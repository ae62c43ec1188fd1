from pathlib import Path

import numpy as np
import pytest

from training.data import DataError, LabelledDocument, Page
from training.page_groups import group_pages
from training.saved_predictions import load_predictions, match_pages, save_predictions


def _pages(names: list[str]) -> list[Page]:
    return [Page(np.zeros((4, 4), np.uint8), LabelledDocument(Path(name), n % 9)) for n, name in enumerate(names)]


def _probabilities(count: int) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(9), count)


def test_pages_are_matched_by_name_in_any_order(tmp_path: Path) -> None:
    """Each version stores its pages in the order of its folds, and some pages are missing."""
    pages, probabilities = _pages([f"{n}.png" for n in range(20)]), _probabilities(20)
    save_predictions(tmp_path / "a", pages, probabilities)
    save_predictions(tmp_path / "b", pages[:2:-1], probabilities[:2:-1])
    matched = match_pages({version: load_predictions(tmp_path / f"{version}.npz") for version in "ab"})
    assert matched["a"].names == matched["b"].names
    assert len(matched["a"].names) == 17
    assert matched["a"].probabilities == pytest.approx(matched["b"].probabilities)


def test_versions_without_a_common_page_are_rejected(tmp_path: Path) -> None:
    save_predictions(tmp_path / "a", _pages(["1.png"]), _probabilities(1))
    save_predictions(tmp_path / "b", _pages(["2.png"]), _probabilities(1))
    with pytest.raises(DataError, match="no held-out page in common"):
        match_pages({version: load_predictions(tmp_path / f"{version}.npz") for version in "ab"})


def test_missing_predictions_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="train that version first"):
        load_predictions(tmp_path / "c.npz")


def test_pages_of_a_pdf_are_matched_and_grouped(tmp_path: Path) -> None:
    pdf, other = LabelledDocument(Path("a.pdf"), 3), LabelledDocument(Path("b.pdf"), 3)
    pages = [Page(np.zeros((4, 4), np.uint8), document) for document in (pdf, pdf, other, pdf)]
    save_predictions(tmp_path / "a", pages, _probabilities(4))
    names = match_pages({"v1": load_predictions(tmp_path / "a.npz")})["v1"].names
    assert [names[index] for group in group_pages(names) for index in group] == ["3/a.pdf", "3/a.pdf#2", "3/a.pdf#3"]
