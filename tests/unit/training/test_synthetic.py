"""Protects: synthetic pages are reproducible, and cached pages are used only while what draws them is the same."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from training import synthesis, synthetic
from training.data import OOD_LABEL, Page
from training.synthesis import fonts
from training.synthesis.ood_pages import draw_ood_page
from training.synthetic import LAYOUTS, SYNTHETIC_LABELS, SyntheticRequest, draw_pages, drawing_fingerprint

LABELS = tuple(sorted(SYNTHETIC_LABELS))
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
RECEIPT = SyntheticRequest(["receipt"], 1, seed=5)


@pytest.mark.parametrize("label", LABELS)
def test_page_has_ink_and_depends_on_the_seed_only(label: str) -> None:
    first, second = (np.asarray(LAYOUTS[label](np.random.default_rng(seed)).image) for seed in (1, 2))
    assert first.std() > 3
    assert first.shape != second.shape or not np.array_equal(first, second)
    assert np.array_equal(first, np.asarray(LAYOUTS[label](np.random.default_rng(1)).image))


def test_layouts_draw_many_seeds_without_an_error(full: bool) -> None:
    """Layouts are combined at random. A rare combination must not end a training after an hour."""
    for label in LABELS:
        for seed in range(100, 104 if full else 101):
            LAYOUTS[label](np.random.default_rng(seed))
    for seed in range(30 if full else 10):
        assert min(draw_ood_page(np.random.default_rng(seed)).image.size) > 50


def test_pages_have_labels_and_are_cached(tmp_path: Path) -> None:
    labels, request = ("invoice", "receipt", "rose"), SyntheticRequest(["invoice", "receipt"], 2, ood_pages=2, seed=5)
    reports: list[tuple[int, int]] = []

    def draw() -> list[Page]:
        return draw_pages(
            labels, request, min_side=100, grey=True, cache=tmp_path, report=lambda *counts: reports.append(counts)
        )

    drawn = draw()
    assert [page.document.label for page in drawn] == [0, 0, 1, 1, OOD_LABEL, OOD_LABEL]
    assert {page.document.source for page in drawn} == {"synthetic"}
    assert all(page.pixels.ndim == 2 and min(page.pixels.shape) <= 100 for page in drawn)
    assert len(list(tmp_path.rglob("*.png"))) == 6
    assert reports == [(number, 6) for number in range(1, 7)]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(drawn, draw(), strict=True))


def test_page_does_not_depend_on_which_other_pages_are_drawn() -> None:
    few = draw_pages(LABELS, RECEIPT, min_side=100, grey=True)
    many = draw_pages(LABELS, SyntheticRequest(["form", "receipt"], 1, ood_pages=1, seed=5), min_side=100, grey=True)
    assert np.array_equal(few[0].pixels, many[1].pixels)


def _replace_fonts(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str) -> None:
    """Let every role have one font file, with the content of matplotlib's font `name`."""
    file = folder / "font.ttf"
    file.write_bytes((FONTS / name).read_bytes())
    fonts._load.cache_clear()  # noqa: SLF001
    monkeypatch.setattr(fonts, "faces", lambda _role: (fonts.Face(file, file, file),))


def _change_fonts(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    _replace_fonts(monkeypatch, folder, "STIXGeneral.ttf")


def _change_layouts(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "synthesis").mkdir()
    (folder / "synthesis" / "receipts.py").write_text("line_width = 2")
    monkeypatch.setattr(synthesis, "__file__", str(folder / "synthesis" / "__init__.py"))


def _change_drawing_module(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "synthetic.py").write_text("# other seeds")
    monkeypatch.setattr(synthetic, "__file__", str(folder / "synthetic.py"))


def _change_library(name: str) -> Callable[[pytest.MonkeyPatch, Path], None]:
    def change(monkeypatch: pytest.MonkeyPatch, _folder: Path) -> None:
        monkeypatch.setattr(synthetic, "version", lambda library: "99" if library == name else version(library))

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_change_fonts, id="fonts"),
        pytest.param(_change_layouts, id="layouts"),
        pytest.param(_change_drawing_module, id="drawing module"),
        *[pytest.param(_change_library(name), id=name) for name in ("pillow", "faker", "numpy")],
    ],
)
def test_cached_pages_are_not_used_after_a_change_of_what_draws_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[pytest.MonkeyPatch, Path], None]
) -> None:
    """Otherwise a training without the right fonts would affect the pages of all later ones."""

    def draw() -> Page:
        return draw_pages(("receipt",), RECEIPT, min_side=100, grey=True, cache=tmp_path / "cache")[0]

    _replace_fonts(monkeypatch, tmp_path, "DejaVuSans.ttf")
    first, again = draw(), draw()
    assert len(list((tmp_path / "cache").rglob("*.png"))) == 1
    assert first.content == again.content == drawing_fingerprint()
    change(monkeypatch, tmp_path)
    assert draw().content != first.content
    assert len(list((tmp_path / "cache").rglob("*.png"))) == 2


def test_other_fonts_draw_other_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason for fonts in the fingerprint: the content of the files changes the pixels."""
    pixels = []
    for name in ("DejaVuSans.ttf", "STIXGeneral.ttf"):
        _replace_fonts(monkeypatch, tmp_path, name)
        pixels.append(draw_pages(("receipt",), RECEIPT, min_side=100, grey=True)[0].pixels)
    assert pixels[0].shape != pixels[1].shape or not np.array_equal(pixels[0], pixels[1])
