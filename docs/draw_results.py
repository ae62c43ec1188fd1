"""Draw docs/images/results.svg, the README's picture, from the running local stack: `python docs/draw_results.py`."""

from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from triptych import render, target
from triptych.results import Question, Results

IMAGE = Path(__file__).parent / "images" / "results.svg"
COLUMNS = 118

records = Results(target.local().table).newest(Question(), limit=14)
console = Console(record=True, width=COLUMNS, file=StringIO())
console.print(render.RecordTable(records))
console.save_svg(str(IMAGE), title="triptych results", theme=MONOKAI)
