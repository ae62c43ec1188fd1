import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.tiny_model import LABELS, write_tiny_model
from training.data import LabelledDocument, Page
from training.metrics import softmax
from training.saved_predictions import PREDICTIONS_FILE, save_predictions
from training.verdicts import combine_versions
from training.vote import CARD, PICTURE, write_comparison
from training.vote_weights import VOTE_FILE, load_weights


def _pages(names: list[str]) -> list[Page]:
    return [Page(np.zeros((4, 4), np.uint8), LabelledDocument(Path(name), n % 9)) for n, name in enumerate(names)]


def _probabilities(count: int, seed: int) -> np.ndarray:
    """Return predictions that are mostly right for labels 0 to 8 in turn."""
    logits = np.random.default_rng(seed).normal(size=(count, 9))
    logits[np.arange(count), np.arange(count) % 9] += 2
    return softmax(logits)


def test_comparison_states_the_metrics_of_the_versions_and_of_their_vote(tmp_path: Path) -> None:
    pages = _pages([f"doc{n // 18}_p{n:03}.png" for n in range(90)])
    for number, version in enumerate(("v1", "v2")):
        write_tiny_model(tmp_path / "models", version, seed=number)
        save_predictions(tmp_path / "runs" / "models" / version / PREDICTIONS_FILE, pages, _probabilities(90, number))
    text = write_comparison(tmp_path / "models", tmp_path / "runs", ["v1", "v2"])
    assert (tmp_path / "models" / CARD).read_text() == text
    assert (tmp_path / "models" / PICTURE).read_bytes().startswith(b"\x89PNG")
    probabilities = np.stack([_probabilities(90, 0), _probabilities(90, 1)])
    vote = combine_versions(probabilities, np.zeros((2, 90), dtype=np.bool_), LABELS).probabilities
    accuracy = (vote.argmax(axis=1) == np.arange(90) % 9).mean()
    row = next(line for line in text.splitlines() if line.startswith("| accuracy"))
    assert row.endswith(f"| {accuracy:.1%} |")
    assert "| calibration error (15 bins) |" in text
    assert all(f"| recall, {label} |" in text for label in LABELS)
    assert "would be flagged for review" in text
    assert "Documents of several pages" in text


def test_comparison_fits_the_weights_of_the_vote(tmp_path: Path) -> None:
    """Weights and evidence are saved next to the versions if all sources are named."""
    pages = [
        Page(np.zeros((4, 4), np.uint8), LabelledDocument(Path(f"{n}.png"), n % 9, f"source{n % 15}"))
        for n in range(90)
    ]
    for number, version in enumerate(("v1", "v2")):
        write_tiny_model(tmp_path / "models", version, seed=number)
        save_predictions(tmp_path / "runs" / "models" / version / PREDICTIONS_FILE, pages, _probabilities(90, number))
    text = write_comparison(tmp_path / "models", tmp_path / "runs", ["v1", "v2"])
    learnt = json.loads((tmp_path / "models" / VOTE_FILE).read_text())
    assert (learnt["sources"], learnt["families"]) == (15, 15)
    assert f"{learnt['champion']} alone has {learnt['accuracy'][learnt['champion']]:.1%}" in text
    assert "| accuracy, worst tenth of the sources | " in text
    assert load_weights(tmp_path / "models", ["v1", "v2"]) == [learnt["weights"]["v1"], learnt["weights"]["v2"]]


def test_out_of_distribution_pages_are_counted_by_kind(tmp_path: Path) -> None:
    """A version whose threshold is 1 abstains on every page; unreadable files are not counted."""
    pages = _pages([f"{n}.png" for n in range(9)])
    for version in ("v1", "v2"):
        write_tiny_model(tmp_path / "models", version, abstain_below=1.0)
        save_predictions(tmp_path / "runs" / "models" / version / PREDICTIONS_FILE, pages, _probabilities(9, 0))
    (tmp_path / "ood" / "maps").mkdir(parents=True)
    Image.new("L", (60, 80), 200).save(tmp_path / "ood" / "maps" / "1.png")
    (tmp_path / "ood" / "maps" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    text = write_comparison(tmp_path / "models", tmp_path / "runs", ["v1", "v2"], tmp_path / "ood")
    assert "| maps | 1 | 100% | " in text
