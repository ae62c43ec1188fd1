"""The chart of latency and throughput in docs/performance.md."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

_COLOURS = ("#9aa5b1", "#0b6e4f", "#6bbf8f", "#c8553d", "#f28f3b", "#8d6a9f")


def draw(
    file: Path,
    kinds: Sequence[str],
    latency_ms: Mapping[str, Sequence[float]],
    per_second: Mapping[str, Sequence[float]],
) -> None:
    """Draw both measures of each server, by kind of document.

    Args:
        file: SVG file to write.
        kinds: Kinds of documents.
        latency_ms: Median latency for each kind, by server.
        per_second: Documents per second for each kind, by server.
    """
    plt.rcParams.update({"font.size": 9, "svg.hashsalt": "triptych", "axes.spines.top": False})
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    _bars(axes[0], kinds, latency_ms, "latency in ms, one caller: less is better")
    _bars(axes[1], kinds, per_second, "documents per second, eight callers: more is better")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def _bars(axis: Axes, kinds: Sequence[str], values: Mapping[str, Sequence[float]], title: str) -> None:
    height = 0.8 / len(values)
    for place, (name, numbers) in enumerate(values.items()):
        at = [index + place * height for index in range(len(kinds))]
        bars = axis.barh(at, numbers, height * 0.92, label=name, color=_COLOURS[place])
        axis.bar_label(bars, [f"{number:.0f}" for number in numbers], padding=2, fontsize=7)
    axis.set_yticks([index + 0.4 - height / 2 for index in range(len(kinds))], kinds)
    axis.invert_yaxis()
    axis.spines["right"].set_visible(False)
    axis.set_title(title, fontsize=8, loc="left")
