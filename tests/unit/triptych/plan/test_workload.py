"""Protects: that what cannot be is refused in words, before anything is computed."""

from typing import Any

import pytest

from triptych.plan.workload import Setup, Workload


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"peak": 0.5}, "below the rate"),
        ({"page_mb": 0}, "a size above 0"),
        ({"page_mb": -1}, "a size above 0"),
        ({"pages": 0}, "at least one page"),
        ({"keep_months": -1}, "0 months or longer"),
        ({"page_ms": 0}, "more than 0 ms"),
        ({"page_mb": 3, "pages": 8}, "24 MB would be rejected unread: 21 MB is the most"),
    ],
)
def test_a_workload_that_cannot_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Workload(**{"rate": 1.0, "peak": 1.0, **given})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"task_cpu": 1000}, "256, 512, 1024, 2048, 4096, 8192 CPU units, not 1000"),
        ({"min_tasks": 0}, "1 to 100 tasks, not 0"),
        ({"min_tasks": 101}, "not 101"),
        ({"utilisation": 1}, "a share from"),
        ({"utilisation": 0}, "a share from"),
    ],
)
def test_a_setup_that_cannot_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Setup(**{"task_cpu": 1024, **given})
