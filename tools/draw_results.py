"""Draw docs/images/results.svg, the README's picture, from the running local stack: `python docs/draw_results.py`."""

import re
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from triptych.storage import connection
from triptych.storage.results import Question, Results
from triptych.terminal import record_views

IMAGE = Path(__file__).parent / "images" / "results.svg"
COLUMNS = 112

records = Results(connection.local().table).newest(Question(), limit=16)
console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
console.print(record_views.RecordTable(records))
picture = console.export_svg(title="triptych results", theme=MONOKAI)
IMAGE.parent.mkdir(exist_ok=True)
# The picture loads nothing from elsewhere: it takes the reader's own monospaced typeface.
picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
IMAGE.write_text(re.sub(r"font-family: Fira Code", "font-family: ui-monospace", picture))
