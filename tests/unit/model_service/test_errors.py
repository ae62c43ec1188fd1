"""Callers branch on status and problem type: both are a promise."""

from collections.abc import Iterator

from model_service import errors
from model_service.errors import ServiceError


def _below(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


def test_every_error_has_a_status_and_a_type_of_its_own() -> None:
    leaves = [kind for kind in _below(ServiceError) if not kind.__subclasses__()]

    types = [kind("detail").type for kind in leaves]

    assert len(set(types)) == len(types)
    assert all(kind.startswith("urn:triptych:problem:") for kind in types)
    assert {kind.status for kind in leaves} == {400, 404, 413, 415, 422, 503, 504}


def test_the_tree_in_the_module_is_the_tree_of_the_code() -> None:
    drawn = errors.__doc__ or ""

    for kind in _below(ServiceError):
        line = next(line for line in drawn.splitlines() if f" {kind.__name__} " in f" {line.strip(' │├└─')} ")
        if not kind.__subclasses__():
            assert f" {kind.status} " in line
            assert f" {kind.problem}" in line


def test_a_document_that_can_never_be_read_is_told_apart_from_a_bad_moment() -> None:
    assert all(kind.status < 500 for kind in _below(errors.DocumentError))
    assert all(kind.status == 503 for kind in _below(errors.UnavailableError))
