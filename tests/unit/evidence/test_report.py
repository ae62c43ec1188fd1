"""Protects: the report that a promotion rests on, from records to the sentence, the JSON and the tables."""

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from evidence.advice import Action
from evidence.report import Report, assess
from records.record import Record
from records.reviews import NONE_OF_THESE, Queue, Review
from tests.support.evidence import World, world
from tests.support.uploads import NOON, model_failure, policy, prediction, record, upload
from triptych.terminal.evidence_tables import ReportTables

ACCURACY = {"v1": 0.80, "v2": 0.82, "v3": 0.95}
CHAMPION = policy(weights={"v1": 1.0, "v2": 1.0, "v3": 1.0}, champion="v1")


@pytest.fixture(scope="module")
def weeks() -> World:
    return world(1500, ACCURACY)


@pytest.fixture(scope="module")
def report(weeks: World) -> Report:
    return assess(weeks.labelled(), weeks.records, now=NOON, policy=CHAMPION)


def shown(report: Report, width: int = 100) -> str:
    console = Console(width=width, file=StringIO(), force_terminal=False)
    console.print(ReportTables(report))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_truth_is_inside_the_intervals(report: Report, weeks: World) -> None:
    for version in report.versions:
        assert version.accuracy.low is not None
        assert version.accuracy.high is not None
        assert version.accuracy.low <= weeks.accuracy(version.name) <= version.accuracy.high


def test_labels_alone_would_mislead_because_the_doubtful_are_labelled_more_often(weeks: World) -> None:
    [worst, *_] = assess(weeks.labelled(), weeks.records, now=NOON).versions
    counts = worst.confusion
    right = sum(counts.counts[row][counts.answers.index(label)] for row, label in enumerate(counts.truths))
    naive = right / sum(map(sum, counts.counts))
    assert worst.accuracy.value is not None
    assert abs(worst.accuracy.value - weeks.accuracy("v1")) < abs(naive - weeks.accuracy("v1"))


def test_the_better_version_is_advised_in_a_plain_sentence(report: Report) -> None:
    assert report.advice.action is Action.PROMOTE
    assert report.advice.version == "v3"
    assert report.advice.sentence.startswith("v3 is better than v1: +")
    assert report.advice.sentence.endswith("], safe to promote.")


def test_the_champion_is_kept_where_it_is_the_best(weeks: World) -> None:
    best = policy(weights={"v3": 1.0}, champion="v3")
    found = assess(weeks.labelled(), weeks.records, now=NOON, policy=best)
    assert found.advice.action is Action.KEEP
    assert found.advice.version == "v3"


def test_without_a_champion_the_version_that_beats_all_others_is_advised(weeks: World) -> None:
    found = assess(weeks.labelled(), weeks.records, now=NOON)
    assert (found.advice.action, found.advice.version) == (Action.PROMOTE, "v3")


def test_without_labels_nothing_is_guessed(weeks: World) -> None:
    found = assess([], weeks.records, now=NOON, policy=CHAMPION)
    assert found.advice.action is Action.WAIT
    assert "not enough evidence yet: about" in found.advice.sentence
    for version in (*found.versions, found.vote):
        assert version.accuracy.value is None
        assert version.missing is not None
        assert version.calibration is None
        assert version.recall == {}
    assert found.pairs[0].kappa.value is not None  # needs no labels
    assert found.versions[0].latency_ms["p50"] is not None


def test_without_audits_accuracy_is_unknown_but_versions_can_be_compared(weeks: World) -> None:
    reviewed = [made for made in weeks.labelled() if made.review and made.review.queue is Queue.REVIEW]
    found = assess(reviewed, weeks.records, now=NOON, policy=CHAMPION)
    assert found.versions[0].accuracy.value is None
    assert "audits" in (found.versions[0].missing or "")
    assert found.versions[0].recall == {}
    assert found.versions[0].strata[0].accuracy.value is not None
    assert found.advice.version == "v3"


def test_labels_that_a_person_picked_are_told_and_not_counted(weeks: World, report: Report) -> None:
    picked = [
        replace(made, review=replace(made.review, queue=Queue.OTHER)) if made.review else made
        for made in weeks.labelled()
    ]
    found = assess(picked, weeks.records, now=NOON, policy=CHAMPION)
    assert found.labelled == {"review": 0, "audit": 0, "other": len(picked)}
    assert found.versions[0].accuracy.value is None
    assert any("picked by a person" in note for note in found.notes)


def test_new_weights_start_anew(weeks: World) -> None:
    """A version replaced today has no evidence, whatever its earlier weights had; the others keep theirs."""
    today = [
        record(
            {"v1": prediction(model_sha256="v1" * 8), "v2": prediction(model_sha256="v2" * 8), "v3": prediction()},
            upload(f"today-{number}", event_time=NOON + timedelta(minutes=number)),
            classified_at=NOON + timedelta(minutes=number),
        )
        for number in range(20)
    ]
    found = assess(weeks.labelled(), [*weeks.records, *today], now=NOON, policy=CHAMPION)
    before = assess(weeks.labelled(), weeks.records, now=NOON, policy=CHAMPION)
    fresh = found.versions[2]
    assert (fresh.answered, fresh.accuracy.n, fresh.weights) == (20, 0, "ab" * 32)
    assert fresh.outdated == 1500
    assert found.pairs[0].disagreements == before.pairs[0].disagreements
    assert found.pairs[1].disagreements == 0
    assert found.vote.answered == 20
    assert any("earlier weights" in note for note in found.notes)


def test_none_of_these_counts_as_wrong_and_is_told_apart(weeks: World) -> None:
    labelled = weeks.labelled()
    strangers = [
        replace(made, review=replace(made.review, label=NONE_OF_THESE)) if made.review and number % 5 == 0 else made
        for number, made in enumerate(labelled)
    ]
    found = assess(strangers, weeks.records, now=NOON)
    plain = assess(labelled, weeks.records, now=NOON)
    assert found.none_of_them.value == pytest.approx(0.2, abs=0.07)
    assert found.versions[2].accuracy.value is not None
    assert plain.versions[2].accuracy.value is not None
    assert found.versions[2].accuracy.value < plain.versions[2].accuracy.value - 0.1
    assert found.versions[2].confusion.truths[-1] == NONE_OF_THESE
    assert NONE_OF_THESE not in found.versions[2].recall
    assert NONE_OF_THESE not in found.versions[2].confusion.answers


def test_the_order_of_records_is_nothing(weeks: World, report: Report) -> None:
    assert assess(weeks.labelled()[::-1], weeks.records[::-1], now=NOON, policy=CHAMPION) == report


def test_a_version_that_fails_is_told_by_kind_and_judged_by_what_it_answered() -> None:
    silent = [record({"v1": prediction(), "v2": model_failure("timeout")}, upload(f"{n}")) for n in range(10)]
    heard = record({"v1": prediction(), "v2": prediction()}, upload("heard"))
    found = assess([], [*silent, heard], now=NOON)
    assert found.versions[1].errors == {"timeout": 10}
    assert found.versions[1].answered == 1
    assert found.pairs[0].agreement.n == 1


def test_quantiles_want_documents_beyond_them() -> None:
    few = [record({"v1": prediction(latency_ms=float(n))}, upload(f"{n}")) for n in range(1, 21)]
    [version] = assess([], few, now=NOON).versions
    assert version.latency_ms == {"p50": 10.5, "p90": pytest.approx(18.1), "p95": pytest.approx(19.05), "p99": None}


def test_an_empty_table_is_told_so() -> None:
    found = assess([], [], now=NOON)
    assert found.advice.sentence == "No version has answered a document of this period."
    assert "no document with a verdict" in found.notes[-1]
    assert "No version has answered" in shown(found)
    json.dumps(found.as_json())


def test_one_version_alone_is_kept() -> None:
    made = record({"v1": prediction()}, upload("a"))
    found = assess([], [made], now=NOON, policy=policy(weights={"v1": 1.0}, champion="v1"))
    assert found.advice.action is Action.KEEP
    assert found.pairs == ()
    absent = assess([], [made], now=NOON, policy=policy(weights={"v9": 1.0}, champion="v9"))
    assert absent.advice.sentence == "The champion v9 has answered no document of this period."


def test_whoever_should_label_on_is_told_when_there_is_nothing_to_label() -> None:
    weeks = world(60, {"v1": 0.8, "v2": 0.8}, per_day=20, audit_share=0.3)
    found = [assess([], weeks.records, now=NOON, policy=CHAMPION, waiting=waiting) for waiting in (None, 3, 0)]
    assert [report.waiting for report in found] == [None, 3, 0]
    assert ["Nothing waits" in " ".join(report.notes) for report in found] == [False, False, True]


def test_the_json_has_the_keys_that_scripts_rely_on(report: Report) -> None:
    read = json.loads(json.dumps(report.as_json()))
    assert set(read) == {
        *("made_at", "since", "until", "oldest", "policy", "champion", "population", "flagged", "labelled"),
        *("none_of_them", "versions", "vote", "pairs", "drift", "advice", "notes", "waiting"),
    }
    assert read["made_at"] == "2026-11-22T12:00:00.000Z"
    assert read["advice"]["action"] == "promote"
    assert set(read["labelled"]) == {"review", "audit", "other"}
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
            "sentence",
        ),
    }
    assert read["drift"]["days"][0]["day"] == "2026-11-12"


def test_the_tables_fit_a_hundred_columns_and_cut_nothing(report: Report) -> None:
    text = shown(report)
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    assert text.startswith(report.advice.sentence)
    for wanted in ("Versions", "Pairs", "Recall by class", "By day", "vote", "v1 *"):
        assert wanted in text


def test_eight_long_labels_fit_too() -> None:
    labels = tuple(f"{name}-document" for name in ("contract", "scientific", "handwritten", "advertisement", "budget"))
    made = world(200, ACCURACY, labels=(*labels, "resume", "letter", "email"), audit_share=0.5)
    text = shown(assess(made.labelled(), made.records, now=NOON))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_relabelled_record_counts_once(weeks: World) -> None:
    labelled: list[Record] = weeks.labelled()
    again = [
        made.with_review(Review(made.review.label, "bob", NOON, Queue.OTHER)) if made.review else made
        for made in labelled
    ]
    found = assess([*labelled, *again], weeks.records, now=NOON, policy=CHAMPION)
    assert sum(found.labelled.values()) == len(labelled)
    assert found.labelled["other"] == 0  # how it came to be labelled stays
