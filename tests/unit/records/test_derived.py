"""Protects: derived objects have keys that only depend on their upload, are written once, and know their parent."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.conversions import ConversionSummary, Parent
from records.derived import DerivedObjects, derived_id, is_member_key, member_key, pages_key
from records.errors import DocumentUnavailable
from records.record import Record
from tests.support.uploads import prediction, record, upload

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PARENT = Parent("documents/Müller/" + "ä" * 400 + ".eml", "00AB", 2, 17)


def test_a_member_is_written_once_and_its_parent_is_found(s3: "S3Client") -> None:
    derived = DerivedObjects(s3)
    member = upload(member_key(upload("mail.eml"), 1, "scan.pdf"))

    derived.write_member("documents", member.key, b"first", PARENT)
    derived.write_member("documents", member.key, b"again", PARENT)

    assert s3.get_object(Bucket="documents", Key=member.key)["Body"].read() == b"first"
    assert derived.find_parent(member) == PARENT


def test_pages_are_written_under_their_key_and_are_not_a_document(s3: "S3Client") -> None:
    letter = upload("letter.docx")

    derived = DerivedObjects(s3)
    assert derived.read_pages(letter) is None
    address = derived.write_pages(letter, b"%PDF")

    assert derived.read_pages(letter) == (b"%PDF", address)
    assert address
    assert (address.bucket, address.key, address.is_pinned) == ("documents", pages_key(letter), True)
    assert derived.write_pages(letter, b"%PDF again") is None
    assert derived.read_pages(letter) == (b"%PDF", address)
    assert s3.get_object(Bucket="documents", Key=pages_key(letter))["Body"].read() == b"%PDF"
    assert not upload(pages_key(letter)).is_document
    assert upload(member_key(letter, 1, "x")).is_document


def test_other_uploads_have_no_parent(s3: "S3Client") -> None:
    s3.put_object(Bucket="documents", Key="_triptych/members/by-hand.pdf", Body=b"x")
    derived = DerivedObjects(s3)

    assert derived.find_parent(upload("scan.pdf")) is None
    assert derived.find_parent(upload("_triptych/members/by-hand.pdf")) is None


def test_storage_that_does_not_respond_is_temporary(s3: "S3Client") -> None:
    derived = DerivedObjects(s3)

    with pytest.raises(DocumentUnavailable):
        derived.write_member("no-such-bucket", "key", b"x", PARENT)
    with pytest.raises(DocumentUnavailable):
        derived.find_parent(upload("_triptych/members/gone"))


def test_keys_depend_on_the_object_and_not_on_its_event() -> None:
    first = upload("a.zip", version_id="v", sequencer="01")

    assert derived_id(first) == derived_id(upload("a.zip", version_id="v", sequencer="02"))
    assert derived_id(first) != derived_id(upload("a.zip", version_id="w", sequencer="01"))
    assert derived_id(first) != derived_id(upload("b.zip", version_id="v", sequencer="01"))


@given(st.text(min_size=1), st.integers(1, 1000))
def test_any_name_gives_a_valid_key(name: str, number: int) -> None:
    key = member_key(upload("a.zip"), number, name)

    assert is_member_key(key)
    assert len(key.encode(errors="surrogatepass")) < 400
    assert key.count("/") == 3
    assert not key.endswith(("/.", "/.."))


def test_the_record_keeps_conversion_and_parent() -> None:
    conversion = ConversionSummary(
        "eml", 250.1, "_triptych/pages/ab", ("_triptych/members/ab/001-a.pdf",), (("b", "empty"),)
    )

    plain = record({"v1": prediction()})
    extracted = replace(plain, conversion=conversion, parent=Parent("documents/a.zip", "00AB", 2))

    stored = Record.from_item(extracted.to_item())

    assert (stored.conversion, stored.parent) == (extracted.conversion, extracted.parent)
    assert Record.from_item(plain.to_item()).conversion is None
