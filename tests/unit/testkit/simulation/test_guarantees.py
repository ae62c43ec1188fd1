"""Each guarantee of docs/semantics.md in a history that puts it at risk. Several are defects that were found there."""

import pytest

from records.record import Record, Status
from testkit.simulation.history import Result, run_scenario
from testkit.simulation.scenario import (
    Action,
    Archive,
    Backfill,
    Delete,
    Fault,
    Label,
    NewWeights,
    Outage,
    Promote,
    Put,
    Redrive,
    Scenario,
    Undo,
)

UPLOAD = Put(1.0, "a.pdf", b"letter-0")
DIFFERING = b"receipt-0"
"""A document on which the versions differ."""


def run(*actions: Action, **settings: object) -> Result:
    """Run a scenario, in which every guarantee must hold."""
    result = run_scenario(Scenario(actions, **settings))  # type: ignore[arg-type]
    assert result.violations == ()
    return result


def only_record(result: Result) -> Record:
    [record] = result.records
    return record


def labels(record: Record) -> list[tuple[str, str]]:
    return [(review.label, review.by) for review in record.reviews]


def test_01_late_events_at_the_same_moment_write_one_record_although_the_object_cannot_be_looked_up() -> None:
    twice = Put(1.0, "a.pdf", b"letter-0", deliveries=(700.0, 700.0))
    faults = {("event 1.1 attempt 1", number): Fault("throttled") for number in (4, 5, 6, 7)}
    assert only_record(run(twice, faults=faults)).status is Status.COMPLETE


@pytest.mark.parametrize("deliveries", [(0.1, 0.1), (0.1, 700.0), (700.0, 700.0), (0.1, 0.1, 0.13)])
def test_01_one_upload_has_one_record_however_often_and_late_it_is_announced(deliveries: tuple[float, ...]) -> None:
    result = run(Put(1.0, "a.pdf", b"letter-0", deliveries), Backfill(700.9), Backfill(701.1))
    assert only_record(result).status is Status.COMPLETE


@pytest.mark.parametrize("delay", [600.0, 649.0, 655.0, 660.0])
def test_01_clocks_that_differ_by_50_seconds_do_not_lead_to_two_records(delay: float) -> None:
    late = Put(1.0, "a.pdf", b"letter-0", deliveries=(delay,))
    slow = Outage(0.0, 700.0, "v1", "hang")
    result = run(late, slow, Backfill(661.5), Backfill(664.0), clock_errors=(-50.0, 0.0))
    assert only_record(result).status is Status.COMPLETE


@pytest.mark.parametrize("versioned", [True, False])
def test_02_record_describes_the_bytes_of_its_own_upload(versioned: bool) -> None:
    result = run(Put(1.0, "a.pdf", b"letter-0"), Put(1.05, "a.pdf", b"invoice-1"), versioned=versioned)
    statuses = [record.status for record in result.records]
    assert statuses == [Status.COMPLETE if versioned else Status.REJECTED, Status.COMPLETE]


def test_03_event_of_an_upload_without_record_is_a_dead_letter() -> None:
    result = run(UPLOAD, Outage(0.0, 1000.0, "table", "throttled"))
    assert only_record(result).status is Status.COMPLETE  # after a redrive


def test_04_upload_whose_event_is_lost_gets_its_record_from_a_backfill() -> None:
    result = run(Put(1.0, "a.pdf", b"letter-0", deliveries=()), Outage(600.0, 900.0, "models", "hang"), Backfill(700.0))
    assert only_record(result).upload.backfilled


def test_04_restored_object_is_classified_by_a_backfill() -> None:
    assert only_record(run(UPLOAD, Archive(0.5, 1000.0))).status is Status.COMPLETE


def test_05_prediction_is_kept_although_weights_change_before_the_retry() -> None:
    result = run(UPLOAD, Outage(0.0, 30.0, "v3", "error"), NewWeights(30.0, "v1", 30.0))
    assert only_record(result).answered()["v1"].model_sha256 == "v1-old"


def test_05_prediction_of_a_version_that_only_the_new_code_calls_is_kept_by_the_old_code() -> None:
    result = run(UPLOAD, Outage(0.0, 30.0, "v2", "error"), codes=("next", "current"))
    assert sorted(only_record(result).answered()) == ["v1", "v2", "v3", "v4"]


def test_06_status_states_what_is_missing() -> None:
    result = run(UPLOAD, Outage(0.0, 10_000.0, "v1", "error"))
    assert "PARTIAL" in result.trace[0]


def test_07_one_service_does_not_reject_a_document_alone() -> None:
    result = run(UPLOAD, Outage(0.0, 300.0, "v1", "rejects"), Outage(0.0, 300.0, "v2", "error"))
    assert only_record(result).answered().keys() >= {"v2", "v3"}


def test_08_merged_verdict_names_the_policy_that_made_it() -> None:
    warm_process = Put(1.0, "b.pdf", b"letter-0")  # has read p0
    twice = Put(5.0, "a.pdf", DIFFERING, deliveries=(0.1, 0.1))  # in this process, and in one that reads p1
    half = {("event 2.1 attempt 1", 4): Fault("error"), ("event 2.2 attempt 1", 4): Fault("error")}
    result = run(warm_process, Promote(2.0, "olga", (("v2", 1.0),)), twice, faults=half)
    assert {record.upload.key: (record.policy, record.revision) for record in result.records} == {
        "b.pdf": ("p0", 1),
        "a.pdf": ("p1", 2),
    }


def test_09_promotion_takes_effect_in_each_process_within_about_a_minute() -> None:
    first, later = Put(1.0, "a.pdf", b"letter-0"), Put(150.0, "b.pdf", b"letter-1")
    result = run(first, Promote(2.0, "olga", (("v2", 1.0),)), later)
    assert [record.policy for record in result.records] == ["p0", "p1"]


def test_10_complete_record_is_not_changed_by_another_attempt() -> None:
    result = run(Put(1.0, "a.pdf", b"letter-0", deliveries=(0.1, 0.12, 300.0)), Redrive(500.0))
    assert only_record(result).revision == 1


def test_11_writers_at_the_same_moment_continue_each_others_work() -> None:
    twice = Put(1.0, "a.pdf", b"letter-0", deliveries=(0.1, 0.1))
    half = {("event 1.1 attempt 1", 6): Fault("error"), ("event 1.2 attempt 1", 4): Fault("error")}
    record = only_record(run(twice, faults=half))
    assert record.revision == 2
    assert record.status is Status.COMPLETE


@pytest.mark.parametrize("kind", ["lost-answer", "delayed", "throttled", "lost-request"])
def test_12_acknowledged_label_is_stored_once(kind: str) -> None:
    result = run(UPLOAD, Label(3.0, "ann", 0, "invoice"), faults={("label 1 by ann", 2): Fault(kind)})
    assert labels(only_record(result)) == [("invoice", "ann")]


def test_12_label_whose_answer_is_lost_is_stored_once_although_another_reviewer_labels_meanwhile() -> None:
    lost = {("label 1 by ann", 2): Fault("lost-answer", 0.3)}
    result = run(UPLOAD, Label(3.0, "ann", 0, "invoice"), Label(3.2, "bo", 0, "receipt"), faults=lost)
    assert labels(only_record(result)) == [("invoice", "ann"), ("receipt", "bo")]


def test_12_same_label_twice_in_one_millisecond_is_one_label() -> None:
    """As after a double click. Seed 5020491 of the simulation found that the second command stores nothing."""
    twice = [Label(at, "bo", 0, "receipt") for at in (1.6830789385017915, 1.683833672956795)]
    assert labels(only_record(run(UPLOAD, *twice))) == [("receipt", "bo")]


def test_12_two_commands_may_store_the_same_label_in_one_millisecond() -> None:
    """Seed 30138315 of the simulation: the request of one is lost, and the other stores its label meanwhile."""
    twice = [Label(at, "ann", 0, "none-of-these") for at in (61.117353142725335, 61.11793103723052)]
    lost = {("label 1 by ann", 1): Fault("lost-request", 0.01)}
    result = run(Put(1.0, "a.pdf", DIFFERING, deliveries=(0.1,)), *twice, faults=lost)
    assert set(labels(only_record(result))) == {("none-of-these", "ann")}


def test_13_undo_whose_answer_is_lost_removes_one_label() -> None:
    twice = Label(3.0, "ann", 0, "invoice"), Label(4.0, "ann", 0, "receipt")
    result = run(UPLOAD, *twice, Undo(5.0, "ann", 0), faults={("undo 1 by ann", 2): Fault("lost-answer")})
    assert labels(only_record(result)) == [("invoice", "ann")]


def test_13_label_of_another_reviewer_cannot_be_undone() -> None:
    result = run(UPLOAD, Label(3.0, "ann", 0, "invoice"), Undo(5.0, "bo", 0))
    assert labels(only_record(result)) == [("invoice", "ann")]


def test_14_retry_at_the_moment_of_a_label_keeps_it() -> None:
    result = run(UPLOAD, Outage(0.0, 30.0, "v1", "error"), Label(61.07, "ann", 0, "invoice"))
    record = only_record(result)
    assert labels(record) == [("invoice", "ann")]
    assert record.status is Status.COMPLETE


def test_15_two_promotions_at_the_same_moment_write_one_policy_of_each_number() -> None:
    both = [Promote(2.0, name, audit_share=share) for name, share in (("olga", 0.5), ("otto", 1.0))]
    result = run(UPLOAD, *both)
    assert [item["id"] for item in result.items if "weights" in item] == ["p1"]


def test_15_promotion_whose_answer_is_lost_is_written_and_acknowledged() -> None:
    result = run(UPLOAD, Promote(2.0, "olga", audit_share=0.5), faults={("promote 1", 2): Fault("lost-answer")})
    assert any("promote 1 ended" in line for line in result.trace)


def test_17_index_that_lags_returns_every_record_in_the_end() -> None:
    assert len(run(UPLOAD, Put(2.0, "b.pdf", b"invoice-1"), index_lag=5.0).records) == 2


def test_19_dead_letter_stays_until_its_record_is_final() -> None:
    result = run(UPLOAD, Outage(0.0, 1500.0, "v1", "error"), Redrive(500.0))
    assert only_record(result).status is Status.COMPLETE


def test_20_deleted_object_is_recorded_as_such_and_not_written_again() -> None:
    record = only_record(run(UPLOAD, Delete(1.05, "a.pdf"), versioned=False))
    assert record.reason is not None
    assert record.reason.kind == "deleted"


def test_21_hanging_versions_cost_their_predictions_and_not_the_budget() -> None:
    result = run(UPLOAD, Outage(0.0, 30.0, "models", "hang"))
    assert result.trace[0].split()[0] < "4.1"


def test_22_table_that_is_down_fails_commands_with_an_explanation() -> None:
    result = run(UPLOAD, Outage(2.0, 60.0, "table", "lost-request"), Label(3.0, "ann", 0, "invoice"))
    assert any("label 1 by ann TriptychError" in line for line in result.trace)


@pytest.mark.parametrize("kind", ["throttled", "lost-answer", "kill"])
def test_23_each_revision_becomes_an_event_although_the_bus_or_the_publisher_fails(kind: str) -> None:
    faults = {("publication 1", 2): Fault(kind)}
    result = run(UPLOAD, Label(3.0, "ann", 0, "invoice"), events=True, faults=faults)
    assert only_record(result).revision == 2


def test_24_event_that_is_sent_twice_has_one_id_and_one_content() -> None:
    faults = {("publication 1", 2): Fault("lost-answer"), ("publication 2", 1): Fault("throttled")}
    assert run(UPLOAD, Outage(0.0, 30.0, "v1", "error"), events=True, faults=faults).violations == ()
