"""Protects: the document of a request is extracted unchanged from every supported body."""

import base64
import json
import uuid
from contextlib import suppress

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_service.body import extract_document
from model_service.errors import InvalidRequestError

JSON = "application/json"


def form(**parts: tuple[str | None, bytes]) -> tuple[bytes, str]:
    request = httpx2.Request("POST", "http://x", files=list(parts.items()))
    return request.read(), request.headers["content-type"]


@given(
    st.binary(max_size=3000), st.sampled_from(["", "image/png", "application/octet-stream", "text/plain; charset=x"])
)
def test_raw_bytes_are_the_document(data: bytes, content_type: str) -> None:
    assert extract_document(data, content_type) == data


@given(st.binary(max_size=3000))
def test_a_json_body(data: bytes) -> None:
    body = json.dumps({"content": base64.b64encode(data).decode()}).encode()

    assert extract_document(body, "application/json; charset=utf-8") == data


@given(st.binary(max_size=3000))
def test_a_form_with_a_file(data: bytes) -> None:
    assert extract_document(*form(file=("scan.png", data), note=(None, b"urgent"))) == data


@given(st.binary(min_size=1, max_size=3000))
def test_a_form_with_a_field_that_has_no_file_name(data: bytes) -> None:
    assert extract_document(*form(file=(None, data))) == data


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"content": 5}',
        b'{"content": null}',
        b'{"content": "a"}',
        b'{"content": "**=="}',
        b"\xff",
    ],
    ids=str,
)
def test_json_without_a_document_is_rejected(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        extract_document(body, JSON)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        form(other=("scan.png", b"x")),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b"),
        (b"not a form", "multipart/form-data; boundary=b"),
        (b"", "multipart/form-data; boundary=b"),
        (b"--b--", "multipart/form-data"),
    ],
    ids=["other-field", "incomplete", "not-a-form", "empty", "no-boundary"],  # the first has a random boundary
)
def test_a_form_without_a_document_is_rejected(body: bytes, content_type: str) -> None:
    with pytest.raises(InvalidRequestError):
        extract_document(body, content_type)


def test_a_form_with_two_documents_is_rejected() -> None:
    boundary = uuid.uuid4().hex
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n'

    with pytest.raises(InvalidRequestError, match="but has 2"):
        extract_document(f"{part}{part}--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}")


@given(st.binary(max_size=500), st.text(st.characters(codec="latin-1"), max_size=30))
def test_any_form_has_a_document_or_is_rejected(body: bytes, boundary: str) -> None:
    with suppress(InvalidRequestError):
        assert extract_document(body, f"multipart/form-data; boundary={boundary}") in body
