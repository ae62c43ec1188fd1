"""Protects: status and problem type of every error, on which clients branch."""

from collections.abc import Iterator
from typing import TypeVar

from decoding import errors as decoding_errors
from decoding.errors import DocumentError
from model_service import errors
from model_service.errors import ServiceError
from model_service.problems import ReportedError, problem_type, status_code

T = TypeVar("T")


def _subclasses(kind: type[T]) -> Iterator[type[T]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _subclasses(child)


def _reported_errors() -> list[type[ReportedError]]:
    return [*_subclasses(ServiceError), *_subclasses(DocumentError)]


def test_every_error_has_a_status_and_a_unique_type() -> None:
    leaves = [kind for kind in _reported_errors() if not kind.__subclasses__()]

    types = [problem_type(kind) for kind in leaves]

    assert len(set(types)) == len(types)
    assert all(kind.startswith("urn:triptych:problem:") for kind in types)
    assert {status_code(kind) for kind in leaves} == {400, 403, 404, 408, 413, 415, 422, 429, 503}


def test_the_documented_tree_matches_the_classes() -> None:
    trees = f"{errors.__doc__}\n{decoding_errors.__doc__}"

    for kind in _reported_errors():
        line = next(line for line in trees.splitlines() if f" {kind.__name__} " in f" {line.strip(' │├└─')} ")
        if not kind.__subclasses__():
            assert f" {kind.problem}" in line
            if issubclass(kind, ServiceError):
                assert f" {kind.status} " in line


def test_a_document_error_is_never_a_5xx() -> None:
    assert all(status_code(kind) < 500 for kind in _subclasses(DocumentError))


def test_load_is_never_a_5xx() -> None:
    """Alarms take 5xx as a fault of the version, and undo its rollout."""
    assert errors.OverloadedError.status == 429
    assert errors.DeadlineExceededError.status == 408
    assert errors.NotReadyError.status == errors.UnavailableError.status == 503
