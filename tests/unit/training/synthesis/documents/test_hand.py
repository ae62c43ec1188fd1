"""Handwriting: everything is written, nothing leaves the line, and no two words are the same."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.synthesis.documents import prose
from training.synthesis.documents.drawing import Sheet
from training.synthesis.documents.hand import JOINED, PRINTED, Hand, glyphs, letters


@pytest.mark.parametrize("script", [*JOINED, *PRINTED])
def test_every_letter_of_the_prose_has_strokes(script: str) -> None:
    for genre in ("notes", "letter", "novel"):
        for sentences in prose.SENTENCES[genre].values():
            missing = {base for base, _ in letters(" ".join(sentences)) if base not in glyphs(script)}
            assert not missing


def test_accents_are_strokes_over_the_letter_they_belong_to() -> None:
    assert letters("é") == [("e", "\u0301")]

    def ink(text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        sheet = Sheet((60, 60))
        Hand(Random(3), joined=False).write(sheet, 20, 40, text, 20)
        return np.asarray(sheet.images(72)[0].convert("L")) < 160

    plain, accented = ink("e"), ink("é")
    assert np.nonzero(accented)[0].min() < np.nonzero(plain)[0].min() - 2


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(8, 16), st.floats(150, 500))
def test_lines_keep_all_words_and_fit_the_width(seed: int, size: float, width: float) -> None:
    hand = Hand(Random(seed))
    text = "We left at six in the morning and saw the sun rise over the bridge"

    lines = hand.lines(text, size, width)

    assert " ".join(lines) == text
    for line in lines:
        start = 40.0
        end = hand.write(Sheet((900, 100)), start, 50, line, size)
        assert end - start < width * 1.25 or " " not in line


def test_the_same_word_never_looks_the_same_twice_but_a_seed_does() -> None:
    def write(hand: Hand) -> bytes:
        sheet = Sheet((200, 60))
        hand.write(sheet, 10, 40, "morning", 16)
        return sheet.images(72)[0].tobytes()

    hand = Hand(Random(1))
    assert write(hand) != write(hand)
    assert write(Hand(Random(2))) == write(Hand(Random(2)))
