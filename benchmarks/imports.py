"""What a cold start imports: `python -m benchmarks.imports`.

The handler is timed against its own floor, `import boto3` alone, each in a fresh process, in turn. Ends with 1 when
the ratio is above the ceiling: then something that the handler does not need has crept in, and the list says what.
"""

import re
import statistics
import subprocess
import sys
from collections import Counter

CEILING = 2.0
"""Ratio to `import boto3`; 1.4 when this was written."""

_ROUNDS = 7
_TIMED = "import time; begun = time.perf_counter(); import {module}; print((time.perf_counter() - begun) * 1000)"
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)")


def milliseconds(module: str) -> float:
    """How long a fresh process takes to import a module."""
    return float(_python("-c", _TIMED.format(module=module)).stdout)


def by_package(module: str) -> Counter[str]:
    """Milliseconds that importing `module` spends in each top-level package itself."""
    spent: Counter[str] = Counter()
    for line in _python("-X", "importtime", "-c", f"import {module}").stderr.splitlines():
        if found := _LINE.match(line):
            spent[found[2].split(".")[0]] += int(found[1])
    return Counter({package: microseconds // 1000 for package, microseconds in spent.items()})


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)


def main() -> None:
    milliseconds("orchestrator.handler")  # compiles what is not compiled yet
    pairs = [(milliseconds("orchestrator.handler"), milliseconds("boto3")) for _ in range(_ROUNDS)]
    ratio = statistics.median(handler / floor for handler, floor in pairs)
    print(f"handler          {statistics.median(handler for handler, _ in pairs):4.0f} ms")
    print(f"boto3 alone      {statistics.median(floor for _, floor in pairs):4.0f} ms")
    print(f"ratio            {ratio:4.2f}    ceiling {CEILING:.2f}\n")
    for package, spent in by_package("orchestrator.handler").most_common(8):
        print(f"{package:<22}{spent:4} ms")
    sys.exit(ratio > CEILING)


if __name__ == "__main__":
    main()
