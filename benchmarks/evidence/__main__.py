"""Labels until the best version is named, and how often the wrong one is: `python -m benchmarks.evidence`.

With `--predictions FOLDER`, on triples of recorded models: `predictions.npy`, shape (documents, models), `oracle.npy`,
the true labels, as in the collections of "All models are wrong, some are useful: Model selection with limited labels"
(AISTATS 2025). Without it, on simulated versions. Every run labels the documents on which versions differ in random
order and looks after every label.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.evidence.measure import measure_folder, measure_simulation
from benchmarks.evidence.promise import measure_promise
from benchmarks.evidence.report import print_tables
from benchmarks.evidence.worlds import load_world
from triptych.terminal.text import to_json


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments, run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__.partition("\n")[0])
    parser.add_argument("--predictions", type=Path, metavar="FOLDER", help="predictions.npy and oracle.npy")
    parser.add_argument("--least", type=float, default=0.86, help="least accuracy of the models (default: 0.86)")
    parser.add_argument("--runs", type=int, default=1000, help="runs of each setting (default: 1,000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    if options.predictions is None:
        found = measure_simulation(runs=options.runs, seed=options.seed)
    else:
        try:
            world = load_world(options.predictions)
        except ValueError as error:
            parser.error(str(error))
        found = measure_folder(world, least=options.least, runs=options.runs, seed=options.seed)
    found["promise"] = measure_promise(runs=options.runs, seed=options.seed)
    if options.json:
        print(to_json(found, indent=2))
    else:
        print_tables(found, Console())


if __name__ == "__main__":
    main()
