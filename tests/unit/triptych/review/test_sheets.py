"""Protects: a sheet that a script or a spreadsheet fills in comes back as labels, and only once."""

import csv
import io
import json

import pytest

from records.outcomes import Outcome
from records.record import Record
from records.reviews import NONE_OF_THESE
from records.table import RecordTable
from tests.support.uploads import model_failure, prediction, record, upload
from triptych.errors import UsageError
from triptych.review import sheets
from triptych.review.reviews import Reviews
from triptych.review.sheets import Form, Import
from triptych.storage.connection import StackConnection

TORN: dict[str, Outcome] = {"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": model_failure()}
NAMES = ("one.pdf", 'two, "and a half";.pdf', "=drei\nZürich.pdf")


@pytest.fixture
def reviews(stack: StackConnection) -> Reviews:
    for name in NAMES:
        RecordTable(stack.table).save(record(TORN, of=upload(name, bucket="inbox")), replacing=None)
    return Reviews(stack.table)


def store(reviews: Reviews, text: str, form: Form = Form.CSV, by: str = "ann") -> Import:
    return sheets.store(reviews, sheets.read(text, form), by=by, advance=lambda: None)


def filled(text: str, form: Form, label: str) -> str:
    """The sheet with one label in every row."""
    if form is Form.JSON:
        return json.dumps([{**row, "label": label} for row in json.loads(text)])
    rows = [{**row, "label": label} for row in csv.DictReader(io.StringIO(text))]
    out = io.StringIO()
    sheet = csv.DictWriter(out, list(rows[0]))
    sheet.writeheader()
    sheet.writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("form", list(Form))
def test_what_was_exported_and_filled_in_is_imported(reviews: Reviews, form: Form) -> None:
    text = sheets.write(reviews.queue(), form)
    assert store(reviews, text, form) == Import()  # nothing was filled in yet
    done = store(reviews, filled(text, form, "receipt"), form)
    assert done == Import(labelled=3)
    assert reviews.queue() == []
    found = {one.upload.key: one.review for one in reviews.labelled()}
    assert set(found) == set(NAMES)
    assert {(review.label, review.by, review.queue) for review in found.values() if review} == {
        ("receipt", "ann", "review")
    }


def test_a_sheet_shows_what_each_version_said_and_what_can_be_answered(reviews: Reviews) -> None:
    row = json.loads(sheets.write(reviews.queue(), Form.JSON))[0]
    assert (row["v1"], row["v2"], row["v3"]) == ("invoice 0.9000", "receipt 0.9000", "timeout")
    assert row["choices"] == ["invoice", "receipt", NONE_OF_THESE]
    assert (row["queue"], row["reasons"], row["label"]) == ("review", ["disagreement"], "")


def test_a_sheet_imported_twice_changes_nothing(reviews: Reviews) -> None:
    text = filled(sheets.write(reviews.queue(), Form.CSV), Form.CSV, "receipt")
    store(reviews, text)
    before = [one.revision for one in reviews.labelled()]
    assert store(reviews, text) == Import(unchanged=3)
    assert [one.revision for one in reviews.labelled()] == before


def test_a_sheet_imported_again_leaves_what_others_have_corrected(reviews: Reviews) -> None:
    """Rows that failed are mended and the whole sheet is imported once more."""
    text = filled(sheets.write(reviews.queue(), Form.CSV), Form.CSV, "receipt")
    store(reviews, text)
    corrected = reviews.labelled()[0].upload
    reviews.label(corrected.document, corrected.sort_key, "invoice", "bob")
    assert store(reviews, text) == Import(unchanged=3)
    standing = reviews.find(corrected.document, corrected.sort_key)
    assert standing is not None
    assert standing.review is not None
    assert (standing.review.label, standing.review.by) == ("invoice", "bob")


def test_a_row_that_cannot_be_stored_is_named_and_the_others_are_stored(reviews: Reviews) -> None:
    text = 'document,label\ninbox/one.pdf,receipt\ninbox/nobody.pdf,receipt\n"inbox/two, ""and a half"";.pdf",recipt\n'
    done = store(reviews, text)
    assert done.labelled == 1
    assert [failure.partition(":")[0] for failure in sorted(done.failures)] == ["row 2", "row 3"]
    assert "no record" in sorted(done.failures)[0]


def test_what_a_spreadsheet_makes_of_a_sheet_is_understood(reviews: Reviews) -> None:
    """A byte order mark, semicolons, and columns in another order or thrown away."""
    assert store(reviews, "\ufefflabel;by;seconds;document\r\nreceipt;bo;4.5;inbox/one.pdf\r\n") == Import(labelled=1)
    [one] = reviews.labelled()
    assert one.review is not None
    assert (one.review.by, one.review.seconds) == ("bo", 4.5)


@pytest.mark.parametrize(
    ("text", "form", "complaint"),
    [
        ("document\na\n", Form.CSV, "'label'"),
        ("label\na\n", Form.CSV, "'document'"),
        ("document,label,seconds\na,b,long\n", Form.CSV, "Row 1"),
        ("document,label\na,b\nc,d\na,e\n", Form.CSV, "Rows 1 and 3"),
        ("{", Form.JSON, "not JSON"),
        ('{"document": "a"}', Form.JSON, "no JSON array"),
        ("[1]", Form.JSON, "no JSON array"),
    ],
)
def test_what_is_no_sheet_is_refused_in_a_sentence(text: str, form: Form, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        sheets.read(text, form)


def test_an_empty_queue_is_a_sheet_without_rows() -> None:
    none: list[Record] = []
    assert sheets.read(sheets.write(none, Form.CSV), Form.CSV) == []
    assert json.loads(sheets.write(none, Form.JSON)) == []
