"""Tests of typeset documents: every template, reproducible, with text in PDFs."""

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest

from training.synthesis.typeset import TEMPLATES, document_content, typeset_page, typeset_pdf

NAMES = sorted(file.stem for file in TEMPLATES.glob("*.typ") if file.stem != "common")


@pytest.mark.parametrize("template", NAMES)
def test_template_draws_a_page_that_depends_on_the_seed_only(template: str) -> None:
    first, again, other = (typeset_page(template, document_content(seed), 40) for seed in (1, 1, 2))

    assert first.mode == "RGB"
    assert np.asarray(first.convert("L")).min() < 160, "a blank page"
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_content_is_in_the_language_and_reproducible(language: str) -> None:
    content = document_content(3, language)

    assert content == document_content(3, language)
    assert content != document_content(4, language)
    assert content["terms"]["invoice"] == ("Facture" if language == "fr" else "Invoice")


def test_bill_adds_up() -> None:
    for seed in range(20):
        content = document_content(seed)
        net = sum(float(row[3]) for row in content["items"])
        assert float(content["net"]) == pytest.approx(net, abs=0.01)
        assert float(content["total"]) == pytest.approx(1.2 * net, abs=0.02)


def test_pdf_has_its_text_and_equal_bytes() -> None:
    content = document_content(5)
    pdf = typeset_pdf("invoice", content)

    assert pdf == typeset_pdf("invoice", content)
    text = pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_bounded()
    assert content["total"] in text
    assert content["company"] in text


def test_paper_has_two_pages_and_an_abstract() -> None:
    for seed in (5, 10):
        document = pypdfium2.PdfDocument(typeset_pdf("paper", document_content(seed)))
        assert len(document) == 2
        assert "Abstract" in document[0].get_textpage().get_text_bounded()
