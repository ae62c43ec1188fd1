"""Draw docs/images/results.svg for the README from the running local stack: `python -m tools.draw_results`."""

import re
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from triptych.storage import connection
from triptych.storage.results import RecordQuery, Results
from triptych.terminal.record_views import ResultsTable

IMAGE = Path(__file__).parents[1] / "docs" / "images" / "results.svg"
COLUMNS = 112


def main() -> None:
    """Write the picture."""
    records = Results(connection.connect_local().table).newest(RecordQuery.where(), limit=16)
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(ResultsTable(records))
    picture = console.export_svg(title="triptych results", theme=MONOKAI)
    # Use the viewer's monospaced font, so that the picture loads nothing from the network.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    IMAGE.write_text(picture.replace("font-family: Fira Code", "font-family: ui-monospace"))


if __name__ == "__main__":
    main()
