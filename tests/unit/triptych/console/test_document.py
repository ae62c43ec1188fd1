"""Protects: a document's page is complete, and its pictures show exactly the upload that was classified."""

import io
import re
from dataclasses import replace
from html import unescape

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from records.conversions import ConversionSummary, Parent
from records.derived import member_key, pages_key
from records.documents import DocumentStore
from records.errors import DocumentRejected
from records.outcomes import Outcome
from records.record import Record
from records.table import RecordTable
from records.uploads import Upload
from tests.support.pages import several_pages
from tests.support.uploads import model_failure, prediction, record, upload
from tests.unit.triptych.console.conftest import AGREED, DISAGREED, add_document
from triptych.review.reviews import Reviews
from triptych.storage.connection import StackConnection


def query(of: Record, **more: object) -> dict[str, str]:
    given = {"document": of.upload.document, "sequencer": of.upload.sort_key, **more}
    return {name: str(value) for name, value in given.items()}


def test_page_shows_every_version_with_every_label(browser: TestClient, stack: StackConnection) -> None:
    outcomes: dict[str, Outcome] = {**DISAGREED, "v1": model_failure("unreachable", "no route to v1")}
    made = add_document(stack, "a.pdf", outcomes)
    page = browser.get("/document", params=query(made)).text
    for text in ("receipt", "invoice", "60\N{NARROW NO-BREAK SPACE}%", "unreachable", "no route to v1", "v2 decode"):
        assert text in page
    assert made.trace_id in page  # the record itself


def test_page_without_sequencer_shows_the_newest_upload(browser: TestClient, stack: StackConnection) -> None:
    for sequencer, outcomes in (("00A1", AGREED), ("00B2", DISAGREED)):
        of = upload("cv.pdf", bucket="inbox", sequencer=sequencer)
        RecordTable(stack.table).save(record(outcomes, of=of), replacing=None)
    page = browser.get("/document", params={"document": "inbox/cv.pdf"}).text
    assert page.count('<li class="this">') == 1
    assert page.index("receipt") < page.index("Uploads of this key")
    assert "00A1" in page


def test_converted_document_is_shown_as_it_was_classified(browser: TestClient, stack: StackConnection) -> None:
    made = add_document(stack, "mail.eml", AGREED, content=b"MIME-Version: 1.0\r\n\r\nHello")
    pages = pages_key(made.upload)
    member = member_key(made.upload, 1, "bill.pdf")
    stack.s3.put_object(Bucket=stack.bucket, Key=pages, Body=several_pages(2, "TIFF"))
    conversion = ConversionSummary("eml", 20.0, pages, (member,), (("logo.png", "it is small"),))
    parent = Parent("inbox/outer.zip", "00A1")
    converted = replace(made, conversion=conversion, parent=parent).next_revision(made)
    RecordTable(stack.table).save(converted, replacing=made)

    page = unescape(browser.get("/document", params=query(made)).text)
    picture = browser.get("/picture", params=query(made, size="large", page=1))

    assert picture.headers["Content-Type"] == "image/jpeg", picture.text
    for text in (
        "EML, converted in",
        "001-bill.pdf",
        "logo.png: not classified, because it is small",
        "inbox/outer.zip",
    ):
        assert text in page


def test_missing_document_is_reported_by_name(browser: TestClient) -> None:
    answer = browser.get("/document?document=inbox/nothing.pdf")
    assert answer.status_code == 404
    assert "inbox/nothing.pdf" in answer.text


def test_label_of_a_selected_document_is_marked(browser: TestClient, stack: StackConnection) -> None:
    made = add_document(stack, "a.pdf", DISAGREED)
    answer = browser.post("/document/label", data={**query(made), "label": "invoice"})
    assert answer.status_code == 303
    stored = Reviews(stack.table).find(made.upload.document, made.upload.sort_key)
    assert stored is not None
    assert stored.review is not None
    assert (stored.review.label, stored.review.by, stored.review.queue) == ("invoice", "ann", "other")
    assert "by ann" in browser.get(answer.headers["Location"]).text


def test_unknown_label_is_rejected_with_a_reason(browser: TestClient, stack: StackConnection) -> None:
    made = add_document(stack, "a.pdf", DISAGREED)
    answer = browser.post("/document/label", data={**query(made), "label": "<b>poem"})
    assert answer.status_code == 409
    assert "&lt;b&gt;poem" in answer.text


class TestPictures:
    def test_every_page_has_a_picture(self, browser: TestClient, stack: StackConnection) -> None:
        made = add_document(stack, "two.tif", AGREED, content=several_pages(2, "TIFF"))
        for page in (0, 1):
            answer = browser.get("/picture", params=query(made, size="large", page=page))
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert Image.open(io.BytesIO(answer.content)).size == (310, 438)
        beyond = browser.get("/picture", params=query(made, size="large", page=2))
        assert beyond.headers["Content-Type"].startswith("image/svg")

    def test_pages_are_shown_as_they_were_classified(self, browser: TestClient, stack: StackConnection) -> None:
        outcomes: dict[str, Outcome] = {
            "v1": prediction(pages=2, rotated=(0, 90), cropped=(True, False)),
            "v2": prediction(pages=2, rotated=(0, 90), cropped=(True, False)),
            "v3": prediction(pages=2),
        }
        made = add_document(stack, "two.tif", outcomes, content=several_pages(2, "TIFF"))

        page = browser.get("/document", params=query(made)).text

        assert "page 2: turned by 90°" in page
        assert "page 1: turned" not in page
        assert "page 1: cropped" in page
        assert "page 2: cropped" not in page
        addresses = [unescape(address) for address in re.findall(r'<img src="([^"]+)"', page)]
        sizes = [Image.open(io.BytesIO(browser.get(address).content)).size for address in addresses]
        assert sizes == [(310, 438), (438, 310)]

    @pytest.mark.parametrize("rotated", ["45", "90;0", "x", "90," * 200])
    def test_invalid_rotations_are_rejected(self, browser: TestClient, rotated: str) -> None:
        assert browser.get("/picture", params={"document": "a", "sequencer": "0", "rotated": rotated}).is_client_error

    def test_picture_shows_the_classified_upload_not_a_later_one(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        made = add_document(stack, "same-name.tif", AGREED, content=several_pages(2, "TIFF"))
        stack.s3.put_object(Bucket="inbox", Key="same-name.tif", Body=several_pages(1, "TIFF"))
        answer = browser.get("/picture", params=query(made, size="large", page=1))
        assert answer.headers["Content-Type"] == "image/jpeg"

    @pytest.mark.parametrize("content", [b"\x00no picture", b"\xff\xd8\xff torn"])
    def test_unreadable_document_has_a_placeholder(
        self, browser: TestClient, stack: StackConnection, content: bytes
    ) -> None:
        made = add_document(stack, "torn.jpg", AGREED, content=content)
        answer = browser.get("/picture", params=query(made))
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "image/svg+xml")

    def test_deleted_document_has_a_placeholder(self, browser: TestClient, stack: StackConnection) -> None:
        made = add_document(stack, "gone.pdf", AGREED)
        stack.s3.delete_object(Bucket="inbox", Key="gone.pdf", VersionId=made.upload.version_id or "")
        assert browser.get("/picture", params=query(made)).headers["Content-Type"].startswith("image/svg")
        assert browser.get("/picture?document=inbox/never&sequencer=0").status_code == 200

    def test_archived_document_has_a_placeholder_that_states_the_reason(
        self, browser: TestClient, stack: StackConnection
    ) -> None:
        """Its record is COMPLETE: the object was archived after it had been classified."""
        stack.s3.put_object(Bucket="inbox", Key="old.pdf", Body=b"%PDF-", StorageClass="GLACIER")
        made = record(AGREED, of=upload("old.pdf", bucket="inbox", etag=""))
        RecordTable(stack.table).save(made, replacing=None)
        answer = browser.get("/picture", params=query(made))
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "image/svg+xml")
        assert "<title>No picture: The object is archived" in answer.text

    def test_customer_encrypted_document_has_a_placeholder_that_states_the_reason(
        self, browser: TestClient, stack: StackConnection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(self: DocumentStore, upload: Upload) -> bytes:
            raise DocumentRejected("customer-encrypted", "encrypted <with> a key & no more")

        monkeypatch.setattr(DocumentStore, "read", refuse)
        answer = browser.get("/picture", params=query(add_document(stack, "a.pdf", AGREED)))
        assert "No picture: encrypted &lt;with&gt; a key &amp; no more" in answer.text

    def test_objects_of_other_buckets_are_not_read(self, browser: TestClient, stack: StackConnection) -> None:
        stack.s3.create_bucket(Bucket="secrets")
        stack.s3.put_object(Bucket="secrets", Key="a.tif", Body=several_pages(1, "TIFF"))
        made = record(AGREED, of=upload("a.tif", bucket="secrets"))
        RecordTable(stack.table).save(made, replacing=None)
        assert browser.get("/picture", params=query(made)).headers["Content-Type"].startswith("image/svg")
