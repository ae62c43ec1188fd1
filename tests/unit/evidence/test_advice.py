"""Protects: the advice names the pair that decides the next promotion."""

from evidence.advice import Action, advise_promotion
from evidence.examples import Example
from evidence.pairs import compare_pairs, remaining_versions
from tests.support.evidence import example

VERSIONS = ("v1", "v2", "v3")


def _labelled(name: str, *correct: str) -> Example:
    """Return a labelled example that these versions got right and the others wrong."""
    return example(name, {version: "invoice" if version in correct else "receipt" for version in VERSIONS}, "invoice")


def test_advice_without_champion_names_the_most_laborious_pair_of_the_leader() -> None:
    """v3 is almost better than v1 but far from better than v2, which a promotion requires too."""
    labelled = [_labelled(f"weak{n}", "v2", "v3") for n in range(5)]
    labelled += [_labelled(f"lead{n}", "v1", "v3") for n in range(2)]
    labelled += [_labelled(f"behind{n}", "v1", "v2") for n in range(1)]
    population = [example(f"p{n}", {"v1": "receipt", "v2": "invoice", "v3": "invoice"}) for n in range(5)]
    population += [example(f"q{n}", {"v1": "invoice", "v2": "receipt", "v3": "invoice"}) for n in range(3)]
    population += [example(f"r{n}", dict.fromkeys(VERSIONS, "invoice")) for n in range(42)]
    advice = advise_promotion("", VERSIONS, compare_pairs(VERSIONS, population, labelled), VERSIONS)
    assert advice.action is Action.WAIT
    assert "v2" in advice.sentence
    assert "v3" in advice.sentence
    assert "v1" not in advice.sentence


def test_best_of_all_is_promoted_without_a_champion() -> None:
    labelled = [_labelled(f"best{n}", "v3") for n in range(40)]
    pairs = compare_pairs(VERSIONS, labelled, labelled)
    assert remaining_versions(VERSIONS, labelled) == ["v3"]
    advice = advise_promotion("", VERSIONS, pairs, ["v3"])
    assert (advice.action, advice.version) == (Action.PROMOTE, "v3")
    assert "v3 is better than v1" in advice.sentence
    assert "v3 is better than v2" in advice.sentence
