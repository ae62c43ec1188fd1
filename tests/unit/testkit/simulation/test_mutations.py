"""Protects: each guarded line exists, and the simulation detects its defect."""

import pytest

from records.uploads import LATE_AFTER
from testkit.simulation.history import run_scenario
from testkit.simulation.mutations import MUTATIONS, Mutation, histories_until_detected, mutated
from testkit.simulation.scenario import Put, Scenario

by_name = pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))


def test_at_least_twenty_lines_are_guarded() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) >= 20


@by_name
def test_guarded_line_exists_once(mutation: Mutation) -> None:
    mutation.apply()


@pytest.mark.slow
@by_name
def test_mutation_is_detected(mutation: Mutation) -> None:
    assert histories_until_detected(mutation, range(10_000))


def test_mutation_ends_with_its_block() -> None:
    late = Scenario((Put(1.0, "a.pdf", b"letter-0", deliveries=(0.1, LATE_AFTER.total_seconds() + 100)),))
    [mutation] = [each for each in MUTATIONS if each.name == "a conflict replaces a final record"]
    with mutated(mutation):
        pass
    assert run_scenario(late).violations == ()
