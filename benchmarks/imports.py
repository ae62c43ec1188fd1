"""CPU time of the imports of the orchestrator: `python -m benchmarks.imports`.

The imports of the handler, without garbage collection as in `orchestrator.function`, are compared with `import boto3`
alone, alternately, each in a new process. The exit code is 1 if the ratio exceeds the ceiling: then the handler imports
a package that it does not need. The list of packages shows which.
"""

import os
import re
import statistics
import subprocess
import sys
from collections import Counter

CEILING = 1.3
"""Maximum ratio to `import boto3`. It was 1.2 in 2026."""

_ROUNDS = 15
BOTO3 = "import boto3"
HANDLER = "import gc; gc.disable(); import orchestrator.handler"
_TIMED = "import time; start = time.process_time(); {code}; print((time.process_time() - start) * 1000)"
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)")


def cpu_ms(code: str, **variables: str) -> float:
    """Return the milliseconds of CPU time that a new process takes to run code.

    Args:
        code: Statements on one line.
        variables: Environment variables of the process. By default, it may write bytecode.
    """
    return float(_python("-c", _TIMED.format(code=code), **variables).stdout)


def import_ms_by_package(module: str) -> Counter[str]:
    """Return the milliseconds that importing `module` spends in each top-level package."""
    totals: Counter[str] = Counter()
    for line in _python("-X", "importtime", "-c", f"import {module}").stderr.splitlines():
        if match := _LINE.match(line):
            totals[match[2].split(".")[0]] += int(match[1])
    return Counter({package: microseconds // 1000 for package, microseconds in totals.items()})


def _python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **variables}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True)


def main() -> None:
    """Print the measurements; exit with 1 if the ratio exceeds the ceiling."""
    cpu_ms(HANDLER)  # writes the bytecode
    pairs = [(cpu_ms(HANDLER), cpu_ms(BOTO3)) for _ in range(_ROUNDS)]
    ratio = statistics.median(handler / boto3 for handler, boto3 in pairs)
    print(f"handler          {statistics.median(handler for handler, _ in pairs):4.0f} ms")
    print(f"boto3 alone      {statistics.median(boto3 for _, boto3 in pairs):4.0f} ms")
    print(f"ratio            {ratio:4.2f}    ceiling {CEILING:.2f}\n")
    for package, total in import_ms_by_package("orchestrator.handler").most_common(8):
        print(f"{package:<22}{total:4} ms")
    sys.exit(ratio > CEILING)


if __name__ == "__main__":
    main()
