"""The chart of latencies in docs/operations.md."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from testkit.reports import percentile

_PERCENTILES = (50, 95, 99)
_HANDLER, _EVENT, _TARGET = "#2563eb", "#94a3b8", "#dc2626"

Row = tuple[str, Sequence[float], Sequence[float]]
"""Name of a run, its latencies from the handler's start, and from the S3 event; in milliseconds."""


def draw(rows: Sequence[Row], *, target_ms: float, file: Path) -> None:
    """Draw each latency of each run as a line from its median to its 99th percentile, on a logarithmic axis."""
    plt.rcParams.update({"font.size": 9, "svg.hashsalt": "triptych", "svg.fonttype": "none"})
    figure, axes = plt.subplots(figsize=(9, 1.4 + 0.45 * len(rows)), layout="constrained")
    for position, (_, handler, event) in enumerate(rows):
        _draw_line(axes, handler, position - 0.15, _HANDLER)
        _draw_line(axes, event, position + 0.15, _EVENT)
    axes.plot([], [], "o-", color=_HANDLER, label="from the handler's start")
    axes.plot([], [], "o-", color=_EVENT, label="from the S3 event, waiting included")
    axes.axvline(target_ms, color=_TARGET, linestyle="--", label=f"target: {target_ms / 1000:g} s")
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set(xscale="log", xlim=(10, 100_000), title="Time to the record: median, 95th and 99th percentile")
    axes.set_xticks([10, 100, 1000, 10_000, 100_000], ["10 ms", "100 ms", "1 s", "10 s", "100 s"])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", color="#e2e8f0")
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def _draw_line(axes: Axes, values: Sequence[float], position: float, color: str) -> None:
    if values:
        points = [percentile(values, rank) for rank in _PERCENTILES]
        axes.plot(points, [position] * len(points), "o-", color=color, markersize=4)
