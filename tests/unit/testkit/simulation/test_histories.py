"""Protects: generated histories keep every guarantee and are reproducible, and violations are reduced."""

import hashlib
import random

from testkit.simulation import scenario as scenarios
from testkit.simulation.history import run_scenario, run_seed
from testkit.simulation.mutations import MUTATIONS, mutated
from testkit.simulation.scenario import FaultSource, Outage, Put, Scenario, generate
from testkit.simulation.shrinking import shrink

FIRST_SEED = 20_000_000
"""Not a seed with which the simulation was developed."""


def test_generated_histories_keep_every_guarantee(full: bool) -> None:
    for seed in range(FIRST_SEED, FIRST_SEED + (3000 if full else 600)):
        assert run_seed(seed).violations == (), f"python -m benchmarks.simulate --seed {seed} --histories 1"


def test_history_of_a_seed_is_the_same_each_time() -> None:
    for seed in range(20):
        assert run_seed(seed).trace == run_seed(seed).trace


def test_history_with_noted_faults_repeats_what_was_drawn() -> None:
    for seed in range(20):
        drawn = run_seed(seed)
        assert run_scenario(drawn.scenario).trace == drawn.trace


def test_printed_scenario_is_python_source_of_the_scenario() -> None:
    names = vars(scenarios)
    for seed in range(20):
        scenario = run_seed(seed).scenario
        assert eval(repr(scenario), names) == scenario  # noqa: S307 -- its own output


def test_generated_histories_differ_and_contain_every_kind_of_action() -> None:
    scenarios = [generate(seed)[0] for seed in range(400)]
    kinds = {type(action).__name__ for scenario in scenarios for action in scenario.actions}
    expected = {"Put", "Delete", "Archive", "Label", "Undo", "Promote", "Redrive", "Backfill", "NewWeights", "Outage"}
    assert kinds == expected
    digests = {hashlib.sha256(repr(scenario).encode()).hexdigest() for scenario in scenarios}
    assert len(digests) > 300


def test_violation_is_reduced_to_what_it_needs() -> None:
    needed, noise = Put(1.0, "a.pdf", b"letter-0"), Put(30.0, "b.pdf", b"invoice-1")
    outages = (Outage(0.0, 300.0, "v1", "error"), Outage(500.0, 600.0, "v2", "hang"))
    [unretried] = [each for each in MUTATIONS if each.name == "an incomplete record is not retried"]
    with mutated(unretried):
        result = run_scenario(Scenario((needed, noise, *outages), codes=("current", "next"), index_lag=5.0))
        assert result.violations
        reduced = shrink(result)
    assert reduced.violations
    assert len(reduced.scenario.actions) == 2
    assert reduced.scenario.codes == ("current",)


def test_faults_are_noted_by_actor_and_number_of_the_request() -> None:
    faults = FaultSource({}, random.Random(1), rate=1.0)
    drawn = [faults.next("event 1.1 attempt 1", "table") for _ in range(3)]
    assert [faults.noted["event 1.1 attempt 1", number] for number in (1, 2, 3)] == drawn
