from pathlib import Path

import numpy as np
import pytest

from tests.support.tiny_model import LABELS, write_tiny_model
from training.data import DataError, Document, Page
from training.metrics import softmax
from training.vote import (
    CARD,
    FILE,
    PICTURE,
    SERVED,
    common,
    documents,
    keep_answers,
    pages_combined,
    read_answers,
    write_vote,
)


def _pages(names: list[str]) -> list[Page]:
    return [Page(np.zeros((4, 4), np.uint8), Document(Path(name), n % 9, "somebody")) for n, name in enumerate(names)]


def _probabilities(count: int, seed: int) -> np.ndarray:
    """Answers that lean towards the right label."""
    logits = np.random.default_rng(seed).normal(size=(count, 9))
    logits[np.arange(count), np.arange(count) % 9] += 2
    return softmax(logits)


def test_versions_are_matched_by_page_whatever_the_order(tmp_path: Path) -> None:
    """Folds are dealt per version: the same page stands elsewhere in each file, and some are missing."""
    pages, said = _pages([f"{n}.png" for n in range(20)]), _probabilities(20, 0)
    keep_answers(tmp_path / "a", pages, said)
    keep_answers(tmp_path / "b", pages[:2:-1], said[:2:-1])
    both = common({v: read_answers(tmp_path / f"{v}.npz") for v in "ab"})
    assert both["a"].names == both["b"].names
    assert len(both["a"].names) == 17
    assert both["a"].probabilities == pytest.approx(both["b"].probabilities)


def test_versions_without_a_page_in_common_are_refused(tmp_path: Path) -> None:
    keep_answers(tmp_path / "a", _pages(["1.png"]), _probabilities(1, 0))
    keep_answers(tmp_path / "b", _pages(["2.png"]), _probabilities(1, 0))
    with pytest.raises(DataError, match="no held-out page in common"):
        common({v: read_answers(tmp_path / f"{v}.npz") for v in "ab"})
    with pytest.raises(DataError, match="train that version first"):
        read_answers(tmp_path / "c.npz")


def test_pages_of_a_document_are_told_by_their_mark_and_stand_in_order() -> None:
    names = ["7/talk_p001.jpg", "7/talk_p14.jpg", "7/other_p001.jpg", "6/talk_p002.jpg", "7/talk_p2.jpg"]
    assert documents(names) == [[0, 4, 1]]
    assert documents(["0/bpt6_f11_tif.jpg", "0/bpt6_f9_tif.jpg", "6/texlive-acm-10.jpg", "6/texlive-acm-9.jpg"]) == [
        [1, 0],
        [3, 2],
    ]


def test_a_number_alone_is_a_document_of_its_own() -> None:
    """Scans are numbered as they come: 300 receipts are not one document of 300 pages."""
    assert documents(["4/0001.jpg", "4/0002.jpg", "4/img_7.jpg", "4/img_8.jpg", "4/scan-1.png", "4/scan-2.png"]) == []


def test_pages_of_a_pdf_are_matched_and_belong_together(tmp_path: Path) -> None:
    pdf, other = Document(Path("a.pdf"), 3, "somebody"), Document(Path("b.pdf"), 3, "somebody")
    pages = [Page(np.zeros((4, 4), np.uint8), document) for document in (pdf, pdf, other, pdf)]
    keep_answers(tmp_path / "a", pages, _probabilities(4, 0))
    said = common({"v1": read_answers(tmp_path / "a.npz")})["v1"]
    assert [said.names[place] for group in documents(said.names) for place in group] == [
        "3/a.pdf",
        "3/a.pdf#2",
        "3/a.pdf#3",
    ]


def test_ways_of_combining_pages_differ() -> None:
    """Two pages waver towards the truth, a third is surer of something else, and comes first."""
    said = np.array([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8], [0.2, 0.8]])
    shares = pages_combined(np.stack([said, said[:, ::-1]]), np.array([1, 1, 1, 1]), [[0, 1, 2, 3]])
    assert shares["the first page alone"][:2] == shares["the surest page alone"][:2] == [0, 1]
    assert shares["mean of the pages' probabilities"][:2] == shares["geometric mean"][:2] == [1, 0]
    assert shares[SERVED][:2] == [0, 1]


def test_the_vote_of_documents_is_taken_after_the_pages_are_combined() -> None:
    sure = np.array([[0.1, 0.9], [0.1, 0.9]])
    shares = pages_combined(np.stack([sure, np.full((2, 2), 0.5)]), np.array([1, 1]), [[0, 1]])
    assert {row[-1] for row in shares.values()} == {1.0}


def test_the_card_says_what_the_versions_and_their_vote_reach(tmp_path: Path) -> None:
    pages = _pages([f"doc{n // 18}_p{n:03}.png" for n in range(90)])
    for number, version in enumerate(("v1", "v2")):
        write_tiny_model(tmp_path / "models", version, seed=number)
        keep_answers(tmp_path / "runs" / "models" / version / FILE, pages, _probabilities(90, number))
    text = write_vote(tmp_path / "models", tmp_path / "runs", ["v1", "v2"])
    assert (tmp_path / "models" / CARD).read_text() == text
    assert (tmp_path / "models" / PICTURE).read_bytes().startswith(b"\x89PNG")
    mean = (_probabilities(90, 0) + _probabilities(90, 1)) / 2
    right = (mean.argmax(axis=1) == np.arange(90) % 9).mean()
    line = next(line for line in text.splitlines() if line.startswith("| accuracy"))
    assert line.endswith(f"| {right:.1%} |")
    assert all(f"| found of {label} |" in text for label in LABELS)
    assert "would be marked for review" in text
    assert "Documents of several pages" in text


def test_strangers_are_counted_by_kind(tmp_path: Path) -> None:
    """A version that abstains below certainty marks every page that is no certainty."""
    from PIL import Image

    pages = _pages([f"{n}.png" for n in range(9)])
    for version in ("v1", "v2"):
        write_tiny_model(tmp_path / "models", version, abstain_below=1.0)
        keep_answers(tmp_path / "runs" / "models" / version / FILE, pages, _probabilities(9, 0))
    (tmp_path / "strangers" / "maps").mkdir(parents=True)
    Image.new("L", (60, 80), 200).save(tmp_path / "strangers" / "maps" / "1.png")
    (tmp_path / "strangers" / "maps" / "2.png").write_bytes(b"no picture")
    text = write_vote(tmp_path / "models", tmp_path / "runs", ["v1", "v2"], tmp_path / "strangers")
    assert "| maps | 1 | 100% | " in text
