"""Protects: labelling, promoting and restoring policies on the command line, and output that scripts read."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from records.policy import DOUBT_BELOW
from records.reviews import Draw, Queue, Review
from records.table import RecordTable
from tests.support.uploads import NOON, prediction, record, upload
from triptych.cli import app
from triptych.errors import TriptychError, UsageError
from triptych.review.reviews import Reviews
from triptych.storage import connection
from triptych.storage.connection import StackConnection

DISAGREED = {"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": prediction("receipt", 0.6)}


@pytest.fixture(autouse=True)
def _found(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect", lambda _: stack)
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def reviews(stack: StackConnection) -> Reviews:
    for name in ("a.pdf", "b.pdf"):
        of = upload(name, bucket="inbox", sequencer="00AA".ljust(32, "0"))
        RecordTable(stack.table).save(record(DISAGREED, of=of), replacing=None)
    return Reviews(stack.table)


def run(*arguments: str | Path, answers: str = "") -> Result:
    """Run a command and raise its error, if any."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], input=answers)
    if done.exception:
        raise done.exception
    return done


class TestSheets:
    @pytest.mark.parametrize("name", ["queue.csv", "queue.json"])
    def test_a_script_exports_labels_and_imports_a_sheet(self, reviews: Reviews, tmp_path: Path, name: str) -> None:
        sheet = tmp_path / name
        assert "Wrote 2 documents" in run("review", "--export", sheet).stderr
        empty, full = (b'"label": ""', b'"label": "receipt"') if name == "queue.json" else (b",\r\n", b",receipt\r\n")
        sheet.write_bytes(sheet.read_bytes().replace(empty, full))
        summary = json.loads(run("review", "--import", sheet, "--by", "ann", "--json").stdout)
        assert summary == {"labelled": 2, "unchanged": 0, "failed": []}
        assert {one.review.by for one in reviews.labelled() if one.review} == {"ann"}

    @pytest.mark.usefixtures("reviews")
    def test_an_exported_csv_has_a_byte_order_mark(self, tmp_path: Path) -> None:
        run("review", "--export", tmp_path / "queue.csv")
        assert (tmp_path / "queue.csv").read_bytes().startswith(b"\xef\xbb\xbfdocument,")

    def test_sheets_can_be_piped(self, reviews: Reviews) -> None:
        sheet = run("review", "--export", "-", "--limit", "1").stdout
        assert len(sheet.splitlines()) == 2
        run("review", "--import", "-", answers="document,label\ninbox/a.pdf,invoice\n")
        assert [one.upload.key for one in reviews.labelled()] == ["a.pdf"]

    def test_a_failed_row_ends_the_command_with_an_error(self, reviews: Reviews, tmp_path: Path) -> None:
        sheet = tmp_path / "labels.csv"
        sheet.write_text("document,label\ninbox/a.pdf,invoice\ninbox/z.pdf,invoice\n")
        with pytest.raises(TriptychError, match=r"row 2: No record of inbox/z\.pdf"):
            run("review", "--import", sheet)
        assert len(reviews.labelled()) == 1

    def test_an_unreadable_or_unwritable_file_is_a_usage_error(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="cannot be read"):
            run("review", "--import", tmp_path / "no.csv")
        with pytest.raises(UsageError, match="cannot be written"):
            run("review", "--export", tmp_path / "no" / "no.csv")


class TestTerminal:
    def test_documents_are_labelled_one_after_another_and_a_label_can_be_undone(self, reviews: Reviews) -> None:
        done = run("review", "--by", "ann", answers="2\nu\n1\nnonsense\n0\n")
        assert "2 labelled." in done.stdout
        first, second = (one.upload.key for one in sorted(reviews.labelled(), key=lambda one: one.revision)[::-1])
        labels = {one.upload.key: one.review.label for one in reviews.labelled() if one.review}
        assert (labels[first], labels[second]) == ("invoice", "none-of-these")
        assert all(one.review and one.review.seconds is not None for one in reviews.labelled())

    def test_predictions_are_shown_only_on_request(self, reviews: Reviews) -> None:
        """Seeing them first would bias the reviewer."""
        assert "v1  invoice 90%" not in run("review", answers="s\ns\n").stdout
        assert "v1  invoice 90%" in run("review", answers="w\ns\nw\ns\n").stdout

    def test_a_skipped_document_stays_in_the_queue(self, reviews: Reviews) -> None:
        assert "0 labelled." in run("review", answers="s\nq\n").stdout
        assert len(reviews.deal()) == 2
        assert "1 labelled." in run("review", answers="receipt\n").stdout  # followed by the end of input

    @pytest.mark.parametrize("answer", ["40", "kind_39", "KIND 39"])
    def test_any_of_forty_labels_can_be_typed(self, stack: StackConnection, answer: str) -> None:
        labels = [f"kind_{number:02}" for number in range(40)]
        probabilities = dict.fromkeys(labels, 0.01) | {"kind_07": 0.61}
        outcome = prediction("kind_07", 0.61, probabilities=probabilities, abstained=True)
        of = upload("many.pdf", bucket="inbox")
        RecordTable(stack.table).save(record(dict.fromkeys(("v1", "v2", "v3"), outcome), of=of), replacing=None)
        done = run("review", answers=f"kind_3\npoem\n{answer}\n")
        assert "'kind_3' matches kind_30, kind_31" in done.stdout
        assert "No label starts with 'poem'." in done.stdout
        [labelled] = Reviews(stack.table).labelled()
        assert labelled.review is not None
        assert labelled.review.label == "kind_39"

    def test_a_document_labelled_by_another_reviewer_meanwhile_is_skipped(
        self, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two reviewers who start at the same time have the same queue."""
        deals = reviews.deal()
        first = deals[0].record.upload
        reviews.label(first.document, first.sort_key, "receipt", "ann")
        monkeypatch.setattr(Reviews, "deal", lambda *_: deals)
        done = run("review", "--by", "bob", answers="invoice\n")
        assert "no longer in the queue" in done.stdout
        assert "1 labelled." in done.stdout
        assert {one.upload.key: one.review.by for one in reviews.labelled() if one.review} == {
            deals[0].record.upload.key: "ann",
            deals[1].record.upload.key: "bob",
        }

    def test_exactly_the_recorded_upload_is_opened(
        self, stack: StackConnection, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[bytes] = []
        monkeypatch.setattr(typer, "launch", lambda file: opened.append(Path(file).read_bytes()))
        of = upload("c.pdf", bucket="inbox", version_id=stored(stack, b"first"))
        stored(stack, b"second")
        RecordTable(stack.table).save(record(DISAGREED, of=of), replacing=None)
        run("review", answers="o\ns\no\ns\no\ns\n")
        assert opened == [b"first"]  # the other two are not in the bucket, which is printed

    @pytest.mark.parametrize(
        ("key", "content", "suffix"),
        [
            ("x.bat", b"%PDF-1.4\r\n@echo off", ".pdf"),
            ("x." + "p" * 230, b"%PDF-1.4", ".pdf"),
            ("x.exe", b"MZ\x90\x00", ".bin"),
            ("x", b"\xff\xd8\xff\xe0", ".jpg"),
        ],
    )
    def test_a_document_is_opened_with_the_suffix_of_its_format(
        self, stack: StackConnection, monkeypatch: pytest.MonkeyPatch, key: str, content: bytes, suffix: str
    ) -> None:
        opened: list[str] = []
        monkeypatch.setattr(typer, "launch", lambda file: opened.append(Path(file).suffix))
        version = stack.s3.put_object(Bucket="inbox", Key=key, Body=content)["VersionId"]
        of = upload(key, bucket="inbox", version_id=version)
        RecordTable(stack.table).save(record(DISAGREED, of=of), replacing=None)
        run("review", answers="o\ns\n")
        assert opened == [suffix]

    def test_control_characters_are_made_visible(self, stack: StackConnection) -> None:
        hostile = "\x1b[2J\u202e"
        predictions = {"v1": prediction(hostile), "v2": prediction("receipt")}
        RecordTable(stack.table).save(record(predictions, of=upload(hostile, bucket="inbox")), replacing=None)
        printed = run("review", answers="w\ns\n").stdout
        assert "\x1b" not in printed
        assert "\u202e" not in printed
        assert printed.count("␛[2J\ufffd") == 3

    def test_an_empty_queue_is_reported(self) -> None:
        assert "The review queue is empty." in run("review").stdout


def stored(stack: StackConnection, body: bytes) -> str:
    return stack.s3.put_object(Bucket="inbox", Key="c.pdf", Body=body)["VersionId"]


@pytest.mark.usefixtures("reviews")
class TestPolicy:
    def test_a_promotion_is_shown_with_author_and_reason_and_can_be_reverted(self) -> None:
        printed = run("promote", "v3", "--why", "best on slides", "--by", "ann").stdout
        assert "v3 alone" in printed
        assert "Evidence for v3: v3 or v1: not enough" in printed
        policy = json.loads(run("promote", "--weights", "v1=1,v2=1,v3=2", "--why", "softer", "--json").stdout)
        assert (policy["id"], policy["champion"], policy["weights"]) == ("p2", "v3", {"v1": 1.0, "v2": 1.0, "v3": 2.0})
        run("promote", "p1", "--why", "it was better")
        history = json.loads(run("policy", "--json").stdout)
        assert [one["id"] for one in history] == ["p3", "p2", "p1", "p0"]
        assert history[0]["weights"] == {"v3": 1.0}
        assert history[2] | {"at": ""} == {
            "id": "p1",
            "weights": {"v3": 1.0},
            "champion": "v3",
            "audit_share": 0.1,
            "by": "ann",
            "at": "",
            "why": "best on slides",
            "doubt_below": DOUBT_BELOW,
            "at_most_wrong": None,
            "widened_from": None,
        }
        table = run("policy").stdout
        for expected in ("v3 alone", "v1=1, v2=1, v3=2 (champion v3)", "all versions equally", "best on slides", "ann"):
            assert expected in table

    def test_control_characters_in_a_reason_do_not_reach_the_terminal(self) -> None:
        hostile = "\x1b[2J\nx\u202e"
        printed = run("promote", "v3", "--why", hostile, "--by", hostile).stdout
        table = run("policy").stdout
        assert "\x1b" not in printed + table
        assert "\u202e" not in printed + table
        assert table.count("␛[2J␊x\ufffd") == 2
        assert json.loads(run("policy", "--json").stdout)[0]["why"] == hostile

    def test_promise_needs_audits_that_certify_it(self, stack: StackConnection) -> None:
        promise = ("promote", "--at-most-wrong", "5%", "--why", "trust it", "--json")
        with pytest.raises(UsageError, match=r"more audits are needed. The policy was not changed"):
            run(*promise)
        agreed = {version: prediction("invoice", 0.99) for version in ("v1", "v2", "v3")}
        review = Review("invoice", "ann", NOON, Queue.AUDIT, draw=Draw(Queue.AUDIT, 1.0))
        with stack.table.batch_writer() as batch:
            for number in range(110):
                of = upload(f"audit-{number}.pdf", bucket="inbox", sequencer=f"{number:04X}".ljust(32, "0"))
                made = record(agreed, of=of, policy="p0", audit=True, review=review)
                batch.put_item(Item=made.to_item())
        policy = json.loads(run(*promise).stdout)
        assert policy["at_most_wrong"] == 0.05
        assert policy["doubt_below"] == DOUBT_BELOW  # audits say nothing about verdicts below the threshold in force
        risk = json.loads(run("report", "--json").stdout)["risk"]
        assert (risk["promised"], risk["target"], risk["threshold"]) == (True, 0.05, DOUBT_BELOW)
        assert "certified at all times" in run("report").stdout
        with pytest.raises(UsageError, match="change only one"):
            run("promote", "v3", "--at-most-wrong", "5%", "--why", "both")

    def test_a_promotion_without_a_reason_is_rejected(self) -> None:
        with pytest.raises(UsageError, match="why"):
            run("promote", "v3")


class TestResults:
    def test_results_show_labels(self, reviews: Reviews) -> None:
        assert "2 to review" in run("results").stdout
        reviews.label("inbox/a.pdf", "", "receipt", "ann")
        table = run("results").stdout
        assert "labelled receipt by ann: the verdict was" in table
        assert "1 to review · 1 labelled" in table
        [found] = json.loads(run("results", "--reviewed", "--json").stdout)
        assert (found["review"]["label"], found["review"]["by"], found["key"]) == ("receipt", "ann", "a.pdf")
        assert [one["key"] for one in json.loads(run("results", "--review", "--json").stdout)] == ["b.pdf"]
