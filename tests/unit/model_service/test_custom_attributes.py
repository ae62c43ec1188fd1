"""Protects: the deadline and the trace reach the service through SageMaker, which removes other headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_service.custom_attributes import with_custom_attributes

NAME = b"x-amzn-sagemaker-custom-attributes"
TRACE = b"Root=1-63441c4a-abcdef012345678912345678;Parent=0123456789abcdef;Sampled=1"


@pytest.mark.parametrize(
    ("attributes", "headers"),
    [
        (b"X-Timeout-Ms=2600", {b"x-timeout-ms": b"2600"}),
        (b"X-Timeout-Ms=2600;X-Amzn-Trace-Id=" + TRACE, {b"x-timeout-ms": b"2600", b"x-amzn-trace-id": TRACE}),
        (b"x-amzn-trace-id=" + TRACE + b"; x-timeout-ms=9", {b"x-timeout-ms": b"9", b"x-amzn-trace-id": TRACE}),
        (b"X-Request-Id=a;unknown=b", {b"x-request-id": b"a;unknown=b"}),
        (b"c000b4f9-df62-4c85-a0bf-7c525f9104a4", {}),
        (b"", {}),
    ],
)
def test_attributes_become_headers(attributes: bytes, headers: dict[bytes, bytes]) -> None:
    given_headers = [(b"content-type", b"image/png"), (NAME, attributes)]
    assert dict(with_custom_attributes(given_headers)) == {**dict(given_headers), **headers}


def test_headers_of_the_request_count() -> None:
    headers = [(b"x-timeout-ms", b"100"), (NAME, b"X-Timeout-Ms=2600")]
    assert list(with_custom_attributes(headers)) == headers


def test_requests_without_attributes_are_unchanged() -> None:
    headers = [(b"x-timeout-ms", b"100")]
    assert with_custom_attributes(headers) is headers


@given(st.binary(max_size=200))
def test_any_attributes_leave_the_headers_of_the_request(attributes: bytes) -> None:
    headers = [(b"accept", b"*/*"), (NAME, attributes)]
    assert list(with_custom_attributes(headers))[:2] == headers
