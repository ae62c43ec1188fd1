"""Tests of handwriting: complete text, line width and variation of words."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.synthesis.vector_layouts import sentences
from training.synthesis.vector_layouts.drawing import VectorSheet
from training.synthesis.vector_layouts.strokes import JOINED, PRINTED, Handwriting, glyph_strokes, split_accents


@pytest.mark.parametrize("script", [*JOINED, *PRINTED])
def test_every_character_of_the_sentences_has_strokes(script: str) -> None:
    for genre in ("notes", "letter", "novel"):
        for texts in sentences.SENTENCES[genre].values():
            missing = {base for base, _ in split_accents(" ".join(texts)) if base not in glyph_strokes(script)}
            assert not missing


def test_accents_are_strokes_above_their_character() -> None:
    assert split_accents("é") == [("e", "\u0301")]

    def ink(text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        sheet = VectorSheet((60, 60))
        Handwriting(Random(3), joined=False).write(sheet, 20, 40, text, 20)
        return np.asarray(sheet.images(72)[0].convert("L")) < 160

    plain, accented = ink("e"), ink("é")
    assert np.nonzero(accented)[0].min() < np.nonzero(plain)[0].min() - 2


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(8, 16), st.floats(150, 500))
def test_lines_keep_all_words_and_fit_the_width(seed: int, size: float, width: float) -> None:
    hand = Handwriting(Random(seed))
    text = "We left at six in the morning and saw the sun rise over the bridge"

    lines = hand.lines(text, size, width)

    assert " ".join(lines) == text
    for line in lines:
        start = 40.0
        end = hand.write(VectorSheet((900, 100)), start, 50, line, size)
        assert end - start < width * 1.25 or " " not in line


def test_repeated_words_differ_and_equal_seeds_do_not() -> None:
    def write(hand: Handwriting) -> bytes:
        sheet = VectorSheet((200, 60))
        hand.write(sheet, 10, 40, "morning", 16)
        return sheet.images(72)[0].tobytes()

    hand = Handwriting(Random(1))
    assert write(hand) != write(hand)
    assert write(Handwriting(Random(2))) == write(Handwriting(Random(2)))
