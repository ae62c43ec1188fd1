from pathlib import Path

import numpy as np
import pytest
import torch

from model_service.engine import load_model
from tests.support.tiny_model import write_tiny_model
from training.data import DataError
from training.distillation import Teachers

LABELS = ("daisy", "rose")


def test_the_opinion_is_the_mean_of_what_the_teachers_serve(tmp_path: Path) -> None:
    """At temperature 1 a teacher must say exactly what its service says."""
    for seed, version in enumerate(("v1", "v2")):
        write_tiny_model(tmp_path, version, labels=LABELS, seed=seed)
    pages = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    opinion = Teachers([tmp_path / "v1", tmp_path / "v2"], LABELS)(torch.from_numpy(pages), 1.0).numpy()
    served = [load_model(tmp_path / version) for version in ("v1", "v2")]
    for row, page in zip(opinion, pages, strict=True):
        assert row == pytest.approx(np.mean([model.score(page[None]) for model in served], axis=0), abs=1e-5)


def test_a_teacher_of_another_size_sees_the_page_resized(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, "v1", labels=LABELS, size=(64, 48))
    grey = torch.full((2, 32, 32, 3), 90, dtype=torch.uint8)
    teachers = Teachers([tmp_path / "v1"], LABELS)
    expected = load_model(tmp_path / "v1").score(np.full((1, 48, 64, 3), 90, dtype=np.uint8))
    assert teachers(grey, 1.0).numpy()[0] == pytest.approx(expected, abs=1e-5)


def test_a_teacher_of_other_labels_is_refused(tmp_path: Path) -> None:
    write_tiny_model(tmp_path, "v1", labels=("daisy", "tulip"))
    with pytest.raises(DataError, match="knows other labels: daisy, tulip"):
        Teachers([tmp_path / "v1"], LABELS)
