"""Protects: claims about challengers beyond "better": as good and faster, harm by label, and wrong labels."""

from dataclasses import replace

import numpy as np
import pytest

from evidence.advice import Action, advise_promotion
from evidence.challengers import ChallengerEvidence, assess_challengers, label_error_notes
from evidence.difference import ALPHA
from evidence.examples import Example
from evidence.pairs import compare_pairs
from evidence.versions import assess_version
from tests.support.evidence import example

VERSIONS = ["v1", "v2"]


def labelled(wins: int, losses: int, label: str = "invoice", both: int = 0) -> list[Example]:
    """Return documents of one label that only v2, only v1 or both got right."""
    kinds = [("memo", label)] * wins + [(label, "memo")] * losses + [(label, label)] * both
    return [example(f"{label}{n}", {"v1": one, "v2": two}, label) for n, (one, two) in enumerate(kinds)]


def assess(found: list[Example], population: list[Example] | None = None) -> ChallengerEvidence:
    """Return the evidence on v2, with v1 as the champion."""
    sample = population or found
    pairs = compare_pairs(VERSIONS, sample, found, champion="v1", complete=True)
    versions = [assess_version(name, None, sample, found) for name in VERSIONS]
    [challenger] = assess_challengers("v1", versions, pairs, found)
    return challenger


def test_challenger_that_rarely_differs_is_as_good_and_faster() -> None:
    agreeing = [example(f"a{n}", {"v1": "form", "v2": "form"}) for n in range(2000)]
    fast = [replace(each, latency_ms={"v1": 42.0, "v2": 20.0}) for each in agreeing]
    found = assess(labelled(12, 12), [*fast, *labelled(3, 3)])
    assert found.as_good
    assert found.speed == pytest.approx(2.1)
    assert found.sentence == "v2 is as good as v1 within 1 pp, and 2.1 times faster."


def test_challenger_without_evidence_has_no_sentence() -> None:
    found = assess(labelled(2, 2, both=6))
    assert (found.as_good, found.harmed, found.sentence) == (False, (), "")


def test_harm_to_one_label_is_found_although_the_challenger_is_better() -> None:
    documents = [*labelled(80, 5, both=100), *labelled(2, 30, "receipt", both=100)]
    found = assess(documents)
    [harm] = found.harmed
    assert (harm.label, harm.wins, harm.losses) == ("receipt", 2, 30)
    assert harm.difference == pytest.approx((102 - 130) / 132)
    assert found.sentence == "v2 is worse than v1 on receipt (21 pp)."
    pairs = compare_pairs(VERSIONS, documents, documents, champion="v1", complete=True)
    advice = advise_promotion("v1", VERSIONS, pairs, ["v2"], {"v2": found.sentence})
    assert (advice.action, advice.version) == (Action.WAIT, None)
    assert "v2 is better than v1" in advice.sentence
    assert "worse than v1 on receipt" in advice.sentence


def test_harm_is_rarely_found_if_there_is_none() -> None:
    rng = np.random.default_rng(1)
    false = []
    for _ in range(40):
        documents = []
        for label in ("invoice", "receipt", "form"):
            wins = int(rng.binomial(40, 0.5))
            documents += labelled(wins, 40 - wins, label)
        false.append(bool(assess(documents).harmed))
    assert np.mean(false) <= 2 * ALPHA


def test_documents_with_two_labels_estimate_wrong_labels() -> None:
    documents = labelled(40, 5)
    twice = [
        replace(each, second_opinions=("memo",) if n == 0 else ("invoice",)) for n, each in enumerate(documents[:10])
    ]
    pairs = compare_pairs(VERSIONS, documents, documents, champion="v1", complete=True)
    first, second = label_error_notes(pairs, [*twice, *documents[10:]])
    assert first.startswith("Reviewers differ on 1 of 10 documents with two labels, so about 5.0% of all labels")
    assert second.startswith("v2 is better than v1 unless ")
    assert second.endswith("about 2.2 are wrong.")
    assert label_error_notes(pairs, documents) == []
