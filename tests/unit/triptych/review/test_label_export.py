"""Protects: labelled documents become a folder that training reads, and other files in it stay unchanged."""

import csv
from pathlib import Path

import pytest

from records.errors import DocumentRejected
from records.labels import NONE_OF_THESE
from records.record import Record
from records.reviews import Queue, Review
from records.uploads import Upload
from tests.support.flowers import write_flowers
from tests.support.samples import sample
from tests.support.uploads import NOON, prediction, record, upload
from training.data import list_documents
from triptych.errors import TriptychError
from triptych.review import label_export
from triptych.review.label_export import LabelExport

PNG, PDF = sample("slide-07.png").read_bytes(), sample("invoice-2024-0117.pdf").read_bytes()


class FakeStore:
    """Documents by key. A missing one was deleted."""

    def __init__(self, **content: bytes) -> None:
        self.content = {key.replace("_", "/"): body for key, body in content.items()}
        self.reads = 0

    def read(self, upload: Upload) -> bytes:
        self.reads += 1
        if upload.key not in self.content:
            raise DocumentRejected("deleted", "The object was deleted.")
        return self.content[upload.key]


def labelled(key: str, label: str) -> Record:
    review = Review(label, "ann", NOON, Queue.REVIEW)
    return record({"v1": prediction()}, of=upload(key)).with_review(review)


def files(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_labelled_documents_become_a_folder_that_training_reads(tmp_path: Path) -> None:
    store = FakeStore(acme_a=PNG, acme_b=PDF, c=PNG)
    records = [labelled("acme/a", "slides"), labelled("acme/b", "invoice"), labelled("c", "slides")]
    folder = tmp_path / "made" / "here"
    assert label_export.export_labels(records, store, folder) == LabelExport(3, 0, ())
    found = list_documents(folder)
    assert found.labels == ("invoice", "slides")
    assert sorted((found.labels[d.label], d.source, d.file.suffix) for d in found.documents) == [
        ("invoice", "documents/acme", ".pdf"),
        ("slides", "documents", ".png"),
        ("slides", "documents/acme", ".png"),
    ]
    assert {document.file.read_bytes() for document in found.documents} == {PNG, PDF}
    assert found.licences == ("your own",)


def test_documents_without_a_fitting_label_go_to_a_hidden_folder(tmp_path: Path) -> None:
    records = [labelled("a", "slides"), labelled("b", "invoice"), labelled("c", NONE_OF_THESE)]
    assert label_export.export_labels(records, FakeStore(a=PNG, b=PDF, c=PNG), tmp_path) == LabelExport(2, 1, ())
    assert list_documents(tmp_path).labels == ("invoice", "slides")
    assert len([name for name in files(tmp_path) if name.startswith(".none-of-these/reviewed/")]) == 1


def test_an_exported_document_moves_with_its_label_and_is_not_read_again(tmp_path: Path) -> None:
    store = FakeStore(a=PNG, b=PDF)
    label_export.export_labels([labelled("a", "slides"), labelled("b", "invoice")], store, tmp_path)
    label_export.export_labels([labelled("a", "form")], store, tmp_path)
    assert store.reads == 2
    assert [Path(name).parent.as_posix() for name in files(tmp_path)] == ["form/reviewed", "."]
    assert not (tmp_path / "slides").exists()  # training rejects empty labels
    assert [row["file"].partition("/")[0] for row in rows(tmp_path)] == ["form"]


def test_an_exported_document_stays_when_the_bucket_no_longer_has_it(tmp_path: Path) -> None:
    """Lifecycle rules and expired credentials must not remove training data."""
    records = [labelled("a", "slides"), labelled("b", "invoice")]
    label_export.export_labels(records, FakeStore(a=PNG, b=PDF), tmp_path)
    before = files(tmp_path)
    (tmp_path / "slides" / "reviewed" / (Path(before[-1]).stem + ".part")).write_bytes(b"interrupted")
    export = label_export.export_labels(records, FakeStore(), tmp_path)
    assert (export.documents, export.skipped) == (2, ())
    assert files(tmp_path) == before


def test_a_manifest_saved_by_a_spreadsheet_keeps_its_rows(tmp_path: Path) -> None:
    """It may have a byte order mark, short rows, and backslashes in the paths of exported files."""
    write_flowers(tmp_path, each=2)
    text = "source,file\nann's garden,rose/rose-0.png\nold,rose\\reviewed\\0123456789ab-x.png\nlost\n"
    (tmp_path / "manifest.csv").write_text(text, "utf-8-sig")
    label_export.export_labels([labelled("a", "rose")], FakeStore(a=PNG), tmp_path)
    assert {
        document.file.name: document.source for document in list_documents(tmp_path).documents if document.source
    }.items() >= {("rose-0.png", "ann's garden")}
    assert "old" not in {row["source"] for row in rows(tmp_path)}
    (tmp_path / "manifest.csv").write_text("file,source\nros\u00e9.png,kew\n", "cp1252")
    with pytest.raises(TriptychError, match="not UTF-8"):
        label_export.export_labels([], FakeStore(), tmp_path)


def test_other_documents_in_the_folder_stay_unchanged(tmp_path: Path) -> None:
    garden = write_flowers(tmp_path, each=2)
    mine = garden / "rose" / "reviewed" / "mine.png"
    mine.parent.mkdir()
    mine.write_bytes(PNG)
    (garden / "manifest.csv").write_text("file,source,note\nrose/rose-0.png,ann's garden,red\n")
    before = files(garden)
    label_export.export_labels([labelled("a", "rose")], FakeStore(a=PNG), garden)
    label_export.export_labels([], FakeStore(), garden)
    assert files(garden) == before
    assert rows(garden) == [{"file": "rose/rose-0.png", "source": "ann's garden", "note": "red", "licence": ""}]


def test_documents_that_cannot_be_exported_are_named_and_the_others_written(tmp_path: Path) -> None:
    records = [
        labelled("a", "slides"),
        labelled("gone", "slides"),
        labelled("b", "../../etc"),
        labelled("c", ".hidden"),
    ]
    export = label_export.export_labels(records, FakeStore(a=PNG, b=PNG, c=PNG), tmp_path / "here")
    assert export.documents == 1
    assert [line.partition(":")[0] for line in export.skipped] == ["documents/gone", "documents/b", "documents/c"]
    assert len(files(tmp_path)) == 2


def test_keys_become_valid_file_names(tmp_path: Path) -> None:
    keys = ["x" * 900, "a/../..", "naïve ünï:*?\n.tar.gz", "CON"]
    store = FakeStore()
    store.content = dict.fromkeys(keys, PNG)
    assert label_export.export_labels([labelled(key, "slides") for key in keys], store, tmp_path).documents == len(keys)
    names = [Path(name) for name in files(tmp_path) if name != "manifest.csv"]
    assert {name.parent.as_posix() for name in names} == {"slides/reviewed"}
    assert all(len(name.name) < 100 and name.suffix == ".png" for name in names)


@pytest.mark.parametrize("name", ["letter.tif", "receipt-lunch.jpg", "roadmap.webp", "paper.pdf"])
def test_the_suffix_of_a_file_matches_its_content(tmp_path: Path, name: str) -> None:
    label_export.export_labels([labelled("misnamed.exe", "form")], _only(sample(name).read_bytes()), tmp_path)
    [written] = [Path(file) for file in files(tmp_path) if file != "manifest.csv"]
    assert written.suffix == Path(name).suffix


def _only(content: bytes) -> FakeStore:
    store = FakeStore()
    store.content = {"misnamed.exe": content}
    return store
