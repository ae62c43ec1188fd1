"""Number of CPUs that this process may use: the container's quota, not the host's core count."""

import math
import os
from pathlib import Path
from typing import Final

_CGROUP: Final = Path("/sys/fs/cgroup")


def available_cpus(cgroup: Path = _CGROUP) -> int:
    """Return how many CPUs this process may use, at least 1.

    The result is the minimum of the scheduler's affinity (`taskset`, cpusets) and the quota of the control group
    (version 2: cpu.max; version 1: cpu.cfs_quota_us), rounded up. With more threads than the quota allows, all of them
    are throttled at once and the latency rises sharply.

    Args:
        cgroup: Folder of the control group's files, as seen from inside a container.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def _quota(cgroup: Path) -> float | None:
    """Return the CPU quota of the control group, or None if it has none."""
    try:
        if (unified := cgroup / "cpu.max").exists():
            quota, period = unified.read_text().split()
        else:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # no control group, or the quota is "max"
        return None
