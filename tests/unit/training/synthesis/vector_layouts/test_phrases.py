"""Tests of random text: complete sentences, language formats and reproducibility."""

from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.synthesis.vector_layouts import sentences
from training.synthesis.vector_layouts.phrases import LANGUAGES, VectorWords


@given(st.integers(0, 10_000), st.sampled_from(sorted(sentences.SENTENCES)), st.sampled_from(LANGUAGES))
def test_passage_has_no_unfilled_slot(seed: int, genre: str, language: str) -> None:
    passage = VectorWords(Random(seed), language).passage(genre, 30)

    assert not set("{}") & set(passage)


def test_sentences_repeat_only_after_all_were_used() -> None:
    count = len(sentences.SENTENCES["letter"]["de"])
    texts = VectorWords(Random(1), "de").sentences("letter", 2 * count)

    assert len(set(texts[:count])) == len(set(texts[count:])) == count


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_seed_gives_the_same_text(language: str) -> None:
    def generate() -> list[object]:
        words = VectorWords(Random(5), language)
        return [words.name(), words.company(), words.address(), words.day(), words.phone(), words.passage("work", 3)]

    assert generate() == generate()


@pytest.mark.parametrize(
    ("language", "money", "short", "long"),
    [
        ("fr", "1.234,50 €", "09/05/2021", "9 mai 2021"),
        ("de", "1.234,50 €", "09.05.2021", "9. Mai 2021"),
        ("es", "1.234,50 €", "09/05/2021", "9 de mayo de 2021"),
        ("pt", "R$1.234,50", "09/05/2021", "9 de maio de 2021"),
    ],
)
def test_amounts_and_dates_follow_the_language(language: str, money: str, short: str, long: str) -> None:
    words = VectorWords(Random(0), language)
    day = date(2021, 5, 9)

    assert (words.money(1234.5), words.dated(day), words.dated(day, long=True)) == (money, short, long)


def test_english_formats_are_consistently_british_or_american() -> None:
    written = set()
    for seed in range(20):
        words = VectorWords(Random(seed), "en")
        written.add((words.money(1234.5), words.dated(date(2021, 5, 9)), words.dated(date(2021, 5, 9), long=True)))

    assert written == {("£1,234.50", "09/05/2021", "9 May 2021"), ("$1,234.50", "05/09/2021", "May 9, 2021")}


@given(st.integers(0, 1000))
def test_day_is_in_the_given_years(seed: int) -> None:
    assert 1932 <= VectorWords(Random(seed), "en").day(1932, 1974).year <= 1974
