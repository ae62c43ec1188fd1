"""Protects: a document's page tells all there is, and its pictures are of the very upload that was classified."""

import io

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from records.outcomes import Outcome
from records.record import Record
from records.table import RecordTable
from tests.support.pages import several_pages
from tests.support.uploads import model_failure, record, upload
from tests.unit.triptych.console.conftest import AGREED, TORN, drop
from triptych.review.reviews import Reviews
from triptych.storage.connection import StackConnection


def address(of: Record, **more: object) -> dict[str, str]:
    given = {"document": of.upload.document, "sequencer": of.upload.sort_key, **more}
    return {name: str(value) for name, value in given.items()}


def test_it_shows_every_version_with_every_label(browser: TestClient, stack: StackConnection) -> None:
    said: dict[str, Outcome] = {**TORN, "v1": model_failure("unreachable", "no route to v1")}
    made = drop(stack, "a.pdf", said)
    page = browser.get("/document", params=address(made)).text
    for words in ("receipt", "invoice", "60\N{NARROW NO-BREAK SPACE}%", "unreachable", "no route to v1", "v2 decode"):
        assert words in page
    assert made.trace_id in page  # the record itself


def test_without_a_sequencer_the_newest_upload_is_meant(browser: TestClient, stack: StackConnection) -> None:
    for sequencer, said in (("00A1", AGREED), ("00B2", TORN)):
        of = upload("cv.pdf", bucket="inbox", sequencer=sequencer)
        RecordTable(stack.table).save(record(said, of=of), replacing=None)
    page = browser.get("/document", params={"document": "inbox/cv.pdf"}).text
    assert page.count('<li class="this">') == 1
    assert page.index("receipt") < page.index("Uploads of this name")
    assert "00A1" in page


def test_a_document_that_is_not_there_is_no_riddle(browser: TestClient) -> None:
    answer = browser.get("/document?document=inbox/nothing.pdf")
    assert answer.status_code == 404
    assert "inbox/nothing.pdf" in answer.text


def test_a_label_given_here_is_marked_as_picked(browser: TestClient, stack: StackConnection) -> None:
    made = drop(stack, "a.pdf", TORN)
    answer = browser.post("/document/label", data={**address(made), "label": "invoice"})
    assert answer.status_code == 303
    stored = Reviews(stack.table).find(made.upload.document, made.upload.sort_key)
    assert stored is not None
    assert stored.review is not None
    assert (stored.review.label, stored.review.by, stored.review.queue) == ("invoice", "ann", "other")
    assert "says ann" in browser.get(answer.headers["Location"]).text


def test_a_label_that_no_version_knows_is_refused_in_words(browser: TestClient, stack: StackConnection) -> None:
    made = drop(stack, "a.pdf", TORN)
    answer = browser.post("/document/label", data={**address(made), "label": "<b>poem"})
    assert answer.status_code == 409
    assert "&lt;b&gt;poem" in answer.text


class TestPictures:
    def test_every_page_has_one(self, browser: TestClient, stack: StackConnection) -> None:
        made = drop(stack, "two.tif", AGREED, content=several_pages(2, "TIFF"))
        for page in (0, 1):
            answer = browser.get("/picture", params=address(made, size="large", page=page))
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert Image.open(io.BytesIO(answer.content)).size == (310, 438)
        beyond = browser.get("/picture", params=address(made, size="large", page=2))
        assert beyond.headers["Content-Type"].startswith("image/svg")

    def test_it_is_of_the_upload_that_was_classified_not_of_a_later_one(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        made = drop(stack, "same-name.tif", AGREED, content=several_pages(2, "TIFF"))
        stack.s3.put_object(Bucket="inbox", Key="same-name.tif", Body=several_pages(1, "TIFF"))
        answer = browser.get("/picture", params=address(made, size="large", page=1))
        assert answer.headers["Content-Type"] == "image/jpeg"

    @pytest.mark.parametrize("content", [b"no picture", b"\xff\xd8\xff torn"])
    def test_what_cannot_be_read_has_a_picture_that_says_so(
        self, browser: TestClient, stack: StackConnection, content: bytes
    ) -> None:
        made = drop(stack, "torn.jpg", AGREED, content=content)
        answer = browser.get("/picture", params=address(made))
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "image/svg+xml")

    def test_what_is_gone_has_too(self, browser: TestClient, stack: StackConnection) -> None:
        made = drop(stack, "gone.pdf", AGREED)
        stack.s3.delete_object(Bucket="inbox", Key="gone.pdf", VersionId=made.upload.version_id or "")
        assert browser.get("/picture", params=address(made)).headers["Content-Type"].startswith("image/svg")
        assert browser.get("/picture?document=inbox/never&sequencer=0").status_code == 200

    def test_no_other_bucket_is_read(self, browser: TestClient, stack: StackConnection) -> None:
        stack.s3.create_bucket(Bucket="secrets")
        stack.s3.put_object(Bucket="secrets", Key="a.tif", Body=several_pages(1, "TIFF"))
        made = record(AGREED, of=upload("a.tif", bucket="secrets"))
        RecordTable(stack.table).save(made, replacing=None)
        assert browser.get("/picture", params=address(made)).headers["Content-Type"].startswith("image/svg")
