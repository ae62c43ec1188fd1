"""Pages to learn from: every label, repeatable, varied, and inside the paper."""

import json
from pathlib import Path
from random import Random

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest

from training.synthesis.documents import degrade, invoice, paper
from training.synthesis.documents.pages import ARRIVALS, KINDS, draw
from training.synthesis.documents.phrases import LANGUAGES

MODELS = Path(__file__).parents[5] / "models"


def text_of(pdf: bytes) -> str:
    return "\n".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_seed_decides_every_pixel(kind: str) -> None:
    assert draw(kind, 11).tobytes() == draw(kind, 11).tobytes()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_seeds_draw_different_pages(kind: str, full: bool) -> None:
    seeds = range(6 if full else 3)
    assert len({draw(kind, seed, condition="clean", long_side=300).tobytes() for seed in seeds}) == len(seeds)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_drawing_is_blank_or_flooded_with_ink(kind: str, full: bool) -> None:
    for seed in range(12 if full else 4):
        pixels = np.asarray(draw(kind, seed, condition="clean", long_side=450).convert("L"), dtype=np.int16)
        paper_tone = np.bincount(pixels.ravel()).argmax()
        inked = (np.abs(pixels - paper_tone) > 60).mean()
        assert 0.004 < inked < 0.6, f"seed {seed}"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_language_can_be_asked_for(kind: str) -> None:
    spoken = {
        "book_page": ("en", "fr"),
        "typewritten": ("en", "fr", "de", "es"),
        "handwritten": ("en", "fr", "de", "es"),
    }
    for language in spoken.get(kind, LANGUAGES):
        assert draw(kind, 3, language=language, condition="clean", long_side=200).mode == "RGB"


def test_long_side_sets_the_size() -> None:
    for kind in KINDS:
        assert max(draw(kind, 0, condition="clean", long_side=640).size) == pytest.approx(640, abs=2)


def test_every_label_arrives_in_several_known_conditions() -> None:
    """A condition that only one label has would give the label away."""
    assert set(ARRIVALS) == set(KINDS)
    for odds in ARRIVALS.values():
        assert set(odds) <= set(degrade.CONDITIONS)
        assert len(odds) >= 4
        assert "clean" in odds


def test_the_labels_are_those_of_the_models() -> None:
    manifests = sorted(MODELS.glob("v*/manifest.json"))
    if not manifests:
        pytest.skip("no model version is built yet")
    for manifest in manifests:
        assert sorted(KINDS) == json.loads(manifest.read_text(encoding="utf-8"))["labels"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_invoice_calls_itself_one_in_its_language(language: str) -> None:
    for seed in range(5):
        said = text_of(invoice.draw(Random(seed), language).pdf()).lower()
        terms = invoice.TERMS[language]
        assert terms[0].lower() in said
        assert terms[11].lower() in said


def test_receipts_are_narrow_and_slides_wide() -> None:
    for seed in range(8):
        receipt = draw("receipt", seed, condition="clean", long_side=300)
        slide = draw("slides", seed, condition="clean", long_side=300)
        assert receipt.height > receipt.width
        assert slide.width > slide.height


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_paper_has_the_pages_asked_for_and_its_title_on_the_first(pages: int) -> None:
    for seed in range(4):
        document = pypdfium2.PdfDocument(paper.draw(Random(seed), pages=pages, first=True).pdf())
        assert len(document) == pages
        assert "Abstract" in document[0].get_textpage().get_text_bounded()
