"""Protects: the consistency check reports lost, repeated and wrong records."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from records.outcomes import Outcome
from records.record import Record
from testkit.consistency import ConfirmedUpload, UploadResult, check_upload
from tests.support.uploads import model_failure, prediction, record, upload

UPLOAD = ConfirmedUpload("service killed", "direct", "a.png", b"12345", "etag", "v-1")
EXPECTED: Mapping[str, Outcome] = {"v1": prediction(), "v2": prediction(), "v3": prediction()}
SAME_UPLOAD = upload(key="a.png", etag="etag", version_id="v-1")
GOOD = record(EXPECTED, of=SAME_UPLOAD)


def check(*records: Record, dead_letters: frozenset[str] = frozenset()) -> UploadResult:
    return check_upload(UPLOAD, records, set(dead_letters), lambda _content, _record: EXPECTED, "documents")


def test_one_correct_record_has_no_errors() -> None:
    result = check(GOOD)
    assert (result.outcome, result.records, result.errors, result.repaired) == ("complete", 1, "", False)
    assert check(replace(GOOD, revision=2)).repaired


def test_upload_without_record_is_lost_unless_a_dead_letter_names_it() -> None:
    partial = record({**EXPECTED, "v2": model_failure()}, of=SAME_UPLOAD)
    named = frozenset({"v-1"})
    assert check().outcome == check(partial).outcome == "lost"
    assert check(dead_letters=frozenset({"v-2"})).outcome == "lost"
    assert check(dead_letters=named).outcome == check(partial, dead_letters=named).outcome == "dead letter"


def test_second_record_is_counted() -> None:
    assert check(GOOD, GOOD).records == 2


@pytest.mark.parametrize("changes", [{"etag": "other"}, {"size": 6}, {"key": "b.png"}, {"bucket": "elsewhere"}])
def test_record_of_another_upload_is_an_error(changes: dict[str, object]) -> None:
    assert check(replace(GOOD, upload=replace(SAME_UPLOAD, **changes))).errors  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [prediction("receipt"), prediction(confidence=0.8), prediction(model_sha256="cd" * 32)],
    ids=["label", "probabilities", "weights"],
)
def test_prediction_that_the_service_does_not_return_is_an_error(changed: Outcome) -> None:
    assert "v2" in check(record({**EXPECTED, "v2": changed}, of=SAME_UPLOAD)).errors
    assert check(record({**EXPECTED, "v2": changed}, of=SAME_UPLOAD), GOOD).errors, "one of two records is wrong"
