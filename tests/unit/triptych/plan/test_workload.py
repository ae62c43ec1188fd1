"""Protects: invalid input is rejected with a message before anything is computed."""

from typing import Any

import pytest

from triptych.plan.workload import Setup, Workload


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"peak": 0.5}, "must not be below"),
        ({"page_mb": 0}, "page size must be positive"),
        ({"page_mb": -1}, "page size must be positive"),
        ({"pages": 0}, "at least one page"),
        ({"keep_months": -1}, "must not be negative"),
        ({"page_ms": 0}, "time per page must be positive"),
        ({"page_mb": 3, "pages": 8}, "24 MB are rejected unread: the maximum is 21 MB"),
    ],
)
def test_an_invalid_workload_is_rejected(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Workload(**{"rate": 1.0, "peak": 1.0, **fields})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task_cpu": 1000}, "256, 512, 1024, 2048, 4096, 8192, not 1000"),
        ({"min_tasks": 0}, "between 1 and 100, not 0"),
        ({"min_tasks": 101}, "not 101"),
        ({"utilisation": 1}, "between 0.05 and 0.95"),
        ({"utilisation": 0}, "between 0.05 and 0.95"),
    ],
)
def test_an_invalid_setup_is_rejected(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Setup(**{"task_cpu": 1024, **fields})
