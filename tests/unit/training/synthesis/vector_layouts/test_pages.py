"""Tests of vector pages: every label, reproducible and varied."""

import json
from pathlib import Path
from random import Random

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest

from training.synthesis.vector_layouts import degrade, invoice, scientific_paper
from training.synthesis.vector_layouts.pages import CONDITION_WEIGHTS, VECTOR_LAYOUTS, draw_page
from training.synthesis.vector_layouts.phrases import LANGUAGES

MODELS = Path(__file__).parents[5] / "models"


def text_of(pdf: bytes) -> str:
    return "\n".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf))


@pytest.mark.parametrize("label", sorted(VECTOR_LAYOUTS))
def test_seed_determines_every_pixel(label: str) -> None:
    assert draw_page(label, 11).tobytes() == draw_page(label, 11).tobytes()


@pytest.mark.parametrize("label", sorted(VECTOR_LAYOUTS))
def test_seeds_draw_different_pages(label: str, full: bool) -> None:
    seeds = range(6 if full else 3)
    assert len({draw_page(label, seed, condition="clean", long_side=300).tobytes() for seed in seeds}) == len(seeds)


@pytest.mark.parametrize("label", sorted(VECTOR_LAYOUTS))
def test_page_is_neither_blank_nor_full_of_ink(label: str, full: bool) -> None:
    for seed in range(12 if full else 4):
        pixels = np.asarray(draw_page(label, seed, condition="clean", long_side=450).convert("L"), dtype=np.int16)
        paper_tone = np.bincount(pixels.ravel()).argmax()
        inked = (np.abs(pixels - paper_tone) > 60).mean()
        assert 0.004 < inked < 0.6, f"seed {seed}"


@pytest.mark.parametrize("label", sorted(VECTOR_LAYOUTS))
def test_every_language_can_be_drawn(label: str) -> None:
    languages = {
        "book_page": ("en", "fr"),
        "typewritten": ("en", "fr", "de", "es"),
        "handwritten": ("en", "fr", "de", "es"),
    }
    for language in languages.get(label, LANGUAGES):
        assert draw_page(label, 3, language=language, condition="clean", long_side=200).mode == "RGB"


def test_long_side_determines_the_size() -> None:
    for label in VECTOR_LAYOUTS:
        assert max(draw_page(label, 0, condition="clean", long_side=640).size) == pytest.approx(640, abs=2)


def test_every_label_has_several_known_conditions() -> None:
    """A condition of a single label would identify that label."""
    assert set(CONDITION_WEIGHTS) == set(VECTOR_LAYOUTS)
    for odds in CONDITION_WEIGHTS.values():
        assert set(odds) <= set(degrade.CONDITIONS)
        assert len(odds) >= 4
        assert "clean" in odds


def test_labels_are_those_of_the_models() -> None:
    manifests = sorted(MODELS.glob("v*/manifest.json"))
    if not manifests:
        pytest.skip("no model version is built yet")
    for manifest in manifests:
        assert sorted(VECTOR_LAYOUTS) == json.loads(manifest.read_text(encoding="utf-8"))["labels"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_invoice_has_its_title_in_its_language(language: str) -> None:
    for seed in range(5):
        texts = text_of(invoice.draw_vector_invoice(Random(seed), language).pdf()).lower()
        terms = invoice.TERMS[language]
        assert terms[0].lower() in texts
        assert terms[11].lower() in texts


def test_receipts_are_narrow_and_slides_wide() -> None:
    for seed in range(8):
        receipt = draw_page("receipt", seed, condition="clean", long_side=300)
        slide = draw_page("slides", seed, condition="clean", long_side=300)
        assert receipt.height > receipt.width
        assert slide.width > slide.height


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_paper_has_the_requested_pages_and_an_abstract_on_the_first(pages: int) -> None:
    for seed in range(4):
        document = pypdfium2.PdfDocument(
            scientific_paper.draw_vector_paper(Random(seed), pages=pages, first=True).pdf()
        )
        assert len(document) == pages
        assert "Abstract" in document[0].get_textpage().get_text_bounded()
