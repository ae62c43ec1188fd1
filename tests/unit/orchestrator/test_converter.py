"""Protects: the converter's answers are validated like those of a version, and what it sends never harms a record."""

import io
import json
import time
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.conversion import Conversion, Member, SkippedMember
from converter.response import encode_conversion
from orchestrator.converter import Converted, ConverterClient, read_converted
from orchestrator.errors import CallFailed
from records.outcomes import ModelFailure
from tests.support.servers import Request, serving

SENT = Conversion("eml", b"pages", (Member("a.pdf", b"one"), Member("b.png", b"two")), (SkippedMember("c", "empty"),))


def answer(head: Any, files: dict[str, bytes] | None = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("conversion.json", head if isinstance(head, bytes) else json.dumps(head))
        for name, content in (files or {}).items():
            archive.writestr(name, content)
    return file.getvalue()


HEAD = {"format": "zip", "pages": False, "members": [], "skipped": []}


def test_what_the_converter_encodes_is_read() -> None:
    assert read_converted(encode_conversion(SENT), 12.0) == Converted(
        "eml", b"pages", (("a.pdf", b"one"), ("b.png", b"two")), (("c", "empty"),), 12.0
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        answer(b"{"),
        answer([]),
        answer({}),
        answer(HEAD | {"format": 7}),
        answer(HEAD | {"format": "x" * 100}),
        answer(HEAD | {"pages": True}),
        answer(HEAD | {"members": ["a"]}),
        answer(HEAD | {"members": ["a"]}, {"members/0": b""}),
        answer(HEAD | {"members": [""]}, {"members/0": b"x"}),
        answer(HEAD | {"members": [7]}, {"members/0": b"x"}),
        answer(HEAD | {"members": ["\ud800"]}, {"members/0": b"x"}),
        answer(HEAD | {"members": ["a"] * 1001}),
        answer(HEAD | {"skipped": [["a"]]}),
        answer(HEAD | {"skipped": [["a", "b"]] * 200}),
        answer(HEAD | {"pages": True}, {"pages": bytes(1000)}, zipfile.ZIP_DEFLATED),
        answer(HEAD | {"pages": True}, {"pages": b"x"})[:-40],
    ],
)
def test_an_invalid_answer_is_a_failure(body: bytes) -> None:
    with pytest.raises(CallFailed) as raised:
        read_converted(body, 1.0)

    assert raised.value.kind == "invalid_answer"


@given(st.binary(max_size=200), st.integers(0, 700))
def test_any_damage_is_a_failure_or_harmless(noise: bytes, position: int) -> None:
    body = encode_conversion(SENT)
    try:
        read_converted(body[:position] + noise + body[position + len(noise) :], 1.0)
    except CallFailed:
        return


def test_a_converter_that_answers_with_a_problem_or_not_at_all_is_a_failure() -> None:
    def reject(request: Request) -> None:
        problem = {"type": "urn:triptych:problem:encrypted-document", "detail": "It requires a password."}
        request.answer(problem, 422, {"Content-Type": "application/problem+json"})

    with serving(reject) as server:
        client = ConverterClient(server.url, time.monotonic)
        rejected = client.convert(b"document", deadline=time.monotonic() + 30)
        assert [request.path for request in server.requests] == ["/convert"]
    closed = ConverterClient("http://127.0.0.1:9", time.monotonic)
    unreachable = closed.convert(b"document", deadline=time.monotonic() + 0.2)

    assert isinstance(rejected, ModelFailure)
    assert (rejected.kind, rejected.problem, rejected.status) == ("rejected", "encrypted-document", 422)
    assert isinstance(unreachable, ModelFailure)
    assert unreachable.kind in ("unreachable", "timeout")
