"""The chart of latency and throughput in docs/performance.md."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

_COLOURS: Final = {
    "the floor": "#b8c0c8",
    "this service": "#0b6e4f",
    "well configured": "#f28f3b",
    "scaled decoding": "#8d6a9f",
}
"""Colour by part of a server's name; the last that matches counts."""
_AS_IT_COMES: Final = "#c8553d"

Figures = Mapping[str, Sequence[float]]
"""A figure for each kind of document, by server."""


def draw(file: Path, kinds: Sequence[str], measures: Mapping[str, Figures]) -> None:
    """Draw a row of panels for each measure, and a panel for each kind of document with a bar for each server.

    Args:
        file: SVG file to write.
        kinds: Kinds of documents.
        measures: Figures by measure.
    """
    plt.rcParams.update({"font.size": 8, "svg.hashsalt": "triptych"})
    servers = max(map(len, measures.values()))
    size = (11, 0.6 + len(measures) * (0.5 + 0.2 * servers))
    figure, rows = plt.subplots(len(measures), len(kinds), figsize=size, layout="constrained", squeeze=False)
    for axes, (measure, figures) in zip(rows, measures.items(), strict=True):
        for column, (axis, kind) in enumerate(zip(axes, kinds, strict=True)):
            _bars(axis, {name: values[column] for name, values in figures.items()}, names=column == 0)
            axis.set_title(kind, fontsize=8, loc="left")
            axis.set_xlabel(measure)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def _bars(axis: Axes, figures: Mapping[str, float], *, names: bool) -> None:
    bars = axis.barh(range(len(figures)), list(figures.values()), 0.75, color=[_colour(name) for name in figures])
    axis.bar_label(bars, [f"{figure:.0f}" for figure in figures.values()], padding=2, fontsize=7)
    axis.set_yticks(range(len(figures)), list(figures) if names else [""] * len(figures))
    axis.tick_params(axis="y", length=0)
    axis.set_xticks([])
    axis.margins(x=0.15)
    axis.invert_yaxis()
    axis.spines[["top", "right", "bottom"]].set_visible(False)


def _colour(name: str) -> str:
    return next((colour for part, colour in reversed(_COLOURS.items()) if part in name), _AS_IT_COMES)
