"""Callers branch on status and problem type: both are a promise."""

from collections.abc import Iterator
from typing import TypeVar

from decoding import errors as decoding_errors
from decoding.errors import DocumentError
from model_service import errors
from model_service.errors import ServiceError
from model_service.problems import Refusal, problem_type, status_code

T = TypeVar("T")


def _below(kind: type[T]) -> Iterator[type[T]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


def _refusals() -> list[type[Refusal]]:
    return [*_below(ServiceError), *_below(DocumentError)]


def test_every_error_has_a_status_and_a_type_of_its_own() -> None:
    leaves = [kind for kind in _refusals() if not kind.__subclasses__()]

    types = [problem_type(kind) for kind in leaves]

    assert len(set(types)) == len(types)
    assert all(kind.startswith("urn:triptych:problem:") for kind in types)
    assert {status_code(kind) for kind in leaves} == {400, 404, 413, 415, 422, 503, 504}


def test_the_tree_in_the_module_is_the_tree_of_the_code() -> None:
    trees = f"{errors.__doc__}\n{decoding_errors.__doc__}"

    for kind in _refusals():
        line = next(line for line in trees.splitlines() if f" {kind.__name__} " in f" {line.strip(' │├└─')} ")
        if not kind.__subclasses__():
            assert f" {kind.problem}" in line
            if issubclass(kind, ServiceError):
                assert f" {kind.status} " in line


def test_a_permanent_error_of_the_document_is_never_a_5xx() -> None:
    assert all(status_code(kind) < 500 for kind in _below(DocumentError))
    assert all(kind.status == 503 for kind in _below(errors.UnavailableError))
