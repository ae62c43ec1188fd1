from pathlib import Path

import numpy as np
import pytest

from training import synthesis
from training.data import STRANGER
from training.synthesis.sketches.strangers import stranger
from training.synthetic import DRAWN, SKETCHES, draw_pages

LABELS = tuple(sorted(DRAWN))


@pytest.mark.parametrize("label", LABELS)
def test_every_label_is_drawn_with_ink_on_it_and_never_twice_the_same(label: str) -> None:
    first, second = (np.asarray(SKETCHES[label](np.random.default_rng(seed)).image) for seed in (1, 2))
    assert first.std() > 3
    assert first.shape != second.shape or not np.array_equal(first, second)
    assert np.array_equal(first, np.asarray(SKETCHES[label](np.random.default_rng(1)).image))


def test_many_sketches_are_drawn_without_failing() -> None:
    """Layouts come together by chance; a rare combination must not stop a training after an hour."""
    for label in LABELS:
        for seed in range(100, 104):
            SKETCHES[label](np.random.default_rng(seed))
    for seed in range(30):
        assert min(stranger(np.random.default_rng(seed)).image.size) > 50


def test_drawn_pages_carry_their_label_and_are_kept_for_next_time(tmp_path: Path) -> None:
    labels = ("invoice", "receipt", "rose")
    drawn = draw_pages(labels, ["invoice", "receipt"], 2, 5, side=100, grey=True, strangers=2, keep=tmp_path)
    assert [page.document.label for page in drawn] == [0, 0, 1, 1, STRANGER, STRANGER]
    assert {page.document.source for page in drawn} == {"drawn"}
    assert all(page.pixels.ndim == 2 and min(page.pixels.shape) <= 100 for page in drawn)
    assert len(list(tmp_path.rglob("*.png"))) == 6
    again = draw_pages(labels, ["invoice", "receipt"], 2, 5, side=100, grey=True, strangers=2, keep=tmp_path)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(drawn, again, strict=True))


def test_drawings_are_kept_only_as_long_as_the_code_that_drew_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever mends a drawing would train on the old one, and not know."""
    code = tmp_path / "synthesis"
    code.mkdir()
    (code / "__init__.py").write_text("")
    (code / "receipts.py").write_text("thin = True")
    monkeypatch.setattr(synthesis, "__file__", str(code / "__init__.py"))

    def draw() -> int:
        draw_pages(("receipt",), ["receipt"], 1, 5, side=100, grey=True, keep=tmp_path / "kept")
        return len(list((tmp_path / "kept").rglob("*.png")))

    assert [draw(), draw()] == [1, 1]
    (code / "receipts.py").write_text("thin = False")
    assert draw() == 2
