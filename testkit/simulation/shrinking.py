"""Removes from a scenario whatever its violation does not need, so that people can understand it."""

from collections.abc import Iterator
from dataclasses import replace

from testkit.simulation.history import Result, run_scenario
from testkit.simulation.scenario import Fault, Put, Scenario

MAX_RUNS = 2000
"""Maximum number of histories to shrink one scenario."""


def shrink(result: Result) -> Result:
    """Return the simplest result found that violates the same guarantee. `cooperative` must be active."""
    guarantee = result.violations[0].guarantee
    runs = 0
    progress = True
    while progress:
        progress = False
        for candidate in _simpler(result.scenario):
            runs += 1
            if runs > MAX_RUNS:
                return result
            found = run_scenario(candidate)
            if any(violation.guarantee == guarantee for violation in found.violations):
                result, progress = found, True
                break
    return result


def _simpler(scenario: Scenario) -> Iterator[Scenario]:
    """Yield scenarios that are simpler, those that are much simpler first."""
    simplest = Scenario()
    for name in ("codes", "clock_errors", "index_lag", "queued", "events", "versioned"):
        if getattr(scenario, name) != getattr(simplest, name):
            yield replace(scenario, **{name: getattr(simplest, name)})
    faults = list(scenario.faults.items())
    for kept in _without_parts(faults):
        yield replace(scenario, faults=dict(kept))
    for number in range(len(scenario.actions)):
        yield replace(scenario, actions=scenario.actions[:number] + scenario.actions[number + 1 :])
    yield from _with_fewer_deliveries(scenario)
    for request, fault in faults:
        usual = Fault(fault.kind)
        if fault != usual:
            yield replace(scenario, faults={**scenario.faults, request: usual})


def _with_fewer_deliveries(scenario: Scenario) -> Iterator[Scenario]:
    actions = scenario.actions
    for number, action in enumerate(actions):
        if isinstance(action, Put):
            for deliveries in ((0.1,), action.deliveries[:1], action.deliveries[1:]):
                if len(deliveries) < len(action.deliveries):
                    changed = replace(action, deliveries=deliveries)
                    yield replace(scenario, actions=(*actions[:number], changed, *actions[number + 1 :]))


def _without_parts(items: list[tuple[tuple[str, int], Fault]]) -> Iterator[list[tuple[tuple[str, int], Fault]]]:
    """Yield the list without each half, each quarter and so on, down to single items."""
    size = len(items)
    while size:
        for start in range(0, len(items), size):
            yield items[:start] + items[start + size :]
        size //= 2
