"""Protects: the report, from records to the advice, the JSON and the tables."""

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from evidence.advice import Action
from evidence.report import Report, compute_report
from records.labels import NONE_OF_THESE
from records.record import Record
from records.reviews import Queue, Review
from tests.support.evidence import SimulatedRecords, simulate_records
from tests.support.uploads import NOON, model_failure, policy, prediction, record, upload
from triptych.terminal.evidence_tables import ReportTables

ACCURACY = {"v1": 0.80, "v2": 0.82, "v3": 0.95}
CHAMPION = policy(weights={"v1": 1.0, "v2": 1.0, "v3": 1.0}, champion="v1")


@pytest.fixture(scope="module")
def weeks() -> SimulatedRecords:
    return simulate_records(1500, ACCURACY)


@pytest.fixture(scope="module")
def report(weeks: SimulatedRecords) -> Report:
    return compute_report(weeks.labelled(), weeks.records, now=NOON, policy=CHAMPION)


def rendered(report: Report, width: int = 100) -> str:
    console = Console(width=width, file=StringIO(), force_terminal=False)
    console.print(ReportTables(report))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_intervals_contain_the_true_accuracy(report: Report, weeks: SimulatedRecords) -> None:
    for version in report.versions:
        assert version.accuracy.low is not None
        assert version.accuracy.high is not None
        assert version.accuracy.low <= weeks.accuracy(version.name) <= version.accuracy.high


def test_weighting_corrects_for_the_labelling_rates(weeks: SimulatedRecords) -> None:
    [worst, *_] = compute_report(weeks.labelled(), weeks.records, now=NOON).versions
    counts = worst.confusion
    right = sum(
        counts.counts[row][counts.predicted_labels.index(label)] for row, label in enumerate(counts.true_labels)
    )
    naive = right / sum(map(sum, counts.counts))
    assert worst.accuracy.value is not None
    assert abs(worst.accuracy.value - weeks.accuracy("v1")) < abs(naive - weeks.accuracy("v1"))


def test_better_version_is_advised(report: Report) -> None:
    assert report.advice.action is Action.PROMOTE
    assert report.advice.version == "v3"
    assert report.advice.sentence.startswith("v3 is better than v1: +")
    assert report.advice.sentence.endswith("], safe to promote.")


def test_best_champion_is_kept(weeks: SimulatedRecords) -> None:
    best = policy(weights={"v3": 1.0}, champion="v3")
    found = compute_report(weeks.labelled(), weeks.records, now=NOON, policy=best)
    assert found.advice.action is Action.KEEP
    assert found.advice.version == "v3"


def test_without_champion_the_version_better_than_all_others_is_advised(weeks: SimulatedRecords) -> None:
    found = compute_report(weeks.labelled(), weeks.records, now=NOON)
    assert (found.advice.action, found.advice.version) == (Action.PROMOTE, "v3")


def test_without_labels_accuracy_is_unknown(weeks: SimulatedRecords) -> None:
    found = compute_report([], weeks.records, now=NOON, policy=CHAMPION)
    assert found.advice.action is Action.WAIT
    assert "not enough evidence yet: about" in found.advice.sentence
    for version in (*found.versions, found.vote):
        assert version.accuracy.value is None
        assert version.missing is not None
        assert version.calibration is None
        assert version.recall == {}
    assert found.pairs[0].kappa.value is not None  # needs no labels
    assert found.versions[0].latency_ms["p50"] is not None


def test_without_audits_accuracy_is_unknown_but_pairs_are_compared(weeks: SimulatedRecords) -> None:
    reviewed = [made for made in weeks.labelled() if made.review and made.review.queue is Queue.REVIEW]
    found = compute_report(reviewed, weeks.records, now=NOON, policy=CHAMPION)
    assert found.versions[0].accuracy.value is None
    assert "audit sample" in (found.versions[0].missing or "")
    assert found.versions[0].recall == {}
    assert found.versions[0].strata[0].accuracy.value is not None
    assert found.advice.version == "v3"


def test_labels_of_selected_documents_are_excluded(weeks: SimulatedRecords) -> None:
    selected = [
        replace(made, review=replace(made.review, queue=Queue.OTHER)) if made.review else made
        for made in weeks.labelled()
    ]
    found = compute_report(selected, weeks.records, now=NOON, policy=CHAMPION)
    assert found.labelled == {"review": 0, "evidence": 0, "audit": 0, "other": len(selected)}
    assert found.versions[0].accuracy.value is None
    assert f"Excluded: {len(selected)} labelled documents selected by a reviewer, not at random." in found.notes


def test_labels_before_a_late_prediction_are_not_reported_as_selected(weeks: SimulatedRecords) -> None:
    retried = [replace(made, classified_at=NOON + timedelta(days=1)) for made in weeks.labelled()]
    found = compute_report(retried, weeks.records, now=NOON, policy=CHAMPION)
    assert found.labelled == {"review": 0, "evidence": 0, "audit": 0, "other": len(retried)}
    assert not any("selected" in note for note in found.notes)
    assert any("classified after the label was given" in note for note in found.notes)


def test_each_reason_for_exclusion_is_counted_separately(weeks: SimulatedRecords) -> None:
    first, second, *rest = weeks.labelled()
    assert first.review is not None
    selected = replace(first, review=replace(first.review, queue=Queue.OTHER))
    retried = replace(second, classified_at=NOON + timedelta(days=1))
    found = compute_report([selected, retried, *rest], weeks.records, now=NOON, policy=CHAMPION)
    assert found.labelled["other"] == 2
    assert sum(note.startswith("Excluded: 1 labelled document ") for note in found.notes) == 2


def test_incomplete_labels_are_noted(weeks: SimulatedRecords) -> None:
    found = compute_report(weeks.labelled(), weeks.records, now=NOON, labels_complete=False)
    assert any("--labels" in note for note in found.notes)


def test_new_weights_start_without_evidence(weeks: SimulatedRecords) -> None:
    """Evidence on earlier weights does not count; other versions keep theirs."""
    today = [
        record(
            {"v1": prediction(model_sha256="v1" * 8), "v2": prediction(model_sha256="v2" * 8), "v3": prediction()},
            upload(f"today-{number}", event_time=NOON + timedelta(minutes=number)),
            classified_at=NOON + timedelta(minutes=number),
        )
        for number in range(20)
    ]
    found = compute_report(weeks.labelled(), [*weeks.records, *today], now=NOON, policy=CHAMPION)
    before = compute_report(weeks.labelled(), weeks.records, now=NOON, policy=CHAMPION)
    fresh = found.versions[2]
    assert (fresh.answered, fresh.accuracy.n, fresh.weights) == (20, 0, "ab" * 32)
    assert fresh.outdated == 1500
    assert found.pairs[0].disagreements == before.pairs[0].disagreements
    assert found.pairs[1].disagreements == 0
    assert found.vote.answered == 20
    assert any("earlier weights" in note for note in found.notes)


def test_none_of_these_counts_as_wrong(weeks: SimulatedRecords) -> None:
    labelled = weeks.labelled()
    unmatched = [
        replace(made, review=replace(made.review, label=NONE_OF_THESE)) if made.review and number % 5 == 0 else made
        for number, made in enumerate(labelled)
    ]
    found = compute_report(unmatched, weeks.records, now=NOON)
    before = compute_report(labelled, weeks.records, now=NOON)
    assert found.none_of_them.value == pytest.approx(0.2, abs=0.07)
    assert found.versions[2].accuracy.value is not None
    assert before.versions[2].accuracy.value is not None
    assert found.versions[2].accuracy.value < before.versions[2].accuracy.value - 0.1
    assert found.versions[2].confusion.true_labels[-1] == NONE_OF_THESE
    assert NONE_OF_THESE not in found.versions[2].recall
    assert NONE_OF_THESE not in found.versions[2].confusion.predicted_labels


def test_report_does_not_depend_on_record_order(weeks: SimulatedRecords, report: Report) -> None:
    assert compute_report(weeks.labelled()[::-1], weeks.records[::-1], now=NOON, policy=CHAMPION) == report


def test_failures_are_counted_by_kind_and_not_as_wrong() -> None:
    failed = [record({"v1": prediction(), "v2": model_failure("timeout")}, upload(f"{n}")) for n in range(10)]
    answered = record({"v1": prediction(), "v2": prediction()}, upload("answered"))
    found = compute_report([], [*failed, answered], now=NOON)
    assert found.versions[1].errors == {"timeout": 10}
    assert found.versions[1].answered == 1
    assert found.pairs[0].agreement.n == 1


def test_quantile_without_documents_beyond_it_is_unknown() -> None:
    few = [record({"v1": prediction(latency_ms=float(n))}, upload(f"{n}")) for n in range(1, 21)]
    [version] = compute_report([], few, now=NOON).versions
    assert version.latency_ms == {"p50": 10.5, "p90": pytest.approx(18.1), "p95": pytest.approx(19.05), "p99": None}


def test_report_on_an_empty_table_states_that_it_is_empty() -> None:
    found = compute_report([], [], now=NOON)
    assert found.advice.sentence == "No version has classified a document in this period."
    assert "No document in this period" in found.notes[-1]
    assert "No version has classified" in rendered(found)
    json.dumps(found.as_json())


def test_single_version_is_kept() -> None:
    made = record({"v1": prediction()}, upload("a"))
    found = compute_report([], [made], now=NOON, policy=policy(weights={"v1": 1.0}, champion="v1"))
    assert found.advice.action is Action.KEEP
    assert found.pairs == ()
    absent = compute_report([], [made], now=NOON, policy=policy(weights={"v9": 1.0}, champion="v9"))
    assert absent.advice.sentence == "The champion v9 has not classified any document in this period."


def test_empty_review_queue_is_noted_while_waiting() -> None:
    weeks = simulate_records(60, {"v1": 0.8, "v2": 0.8}, per_day=20, audit_share=0.3)
    found = [compute_report([], weeks.records, now=NOON, policy=CHAMPION, waiting=waiting) for waiting in (None, 3, 0)]
    assert [report.waiting for report in found] == [None, 3, 0]
    assert ["queue is empty" in " ".join(report.notes) for report in found] == [False, False, True]


def test_json_keys_are_stable(report: Report) -> None:
    read = json.loads(json.dumps(report.as_json()))
    assert set(read) == {
        *(
            "made_at",
            "since",
            "until",
            "oldest",
            "policy",
            "champion",
            "population",
            "flagged",
            "differing",
            "labelled",
        ),
        *("none_of_them", "versions", "vote", "pairs", "challengers", "drift", "advice", "notes", "risk", "waiting"),
        "candidate",
    }
    assert read["made_at"] == "2026-11-22T12:00:00.000Z"
    assert read["advice"]["action"] == "promote"
    assert set(read["labelled"]) == {"review", "evidence", "audit", "other"}
    assert set(read["versions"][0]) == {
        *("name", "weights", "answered", "outdated", "errors", "accuracy", "strata", "missing", "recall", "confusion"),
        *("calibration", "latency_ms"),
    }
    assert set(read["versions"][0]["accuracy"]) == {"value", "low", "high", "n"}
    assert read["versions"][0]["strata"][0]["name"] == "review"
    assert set(read["pairs"][0]) == {
        *("first", "second", "agreement", "kappa", "both_right", "first_only", "second_only", "neither"),
        *(
            "disagreements",
            "mcnemar_p",
            "mcnemar_holm",
            "difference",
            "p_value",
            "conclusion",
            "more_labels",
            "asked",
            "sentence",
        ),
    }
    assert set(read["versions"][0]["confusion"]) == {"truths", "answers", "counts"}
    assert set(read["versions"][0]["calibration"]) == {"n", "error", "by_chance", "bins"}
    assert {*read["risk"]} >= {"target", "threshold", "automated", "points", "auroc", "alarm", "sentence"}
    assert {*read["risk"]["points"][0]} == {"threshold", "automated", "error", "certified_error", "certified"}
    assert read["drift"]["days"][0]["day"] == "2026-11-12"


def test_tables_fit_a_hundred_columns(report: Report) -> None:
    text = rendered(report)
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    assert text.startswith(report.advice.sentence)
    for expected in ("Versions", "Pairs", "Recall by label", "By day", "vote", "v1 *"):
        assert expected in text


def test_tables_with_eight_long_labels_fit_a_hundred_columns() -> None:
    labels = tuple(f"{name}-document" for name in ("contract", "scientific", "handwritten", "advertisement", "budget"))
    made = simulate_records(200, ACCURACY, labels=(*labels, "resume", "letter", "email"), audit_share=0.5)
    text = rendered(compute_report(made.labelled(), made.records, now=NOON))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_relabelled_record_counts_once(weeks: SimulatedRecords) -> None:
    labelled: list[Record] = weeks.labelled()
    again = [
        made.with_review(Review(made.review.label, "bob", NOON, Queue.OTHER)) if made.review else made
        for made in labelled
    ]
    found = compute_report([*labelled, *again], weeks.records, now=NOON, policy=CHAMPION)
    assert sum(found.labelled.values()) == len(labelled)
    assert found.labelled["other"] == 0  # the first label's queue is kept
