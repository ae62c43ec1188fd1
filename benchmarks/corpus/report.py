"""Reports of a corpus run: tables for the terminal, and an HTML file with thumbnails."""

import base64
import html
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from testkit.corpus import Kind, Row
from triptych.terminal.text import printable

_HEAD: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Corpus report</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border-bottom: 1px solid #ccc; padding: .4rem .8rem; text-align: left; vertical-align: top }
td.number { text-align: right }
td.name { overflow-wrap: anywhere }
img { background: #fff; border: 1px solid #999; display: block }
</style>
<h1>Corpus report</h1>
"""


def print_tables(console: Console, rows: Sequence[Row]) -> None:
    """Print the counts by kind and reason, and a row for each finding."""
    counts = Table(title="Results", title_justify="left")
    for title in ("kind", "reason"):
        counts.add_column(title)
    counts.add_column("documents", justify="right")
    for (kind, reason), count in count_rows(rows):
        counts.add_row(kind, reason, str(count), style="bold" if kind.is_finding else "")
    console.print(counts)

    findings = find_findings(rows)
    if not findings:
        console.print("No findings.")
        return
    table = Table(title="Findings", title_justify="left")
    for title in ("document", "kind", "reason", "detail"):
        table.add_column(title, overflow="fold")
    table.add_column("differs", justify="right")
    for row in findings:
        texts = (row.name, row.kind, row.reason, row.detail)
        table.add_row(*(escape(printable(text)) for text in texts), _percent(row))
    console.print(table)


def write_html(path: Path, rows: Sequence[Row], notes: Sequence[str]) -> None:
    """Write a self-contained HTML file with the counts, and thumbnails of the findings.

    Args:
        path: The file.
        rows: All rows.
        notes: Paragraphs before the tables.
    """
    parts = [_HEAD, *(f"<p>{_text(note)}</p>\n" for note in notes)]
    parts.append("<h2>Results</h2>\n<table>\n<tr><th>kind<th>reason<th>documents\n")
    for (kind, reason), count in count_rows(rows):
        parts.append(f'<tr><td>{_text(kind)}<td>{_text(reason)}<td class="number">{count}\n')
    parts.append("</table>\n<h2>Findings</h2>\n<table>\n")
    parts.append("<tr><th>document<th>kind, reason<th>differs<th>decoder<th>reference<th>references\n")
    parts.extend(_html_row(row) for row in find_findings(rows))
    parts.append("</table>\n</html>\n")
    path.write_text("".join(parts), encoding="utf-8")


def count_rows(rows: Sequence[Row]) -> list[tuple[tuple[Kind, str], int]]:
    """Return the number of documents by kind and reason; the most severe kind first, then the most frequent reason."""
    counts = Counter((row.kind, row.reason) for row in rows)
    order = list(Kind)
    return sorted(counts.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0][1]))


def find_findings(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that need attention, the most severe first."""
    order = list(Kind)
    return sorted(
        (row for row in rows if row.kind.is_finding),
        key=lambda row: (order.index(row.kind), row.reason if row.difference is None else "", -(row.difference or 0)),
    )


def _html_row(row: Row) -> str:
    references = "; ".join(f"{program}: {result}" for program, result in row.references.items())
    decoded, reference = (_image_tag(page) for page in row.thumbnails)
    return (
        f'<tr><td class="name">{_text(row.name)}<td>{_text(row.kind)}: {_text(row.reason)}<br>{_text(row.detail)}'
        f'<td class="number">{_percent(row)}<td>{decoded}<td>{reference}<td>{_text(references)}\n'
    )


def _text(text: str) -> str:
    return html.escape(printable(text))


def _percent(row: Row) -> str:
    return "" if row.difference is None else f"{row.difference:.1%}"


def _image_tag(page: Image.Image | None) -> str:
    if page is None:
        return "no page"
    file = io.BytesIO()
    page.save(file, "JPEG", quality=70)
    encoded = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="page" width="{page.width}" height="{page.height}" src="data:image/jpeg;base64,{encoded}">'
