"""A chart of latencies as SVG, written by hand: it needs no plotting library, and its text stays text."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 860, 190, 30, 64, 44
_FIRST_MS, _LAST_MS = 10.0, 100_000.0
_RANKS = (50, 95, 99)
_OURS, _WHOLE, _LATE = "#2563eb", "#94a3b8", "#dc2626"

Row = tuple[str, Sequence[float], Sequence[float]]
"""A run's name, its latencies from the handler's start, and from the event's time; in milliseconds."""


def percentile(values: Sequence[float], rank: int) -> float:
    """The smallest value that at least `rank` percent do not exceed (nearest rank: a value that did occur)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * rank / 100) - 1)]


def draw(rows: Sequence[Row], *, target_ms: float, path: Path) -> None:
    """Draw a line from the median to the 99th percentile for each latency of each run, over a logarithmic axis."""
    height = _TOP + _ROW * len(rows) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 24, "Time to the record: median, 95th and 99th percentile", size=15, anchor="start"),
        _text(16, 44, "blue: from the handler's start · grey: from S3's event, waiting included", anchor="start"),
        *_axis(height - 30),
    ]
    x = _x(target_ms)
    parts.append(f'<path d="M{x:.1f} {_TOP - 6} V{height - 30}" stroke="{_LATE}" stroke-dasharray="5 4"/>')
    parts.append(_text(x, _TOP - 10, f"{target_ms / 1000:g} s", color=_LATE))
    for number, (name, ours, whole) in enumerate(rows):
        y = _TOP + _ROW * number + _ROW / 2
        parts.append(_text(_LEFT - 14, y + 4, name, anchor="end"))
        parts += [*_span(ours, y - 7, _OURS), *_span(whole, y + 9, _WHOLE)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _axis(bottom: float) -> list[str]:
    parts = []
    for power in range(int(math.log10(_FIRST_MS)), int(math.log10(_LAST_MS)) + 1):
        x, ms = _x(10.0**power), 10**power
        parts.append(f'<path d="M{x:.1f} {_TOP} V{bottom}" stroke="#e2e8f0"/>')
        parts.append(_text(x, bottom + 18, f"{ms} ms" if ms < 1000 else f"{ms // 1000} s"))
    return parts


def _span(values: Sequence[float], y: float, color: str) -> list[str]:
    if not values:
        return []
    first, *_, last = points = [_x(percentile(values, rank)) for rank in _RANKS]
    line = f'<path d="M{first:.1f} {y:.1f} H{last:.1f}" stroke="{color}" stroke-width="3"/>'
    return [line, *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>' for x in points)]


def _x(ms: float) -> float:
    """Where a latency lies; what is beyond the axis lies at its end."""
    held = min(max(ms, _FIRST_MS), _LAST_MS)
    share = math.log(held / _FIRST_MS) / math.log(_LAST_MS / _FIRST_MS)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _text(x: float, y: float, words: str, *, size: int = 12, anchor: str = "middle", color: str = "#0f172a") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{color}">{escape(words)}</text>'
    )
