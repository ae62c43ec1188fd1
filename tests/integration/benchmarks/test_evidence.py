"""Protects: the benchmark of the statistics runs on any folder of predictions and prints stable keys."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np


def test_benchmark_measures_a_folder_of_predictions(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 5, 4000)
    right = np.stack([rng.random(4000) < share for share in (0.9, 0.93, 0.945)], axis=1)
    np.save(tmp_path / "oracle.npy", truth)
    np.save(tmp_path / "predictions.npy", np.where(right, truth[:, None], (truth[:, None] + 1) % 5))
    command = [sys.executable, "-m", "benchmarks.evidence", "--predictions", str(tmp_path), "--runs", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    found = json.loads(done.stdout)
    [band] = found["bands"].values()
    assert {"labels_median", "labels_p80", "undecided", "pair", "triples"} <= band.keys()
    assert {"current", "0.2", "floor", "mcnemar"} <= band["labels_median"].keys()
    assert band["labels_median"]["floor"] <= band["labels_median"]["current"]
    assert 0 <= found["wrong"]["current"] <= 1
    assert 0 <= found["false_promotions"]["current, champion"] <= 1
    years = found["promise"]
    assert {"1.4", "1.8 to 0.8"} <= years.keys()
    assert all(0 <= year["held"] <= 1 and year["automated"] <= 1 for year in years.values())


def test_benchmark_rejects_a_folder_without_predictions(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.evidence", "--predictions", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
