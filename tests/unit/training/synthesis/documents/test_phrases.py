"""What pages say: complete, in the asked language, and decided by the generator alone."""

from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.synthesis.documents import prose
from training.synthesis.documents.phrases import LANGUAGES, Words


@given(st.integers(0, 10_000), st.sampled_from(sorted(prose.SENTENCES)), st.sampled_from(LANGUAGES))
def test_no_slot_is_left_open(seed: int, genre: str, language: str) -> None:
    passage = Words(Random(seed), language).passage(genre, 30)

    assert not set("{}") & set(passage)


def test_nothing_is_said_twice_before_everything_was_said() -> None:
    count = len(prose.SENTENCES["letter"]["de"])
    said = Words(Random(1), "de").sentences("letter", 2 * count)

    assert len(set(said[:count])) == len(set(said[count:])) == count


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_seed_says_the_same(language: str) -> None:
    def say() -> list[object]:
        words = Words(Random(5), language)
        return [words.name(), words.company(), words.address(), words.day(), words.phone(), words.passage("work", 3)]

    assert say() == say()


@pytest.mark.parametrize(
    ("language", "money", "short", "long"),
    [
        ("fr", "1.234,50 €", "09/05/2021", "9 mai 2021"),
        ("de", "1.234,50 €", "09.05.2021", "9. Mai 2021"),
        ("es", "1.234,50 €", "09/05/2021", "9 de mayo de 2021"),
        ("pt", "R$1.234,50", "09/05/2021", "9 de maio de 2021"),
    ],
)
def test_amounts_and_dates_are_written_as_the_language_does(language: str, money: str, short: str, long: str) -> None:
    words = Words(Random(0), language)
    day = date(2021, 5, 9)

    assert (words.money(1234.5), words.dated(day), words.dated(day, long=True)) == (money, short, long)


def test_english_is_british_or_american_throughout() -> None:
    written = set()
    for seed in range(20):
        words = Words(Random(seed), "en")
        written.add((words.money(1234.5), words.dated(date(2021, 5, 9)), words.dated(date(2021, 5, 9), long=True)))

    assert written == {("£1,234.50", "09/05/2021", "9 May 2021"), ("$1,234.50", "05/09/2021", "May 9, 2021")}


@given(st.integers(0, 1000))
def test_days_lie_in_the_years_asked_for(seed: int) -> None:
    assert 1932 <= Words(Random(seed), "en").day(1932, 1974).year <= 1974
