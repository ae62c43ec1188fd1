"""Protects: the number of CPUs is the container's quota, not the host's core count."""

import os
from pathlib import Path

import pytest

from model_service.cpus import available_cpus


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.parametrize(
    ("content", "cpus"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("25000 100000", 1),
        ("150000 100000", 2),
        ("9900000 100000", 8),
        ("", 8),
    ],
)
def test_the_quota_of_control_groups_version_2(tmp_path: Path, content: str, cpus: int) -> None:
    (tmp_path / "cpu.max").write_text(content)

    assert available_cpus(tmp_path) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1", 8), ("400000", 4), ("50000", 1)])
def test_the_quota_of_control_groups_version_1(tmp_path: Path, quota: str, cpus: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")

    assert available_cpus(tmp_path) == cpus


def test_without_control_groups_the_affinity_decides(tmp_path: Path) -> None:
    assert available_cpus(tmp_path) == 8
