"""Protects: a labelled sheet is imported exactly once, however a spreadsheet saved it."""

import csv
import io
import json
from pathlib import Path

import pytest

from records.labels import NONE_OF_THESE
from records.outcomes import Outcome
from records.table import RecordTable
from tests.support.uploads import model_failure, prediction, record, upload
from triptych.errors import UsageError
from triptych.review import sheets
from triptych.review.queues import Deal
from triptych.review.reviews import Reviews
from triptych.review.sheets import ImportSummary, SheetFormat
from triptych.storage.connection import StackConnection

DATA = Path(__file__).parents[3] / "data"
DISAGREED: dict[str, Outcome] = {"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": model_failure()}
NAMES = ("one.pdf", 'two, "and a half";.pdf', "=drei\nZürich.pdf")


@pytest.fixture
def reviews(stack: StackConnection) -> Reviews:
    for name in NAMES:
        RecordTable(stack.table).save(record(DISAGREED, of=upload(name, bucket="inbox")), replacing=None)
    return Reviews(stack.table)


def import_sheet(
    reviews: Reviews, text: str, sheet_format: SheetFormat = SheetFormat.CSV, by: str = "ann"
) -> ImportSummary:
    return sheets.import_rows(reviews, sheets.parse_sheet(text.encode(), sheet_format), by=by, advance=lambda: None)


def filled(text: str, sheet_format: SheetFormat, label: str) -> str:
    """Return the sheet with the same label in every row."""
    if sheet_format is SheetFormat.JSON:
        return json.dumps([{**row, "label": label} for row in json.loads(text)])
    rows = [{**row, "label": label} for row in csv.DictReader(io.StringIO(text))]
    out = io.StringIO()
    sheet = csv.DictWriter(out, list(rows[0]))
    sheet.writeheader()
    sheet.writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("sheet_format", list(SheetFormat))
def test_an_exported_and_filled_in_sheet_is_imported(reviews: Reviews, sheet_format: SheetFormat) -> None:
    text = sheets.format_sheet(reviews.deal(), sheet_format)
    assert import_sheet(reviews, text, sheet_format) == ImportSummary()  # no labels yet
    done = import_sheet(reviews, filled(text, sheet_format, "receipt"), sheet_format)
    assert done == ImportSummary(labelled=3)
    assert reviews.deal() == []
    found = {one.upload.key: one.review for one in reviews.labelled()}
    assert set(found) == set(NAMES)
    assert {(review.label, review.by, review.queue) for review in found.values() if review} == {
        ("receipt", "ann", "review")
    }


def test_a_sheet_has_predictions_and_choices(reviews: Reviews) -> None:
    row = json.loads(sheets.format_sheet(reviews.deal(), SheetFormat.JSON))[0]
    assert (row["v1"], row["v2"], row["v3"]) == ("invoice 0.9000", "receipt 0.9000", "timeout")
    assert row["choices"] == ["invoice", "receipt", NONE_OF_THESE]
    assert (row["queue"], row["reasons"], row["label"]) == ("review", ["doubtful"], "")


def test_importing_a_sheet_again_changes_nothing(reviews: Reviews) -> None:
    text = filled(sheets.format_sheet(reviews.deal(), SheetFormat.CSV), SheetFormat.CSV, "receipt")
    import_sheet(reviews, text)
    before = [one.revision for one in reviews.labelled()]
    assert import_sheet(reviews, text) == ImportSummary(unchanged=3)
    assert [one.revision for one in reviews.labelled()] == before


def test_importing_a_sheet_again_keeps_corrections_of_other_reviewers(reviews: Reviews) -> None:
    """As happens when failed rows are fixed and the whole sheet is imported again."""
    text = filled(sheets.format_sheet(reviews.deal(), SheetFormat.CSV), SheetFormat.CSV, "receipt")
    import_sheet(reviews, text)
    corrected = reviews.labelled()[0].upload
    reviews.label(corrected.document, corrected.sort_key, "invoice", "bob")
    assert import_sheet(reviews, text) == ImportSummary(unchanged=3)
    current = reviews.find(corrected.document, corrected.sort_key)
    assert current is not None
    assert current.review is not None
    assert (current.review.label, current.review.by) == ("invoice", "bob")


def test_a_row_that_cannot_be_stored_is_named_and_the_others_are_stored(reviews: Reviews) -> None:
    text = 'document,label\ninbox/one.pdf,receipt\ninbox/nobody.pdf,receipt\n"inbox/two, ""and a half"";.pdf",recipt\n'
    done = import_sheet(reviews, text)
    assert done.labelled == 1
    assert [failure.partition(":")[0] for failure in sorted(done.failures)] == ["row 2", "row 3"]
    assert "No record" in sorted(done.failures)[0]


def test_columns_may_be_reordered_or_removed(reviews: Reviews) -> None:
    """Spreadsheets also add a byte order mark and may use semicolons."""
    assert import_sheet(
        reviews, "\ufefflabel;by;seconds;document\r\nreceipt;bo;4.5;inbox/one.pdf\r\n"
    ) == ImportSummary(labelled=1)
    [one] = reviews.labelled()
    assert one.review is not None
    assert (one.review.by, one.review.seconds) == ("bo", 4.5)


@pytest.mark.parametrize(
    ("text", "sheet_format", "complaint"),
    [
        ("document\na\n", SheetFormat.CSV, "'label'"),
        ("label\na\n", SheetFormat.CSV, "'document'"),
        ("document,label,seconds\na,b,long\n", SheetFormat.CSV, "Row 1"),
        ("document,label\na,b\nc,d\na,e\n", SheetFormat.CSV, "Rows 1 and 3"),
        ("{", SheetFormat.JSON, "not JSON"),
        ('{"document": "a"}', SheetFormat.JSON, "not a JSON array"),
        ("[1]", SheetFormat.JSON, "not a JSON array"),
    ],
)
def test_an_invalid_sheet_is_rejected(text: str, sheet_format: SheetFormat, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        sheets.parse_sheet(text.encode(), sheet_format)


def test_labels_in_a_sheet_are_normalized() -> None:
    [row] = sheets.parse_sheet("document,label\ninbox/a.pdf,Gru\u0308\u00dfe\n".encode(), SheetFormat.CSV)
    assert row.label == "Gr\u00fc\u00dfe"


def test_an_empty_queue_is_a_sheet_without_rows() -> None:
    none: list[Deal] = []
    assert sheets.parse_sheet(sheets.format_sheet(none, SheetFormat.CSV).encode(), SheetFormat.CSV) == []
    assert json.loads(sheets.format_sheet(none, SheetFormat.JSON)) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_sheet_is_read_in_the_encodings_and_dialects_of_spreadsheets(
    encoding: str, separator: str, newline: str
) -> None:
    lines = [["document", "sequencer", "label"], ["BUCKET/Prüfung.pdf", "", "form"], ["", "", ""]]
    content = "".join(separator.join(line) + newline for line in lines).encode(encoding)
    [row] = sheets.parse_sheet(content, SheetFormat.CSV)
    assert (row.document, row.label) == ("BUCKET/Prüfung.pdf", "form")


def test_a_sheet_saved_as_windows_1252_is_read() -> None:
    [row] = sheets.parse_sheet((DATA / "sheet-cp1252.csv").read_bytes(), SheetFormat.CSV)
    assert (row.number, row.document, row.label) == (1, "BUCKET/Prüfung.pdf", "form")


def test_the_separator_that_a_spreadsheet_declares_is_used() -> None:
    [row] = sheets.parse_sheet(b"sep=;\r\ndocument;label\r\na/b,c.pdf;form\r\n", SheetFormat.CSV)
    assert row.document == "a/b,c.pdf"


def test_a_json_sheet_may_have_a_byte_order_mark() -> None:
    content = '[{"document": "a/Prüfung.pdf", "label": "form"}]'.encode("utf-8-sig")
    assert [row.document for row in sheets.parse_sheet(content, SheetFormat.JSON)] == ["a/Prüfung.pdf"]


def test_only_csv_files_get_a_byte_order_mark() -> None:
    assert sheets.encode_sheet("document", SheetFormat.CSV) == b"\xef\xbb\xbfdocument"
    assert sheets.encode_sheet("[]", SheetFormat.JSON) == b"[]"
