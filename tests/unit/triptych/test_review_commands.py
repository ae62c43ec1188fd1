"""Protects: what people type to label, to promote and to go back, and the output that their scripts read."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from records.table import RecordTable
from tests.support.uploads import prediction, record, upload
from triptych.cli import app
from triptych.errors import TriptychError, UsageError
from triptych.review.reviews import Reviews
from triptych.storage import connection
from triptych.storage.connection import StackConnection

TORN = {"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": prediction("receipt", 0.6)}


@pytest.fixture(autouse=True)
def _found(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect", lambda _: stack)
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def reviews(stack: StackConnection) -> Reviews:
    for name in ("a.pdf", "b.pdf"):
        of = upload(name, bucket="inbox", sequencer="00AA".ljust(32, "0"))
        RecordTable(stack.table).save(record(TORN, of=of), replacing=None)
    return Reviews(stack.table)


def run(*arguments: str | Path, answers: str = "") -> Result:
    """Run the command; what it cannot do is raised."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], input=answers)
    if done.exception:
        raise done.exception
    return done


class TestSheets:
    @pytest.mark.parametrize("name", ["queue.csv", "queue.json"])
    def test_a_script_exports_fills_in_and_imports(self, reviews: Reviews, tmp_path: Path, name: str) -> None:
        sheet = tmp_path / name
        assert "2 documents wait" in run("review", "--export", sheet).stderr
        empty, full = (b'"label": ""', b'"label": "receipt"') if name == "queue.json" else (b",\r\n", b",receipt\r\n")
        sheet.write_bytes(sheet.read_bytes().replace(empty, full))
        told = json.loads(run("review", "--import", sheet, "--by", "ann", "--json").stdout)
        assert told == {"labelled": 2, "unchanged": 0, "failed": []}
        assert {one.review.by for one in reviews.labelled() if one.review} == {"ann"}

    def test_pipes_work(self, reviews: Reviews) -> None:
        sheet = run("review", "--export", "-", "--limit", "1").stdout
        assert len(sheet.splitlines()) == 2
        run("review", "--import", "-", answers="document,label\ninbox/a.pdf,invoice\n")
        assert [one.upload.key for one in reviews.labelled()] == ["a.pdf"]

    def test_a_row_that_failed_ends_the_command_with_an_error(self, reviews: Reviews, tmp_path: Path) -> None:
        sheet = tmp_path / "labels.csv"
        sheet.write_text("document,label\ninbox/a.pdf,invoice\ninbox/z.pdf,invoice\n")
        with pytest.raises(TriptychError, match=r"row 2: There is no record of inbox/z\.pdf"):
            run("review", "--import", sheet)
        assert len(reviews.labelled()) == 1

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="cannot be read"):
            run("review", "--import", tmp_path / "no.csv")
        with pytest.raises(UsageError, match="cannot be written"):
            run("review", "--export", tmp_path / "no" / "no.csv")


class TestTerminal:
    def test_documents_come_one_after_another_and_a_mistake_is_taken_back(self, reviews: Reviews) -> None:
        done = run("review", "--by", "ann", answers="2\nu\n1\nnonsense\n0\n")
        assert "2 labelled." in done.stdout
        first, second = (one.upload.key for one in sorted(reviews.labelled(), key=lambda one: one.revision)[::-1])
        labels = {one.upload.key: one.review.label for one in reviews.labelled() if one.review}
        assert (labels[first], labels[second]) == ("invoice", "none-of-these")
        assert all(one.review and one.review.seconds is not None for one in reviews.labelled())

    def test_what_the_versions_say_is_shown_to_whoever_asks(self, reviews: Reviews) -> None:
        """Not before: who sees it agrees too easily, and the labels would flatter."""
        assert "v1  invoice 90%" not in run("review", answers="s\ns\n").stdout
        assert "v1  invoice 90%" in run("review", answers="w\ns\nw\ns\n").stdout

    def test_a_skipped_document_waits_on_and_the_end_is_when_one_likes(self, reviews: Reviews) -> None:
        assert "0 labelled." in run("review", answers="s\nq\n").stdout
        assert len(reviews.queue()) == 2
        assert "1 labelled." in run("review", answers="receipt\n").stdout  # and the input ends

    def test_what_somebody_has_labelled_meanwhile_is_not_asked_again(
        self, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two people who begin at the same time have the same queue before them."""
        queue = reviews.queue()
        reviews.label(queue[0].upload.document, queue[0].upload.sort_key, "receipt", "ann")
        monkeypatch.setattr(Reviews, "queue", lambda *_: queue)
        done = run("review", "--by", "bob", answers="invoice\n")
        assert "no longer waits" in done.stdout
        assert "1 labelled." in done.stdout
        assert {one.upload.key: one.review.by for one in reviews.labelled() if one.review} == {
            queue[0].upload.key: "ann",
            queue[1].upload.key: "bob",
        }

    def test_the_very_upload_is_opened(
        self, stack: StackConnection, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[bytes] = []
        monkeypatch.setattr(typer, "launch", lambda file: opened.append(Path(file).read_bytes()))
        of = upload("c.pdf", bucket="inbox", version_id=stored(stack, b"first"))
        stored(stack, b"second")
        RecordTable(stack.table).save(record(TORN, of=of), replacing=None)
        run("review", answers="o\ns\no\ns\no\ns\n")
        assert opened == [b"first"]  # the other two are not in the bucket, which is told, not raised

    def test_an_empty_queue_is_told(self) -> None:
        assert "Nothing waits" in run("review").stdout


def stored(stack: StackConnection, body: bytes) -> str:
    return stack.s3.put_object(Bucket="inbox", Key="c.pdf", Body=body)["VersionId"]


@pytest.mark.usefixtures("reviews")
class TestPolicy:
    def test_a_promotion_is_shown_with_who_and_why_and_can_be_taken_back(self) -> None:
        told = run("promote", "v3", "--why", "best on slides", "--by", "ann").stdout
        assert "v3 alone" in told
        assert "What the labels say of v3: v3 or v1: not enough" in told
        made = json.loads(run("promote", "--weights", "v1=1,v2=1,v3=2", "--why", "softer", "--json").stdout)
        assert (made["id"], made["champion"], made["weights"]) == ("p2", "v3", {"v1": 1.0, "v2": 1.0, "v3": 2.0})
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
        }
        table = run("policy").stdout
        for expected in ("v3 alone", "v1=1, v2=1, v3=2 (champion v3)", "all alike", "best on slides", "ann"):
            assert expected in table

    def test_a_promotion_without_a_reason_is_refused(self) -> None:
        with pytest.raises(UsageError, match="why"):
            run("promote", "v3")


class TestResults:
    def test_a_label_is_shown_where_results_are(self, reviews: Reviews) -> None:
        assert "2 to review" in run("results").stdout
        reviews.label("inbox/a.pdf", "", "receipt", "ann")
        table = run("results").stdout
        assert "labelled receipt by ann: the verdict was" in table
        assert "1 to review · 1 labelled" in table
        [found] = json.loads(run("results", "--reviewed", "--json").stdout)
        assert (found["review"]["label"], found["review"]["by"], found["key"]) == ("receipt", "ann", "a.pdf")
        assert [one["key"] for one in json.loads(run("results", "--review", "--json").stdout)] == ["b.pdf"]
