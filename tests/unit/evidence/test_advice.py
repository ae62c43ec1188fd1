"""Protects: the sentence at the top speaks of the question that is open, and not of one that hardly matters."""

from evidence.advice import Action, advise
from evidence.cases import Case
from evidence.pairs import compare
from tests.support.evidence import case

VERSIONS = ("v1", "v2", "v3")


def _case(name: str, *right: str) -> Case:
    """A document that these versions got right, and the others wrong."""
    said = {version: "invoice" if version in right else "receipt" for version in VERSIONS}
    return case(name, said, "invoice")


def test_without_a_champion_the_leader_is_held_against_its_closest_rival() -> None:
    """v3 is nearly told from v1, and far from told from v2, which is what a promotion would need."""
    labelled = [_case(f"weak{n}", "v2", "v3") for n in range(5)]
    labelled += [_case(f"lead{n}", "v1", "v3") for n in range(2)]
    labelled += [_case(f"behind{n}", "v1", "v2") for n in range(1)]
    population = [case(f"p{n}", {"v1": "receipt", "v2": "invoice", "v3": "invoice"}) for n in range(5)]
    population += [case(f"q{n}", {"v1": "invoice", "v2": "receipt", "v3": "invoice"}) for n in range(3)]
    population += [case(f"r{n}", dict.fromkeys(VERSIONS, "invoice")) for n in range(42)]
    advice = advise("", VERSIONS, compare(VERSIONS, population, labelled))
    assert advice.action is Action.WAIT
    assert "v2" in advice.sentence
    assert "v3" in advice.sentence
    assert "v1" not in advice.sentence
