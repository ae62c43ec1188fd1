"""Protects: docs/limits.md states the bounds that the code has, and leaves out no thread pool, loop, queue or cache."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from testkit.template import ROOT

PAGE = (ROOT / "docs" / "limits.md").read_text("utf-8")
PACKAGES = ("records", "orchestrator", "publisher", "decoding", "model_service", "converter", "triptych")
UNITS = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "s": 1}
ROWS = [
    (cells[2].strip("`"), cells[1])
    for line in PAGE.splitlines()
    if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 4 and cells[2].startswith("`")
]
UNBOUNDED = re.compile(
    r"ThreadPoolExecutor\(|while True:|\bdeque\(|SimpleQueue\(|^@(?:functools\.)?(?:lru_)?cache$", re.M
)
"""What needs a bound: pools, endless loops, queues and caches."""


def value_of(name: str) -> Any:
    """Return the constant, or the default of a field, with this name."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            fields = {**getattr(found, "model_fields", {}), **getattr(found, "__dataclass_fields__", {})}
            found = fields[part].default if part in fields else getattr(found, part)
        return found
    raise AssertionError(name)


@pytest.mark.parametrize(("name", "bound"), ROWS, ids=lambda text: text.rpartition(".")[2])
def test_bound_is_that_of_the_code(name: str, bound: str) -> None:
    number, _, unit = bound.partition(" ")
    value = value_of(name)
    assert (len(value) if isinstance(value, tuple) else value) == float(number) * UNITS.get(unit, 1)


def test_page_lists_bounds_of_every_section() -> None:
    assert len(ROWS) >= 40


def modules() -> list[Path]:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [path for path in files if "context" not in path.relative_to(ROOT).parts]


def test_every_module_with_a_pool_an_endless_loop_a_queue_or_a_cache_is_listed() -> None:
    named = set(re.findall(r"`([a-z_]+(?:\.[a-z_0-9]+)+)", PAGE))
    for path in modules():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if UNBOUNDED.search(path.read_text("utf-8")):
            assert any(name == module or name.startswith(f"{module}.") for name in named), module
