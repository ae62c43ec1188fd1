"""What bytecode in the orchestrator's package saves at each cold start: `python -m benchmarks.bytecode`.

The package is built with this Python, and imported with and without its bytecode, in new processes that write none, as
on Lambda. boto3 is that of this environment. Use the Python of the function (template.yaml) to compare with Lambda.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.imports import BOTO3, HANDLER, cpu_ms
from testkit.template import ROOT


def build(folder: Path) -> None:
    """Build the package with bytecode for this Python."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    settings = {"ARTIFACTS_DIR": folder, "PYTHON": sys.executable, "COMPILER": sys.executable, "LAMBDA_PYTHON": version}
    command = ["make", "build-Orchestrator", *(f"{name}={value}" for name, value in settings.items())]
    subprocess.run(command, cwd=ROOT / "orchestrator", check=True, capture_output=True)


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--rounds", type=int, default=11, help="processes of each kind (default: 11)")
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as name:
        compiled, sources = Path(name, "compiled"), Path(name, "sources")
        compiled.mkdir()
        build(compiled)
        shutil.copytree(compiled, sources, ignore=shutil.ignore_patterns("__pycache__"))
        cpu_ms(BOTO3)  # writes the bytecode of boto3
        times = [
            (cpu_ms(BOTO3), *(cpu_ms(HANDLER, **_only(package)) for package in (sources, compiled)))
            for _ in range(rounds)
        ]
    for title, column in (("boto3", 0), ("package without bytecode", 1), ("package with bytecode", 2)):
        milliseconds = statistics.median(row[column] for row in times)
        ratio = statistics.median(row[column] / row[0] for row in times)
        print(f"{title:<26}{milliseconds:4.0f} ms of CPU time   {ratio:.2f}")


def _only(package: Path) -> dict[str, str]:
    """Return the environment of a process that imports the package instead of this checkout."""
    return {"PYTHONPATH": str(package), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}


if __name__ == "__main__":
    main()
