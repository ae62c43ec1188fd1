"""Simulate histories of the whole system, and check every guarantee of docs/semantics.md in each.

    python -m benchmarks.simulate --seed 1 --histories 10000    a minute on one core
    python -m benchmarks.simulate --minutes 60                  an hour, from a random seed
    python -m benchmarks.simulate --mutations                   whether the simulation detects 20 defects

A violation is printed as a test case that replays it, reduced to what it needs. The exit code is then 1.
"""

import argparse
import gc
import random
import sys
import time
from collections import Counter

from testkit.simulation.cooperation import cooperative
from testkit.simulation.history import Result, run_seed
from testkit.simulation.mutations import MUTATIONS, histories_until_detected
from testkit.simulation.shrinking import shrink

_REPORT_EVERY_S = 30.0
_COLLECT_AFTER = 10_000
"""Allocations until cyclic garbage is collected. The default, 700, takes a tenth of the time."""

_MAX_SHOWN = 5
"""Maximum number of violations that are reduced and printed."""


def main() -> None:
    """Run histories or mutations; exit with 1 if a guarantee does not hold or a mutation is not detected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9), help="seed of the first history")
    parser.add_argument("--histories", type=int, default=10_000, help="number of histories (default 10,000)")
    parser.add_argument("--minutes", type=float, help="run for a time instead")
    parser.add_argument("--mutations", action="store_true", help="check that defects are detected")
    arguments = parser.parse_args()
    if arguments.mutations:
        sys.exit(0 if _run_mutations(arguments.seed, arguments.histories) else 1)
    sys.exit(0 if _run_histories(arguments.seed, arguments.histories, arguments.minutes) else 1)


def _run_histories(first: int, histories: int, minutes: float | None) -> bool:
    """Run histories and print a summary. Return whether all guarantees held."""
    started, cpu, reported = time.monotonic(), time.process_time(), time.monotonic()
    broken: Counter[int] = Counter()
    count = 0
    print(f"seed {first}", flush=True)
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    with cooperative():
        while count < histories if minutes is None else time.monotonic() - started < minutes * 60:
            result = run_seed(first + count)
            count += 1
            if result.violations:
                broken[result.violations[0].guarantee] += 1
                if broken.total() <= _MAX_SHOWN:
                    _print_case(first + count - 1, result)
            if time.monotonic() - reported > _REPORT_EVERY_S:
                reported = time.monotonic()
                print(f"{count:,} histories, {broken.total()} with violations", flush=True)
    rate = count / (time.process_time() - cpu) * 60
    print(f"{count:,} histories, {rate:,.0f} per minute of CPU time, {broken.total()} with violations")
    return not broken


def _print_case(seed: int, result: Result) -> None:
    """Print a violation as a test case."""
    simple = shrink(result)
    print(f"\nSeed {seed} violates a guarantee. Reduced, what happened:")
    print("\n".join(simple.trace))
    for violation in simple.violations:
        print(f"guarantee {violation.guarantee}: {violation.detail}")
    print(f"Replay it with run_scenario:\n{simple.scenario!r}\n", flush=True)


def _run_mutations(seed: int, histories: int) -> bool:
    """Print after how many histories each mutation is detected. Return whether all are."""
    detected = True
    for mutation in MUTATIONS:
        cpu = time.process_time()
        found = histories_until_detected(mutation, range(seed, seed + histories))
        detected = detected and found is not None
        after = f"after {found[0]:,} histories, guarantee {found[1]}" if found else "NOT DETECTED"
        print(f"{mutation.name:50} {after}, {time.process_time() - cpu:.1f} s", flush=True)
    return detected


if __name__ == "__main__":
    main()
