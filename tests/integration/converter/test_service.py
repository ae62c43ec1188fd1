"""Protects: office documents, text and mail reach the versions as pages, through the real converter and its client."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import httpx2
import pytest
from moto import mock_aws

from decoding.convertible import convertible_format
from decoding.reader import decode_document
from orchestrator.converter import Converted, ConverterClient
from orchestrator.pipeline import Budget
from orchestrator.preparation import Preparation
from records.derived import DerivedObjects
from records.documents import DocumentStore
from records.record import Record, Status
from testkit import office_files
from tests.support.pages import text_pdf
from tests.support.pipelines import FakeModels, FakeRecords, pipeline
from tests.support.service import ServiceProcess
from tests.support.uploads import upload

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

SIXTY = office_files.sixty_files()
SECONDS = 100.0


@pytest.fixture(scope="module")
def client(converter_service: ServiceProcess) -> ConverterClient:
    return ConverterClient(f"{converter_service.url}/converter", time.monotonic)


def convert(client: ConverterClient, data: bytes) -> Converted:
    converted = client.convert(data, deadline=time.monotonic() + SECONDS)
    assert isinstance(converted, Converted), converted
    return converted


@pytest.mark.slow
@pytest.mark.timeout(1200)  # on a busy machine
def test_none_of_sixty_office_documents_texts_and_messages_is_rejected(client: ConverterClient) -> None:
    for name, data in SIXTY.items():
        pages = convert(client, data).pages if convertible_format(data) else data
        assert pages is not None, name
        assert decode_document(pages, min_side=200).pages, name


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b"", 400, "empty-document"),
        (b"plain text", 415, "unsupported-format"),
        (office_files.word("Cut off. ")[:-300], 422, "corrupt-document"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"),
            422,
            "encrypted-document",
        ),
    ],
)
def test_documents_that_cannot_be_converted_have_a_problem(
    converter_service: ServiceProcess, body: bytes, status: int, problem: str
) -> None:
    answer = httpx2.post(f"{converter_service.url}/convert", content=body, timeout=SECONDS)

    assert answer.status_code == status
    assert answer.json()["type"] == f"urn:triptych:problem:{problem}"
    assert answer.json()["detail"]


def test_an_abandoned_conversion_is_stopped(converter_service: ServiceProcess) -> None:
    late = httpx2.post(
        f"{converter_service.url}/convert",
        content=office_files.word("Late. ", paragraphs=300),
        headers={"X-Timeout-Ms": "1"},
        timeout=SECONDS,
    )

    assert late.status_code == 408
    assert httpx2.get(f"{converter_service.url}/health/ready", timeout=SECONDS).status_code == 200


def test_metrics_count_conversions_by_format(converter_service: ServiceProcess, client: ConverterClient) -> None:
    convert(client, office_files.mail("Counted. "))

    metrics = httpx2.get(f"{converter_service.url}/metrics", timeout=SECONDS).text

    assert 'triptych_converter_seconds_count{format="eml"}' in metrics


@pytest.fixture
def s3() -> Iterator["S3Client"]:
    with mock_aws():
        made = boto3.client("s3", region_name="us-east-1")
        made.create_bucket(Bucket="documents")
        yield made


def test_a_message_with_an_archive_leads_to_records_of_all_documents(client: ConverterClient, s3: "S3Client") -> None:
    scans = office_files.archive({"letter.docx": office_files.word("A letter. "), "invoice.pdf": text_pdf(["Invoice"])})
    s3.put_object(Bucket="documents", Key="mail.eml", Body=office_files.mail("See attachment. ", {"scans.zip": scans}))
    store = DocumentStore(s3, max_bytes=10**8)
    line = pipeline(
        store,
        FakeModels(),
        FakeRecords(),
        preparation=Preparation(client, DerivedObjects(s3), time.monotonic),
        budget=Budget(SECONDS, 1.0),
        clock=time.monotonic,
    )

    records: list[Record] = []
    waiting = ["mail.eml"]
    while waiting:
        record = line.classify(upload(waiting.pop(0))).record
        records.append(record)
        waiting += record.conversion.members if record.conversion else ()

    found = {record.upload.key.rpartition("/")[2]: record for record in records}
    assert {name: record.status for name, record in found.items()} == {
        "mail.eml": Status.COMPLETE,
        "001-scans.zip": Status.REJECTED,
        "001-letter.docx": Status.COMPLETE,
        "002-invoice.pdf": Status.COMPLETE,
    }
    assert found["001-letter.docx"].parent is not None
    assert found["001-letter.docx"].parent.document == found["001-scans.zip"].upload.document
    pages = store.read(found["001-letter.docx"].classified_object)
    assert pages.startswith(b"%PDF")
