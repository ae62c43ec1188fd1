from pathlib import Path

import numpy as np
import pytest

from training.data import DataError
from training.metrics import Floats, LabelIndices
from training.vote_weights import VOTE_FILE, fit_pool, learn_vote, load_weights, save_vote

SOURCES = [f"s{number // 5:02}" for number in range(200)]


def _predictions(truth: LabelIndices, accuracy: float, seed: int) -> Floats:
    """Return calibrated probabilities of three labels whose highest one is right with the given accuracy."""
    rng = np.random.default_rng(seed)
    right = rng.random(len(truth)) < accuracy
    label = np.where(right, truth, (truth + rng.integers(1, 3, len(truth))) % 3)
    probabilities = np.full((len(truth), 3), (1 - accuracy) / 2)
    probabilities[np.arange(len(truth)), label] = accuracy
    return probabilities


TRUTH = np.arange(200) % 3


def test_better_versions_get_more_weight() -> None:
    stacked = np.stack([_predictions(TRUTH, accuracy, 1) for accuracy in (0.5, 0.9)])
    weights = fit_pool(stacked, TRUTH, SOURCES)
    assert weights.sum() == pytest.approx(1)
    assert weights[1] > 0.9


def test_versions_with_independent_errors_vote_together() -> None:
    """Three versions that are right on 80 % independently are better together, by an interval."""
    learnt = learn_vote({f"v{n}": _predictions(TRUTH, 0.8, n) for n in range(3)}, TRUTH, SOURCES, SOURCES)
    assert learnt.rule in ("equal", "fitted")
    assert learnt.interval[0] > 0
    assert learnt.accuracy[learnt.rule] > learnt.accuracy[learnt.champion]
    assert all(weight > 0 for weight in learnt.weights.values())


def test_weights_are_fitted_where_a_version_is_much_better() -> None:
    """Two versions at 45 % outvote one at 85 % if all weigh the same, but still correct some of its errors."""
    confident = {n: _predictions(TRUTH, accuracy, n) for n, accuracy in ((1, 0.45), (2, 0.45), (3, 0.85))}
    learnt = learn_vote({f"v{n}": rows for n, rows in confident.items()}, TRUTH, SOURCES, SOURCES)
    assert learnt.fitted["v3"] > 0.8
    assert learnt.accuracy["fitted"] >= learnt.accuracy["equal"]
    assert learnt.rule != "equal"


def test_vote_follows_the_champion_without_reliable_gain() -> None:
    """Copies of one version add nothing."""
    same, worse = _predictions(TRUTH, 0.9, 1), _predictions(TRUTH, 0.4, 2)
    learnt = learn_vote({"v1": worse, "v2": same, "v3": same}, TRUTH, SOURCES, SOURCES)
    assert learnt.rule == "champion"
    assert learnt.weights == {"v1": 0.0, "v2": 1.0, "v3": 0.0}
    assert learnt.interval[0] <= 0 <= learnt.interval[1]


def test_every_source_counts_alike() -> None:
    """A version that is right on nine small sources outweighs one that is right on a large source."""
    truth, sources = np.zeros(200, dtype=np.int64), ["large"] * 191 + [f"small{number}" for number in range(9)]
    large, small = np.full((200, 2), 0.5), np.full((200, 2), 0.5)
    large[:191], small[191:] = (0.9, 0.1), (0.9, 0.1)
    large[191:], small[:191] = (0.1, 0.9), (0.4, 0.6)
    weights = fit_pool(np.stack([large, small]), truth, sources)
    assert weights[1] > weights[0]


def test_few_families_are_not_evidence() -> None:
    """An interval over a few families is too narrow, and that of a single one is a point."""
    predictions = {f"v{n}": _predictions(TRUTH, 0.8, n) for n in range(3)}
    learnt = learn_vote(predictions, TRUTH, ["one"] * 200, ["one"] * 200)
    assert (learnt.sources, learnt.families) == (1, 1)
    assert learnt.rule == "champion"


def test_weights_are_loaded_for_the_versions_that_they_name(tmp_path: Path) -> None:
    predictions = {f"v{n}": _predictions(TRUTH, accuracy, n) for n, accuracy in ((1, 0.5), (2, 0.9))}
    learnt = learn_vote(predictions, TRUTH, SOURCES, SOURCES)
    assert load_weights(tmp_path, ["v1", "v2"]) is None
    save_vote(learnt, tmp_path)
    assert load_weights(tmp_path, ["v2", "v1"]) == [learnt.weights["v2"], learnt.weights["v1"]]
    assert load_weights(tmp_path, ["v2", "v9"]) is None, "a version that was not compared has no weight"


def test_versions_without_weight_vote_alike(tmp_path: Path) -> None:
    (tmp_path / VOTE_FILE).write_text('{"weights": {"v1": 0, "v2": 1}}')
    assert load_weights(tmp_path, ["v1"]) is None
    assert load_weights(tmp_path, ["v1", "v2"]) == [0, 1]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weights": {"v1": "heavy"}}'])
def test_invalid_weights_are_rejected(tmp_path: Path, text: str) -> None:
    (tmp_path / VOTE_FILE).write_text(text)
    with pytest.raises(DataError, match=r"vote\.json contains no weights of versions"):
        load_weights(tmp_path, ["v1"])
