import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.flowers import write_flowers
from training.data import OOD_LABEL, DataError, list_documents, list_ood_documents, load_pages


def test_labels_are_the_sorted_names_of_the_folders(flowers: Path) -> None:
    folder = list_documents(flowers)
    assert folder.labels == ("daisy", "rose", "sunflower")
    assert [d.label for d in folder.documents] == [0] * 8 + [1] * 8 + [2] * 8


def test_empty_label_is_rejected(tmp_path: Path) -> None:
    write_flowers(tmp_path)
    (tmp_path / "tulip").mkdir()
    with pytest.raises(DataError, match="'tulip' has no documents"):
        list_documents(tmp_path)


def test_single_label_is_rejected(tmp_path: Path) -> None:
    write_flowers(tmp_path, labels=("rose",))
    with pytest.raises(DataError, match="at least two labels, and has only 'rose'"):
        list_documents(tmp_path)


def test_two_spellings_of_a_label_are_one_label(tmp_path: Path) -> None:
    composed, decomposed = "Gr\u00fc\u00dfe", "Gru\u0308\u00dfe"
    write_flowers(tmp_path, each=2)
    (tmp_path / "daisy").rename(tmp_path / composed)
    (tmp_path / "sunflower").rename(tmp_path / decomposed)
    for expected in (None, (composed, "rose"), (decomposed, "rose")):
        folder = list_documents(tmp_path, labels=expected)
        assert folder.labels == (composed, "rose")
        assert sorted(document.label for document in folder.documents) == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("none-of-these", "'none-of-these' is reserved for documents that fit no label"),
        ("in\u202evoice", r"contains a control character \(U\+202E\)"),
        ("in\nvoice", r"contains a control character \(U\+000A\)"),
        ("in\udcffvoice", r"contains a control character \(U\+DCFF\)"),
    ],
)
def test_invalid_name_of_a_label_is_rejected(tmp_path: Path, name: str, complaint: str) -> None:
    write_flowers(tmp_path)
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=complaint):
        list_documents(tmp_path)


def test_missing_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        list_documents(tmp_path / "nowhere")


def test_unexpected_labels_are_rejected(flowers: Path) -> None:
    with pytest.raises(DataError, match=r"unexpected labels: rose, sunflower\. Expected labels: daisy, tulip"):
        list_documents(flowers, labels=("daisy", "tulip"))


def test_label_indices_follow_the_expected_labels(tmp_path: Path) -> None:
    """An evaluation may have documents of some labels only."""
    write_flowers(tmp_path, each=2, labels=("rose",))
    (tmp_path / "daisy").mkdir()
    folder = list_documents(tmp_path, labels=("daisy", "tulip", "rose"))
    assert folder.labels == ("daisy", "tulip", "rose")
    assert [d.label for d in folder.documents] == [2, 2]


def test_unreadable_document_is_reported_and_skipped(tmp_path: Path) -> None:
    """One bad file must not stop a training, and the user must learn of it."""
    write_flowers(tmp_path, each=2)
    (tmp_path / "rose" / "half.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    pages, skipped = load_pages(list_documents(tmp_path).documents, 32, grey=False)
    assert len(pages) == 6
    assert len(skipped) == 1
    assert "half.jpg" in skipped[0]


def test_pages_of_a_pdf_are_loaded(tmp_path: Path) -> None:
    write_flowers(tmp_path, each=1)
    white, grey = (Image.new("RGB", (200, 300), color) for color in ("white", "grey"))
    white.save(tmp_path / "rose" / "two.pdf", save_all=True, append_images=[grey])
    pages, skipped = load_pages(list_documents(tmp_path).documents, 64, grey=False)
    assert skipped == []
    of_pdf = [page for page in pages if page.document.file.name == "two.pdf"]
    assert len(of_pdf) == 2
    assert of_pdf[0].pixels.mean() > 250 > of_pdf[1].pixels.mean()


@pytest.mark.parametrize(("grey", "shape"), [(True, (85, 64)), (False, (85, 64, 3))])
def test_large_page_is_reduced(tmp_path: Path, grey: bool, shape: tuple[int, ...]) -> None:
    write_flowers(tmp_path, each=1)
    Image.new("RGB", (600, 800), "white").save(tmp_path / "rose" / "large.png")
    pages, _ = load_pages(list_documents(tmp_path).documents, 64, grey=grey)
    large = next(page for page in pages if page.document.file.name == "large.png")
    assert large.pixels.shape == shape
    assert large.pixels.dtype == np.uint8


def _manifest(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "source", "licence"])
        writer.writerows(rows)


def test_manifest_names_sources_and_licences(tmp_path: Path) -> None:
    write_flowers(tmp_path, each=2)
    _manifest(tmp_path, [("rose/rose-0.png", "kew", "CC BY 4.0"), ("rose/rose-1.png", "flickr", "CC0")])
    folder = list_documents(tmp_path)
    assert {d.source for d in folder.documents} == {"", "kew", "flickr"}
    assert folder.licences == ("CC BY 4.0", "CC0")


def test_manifest_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """A byte order mark, backslashes, decomposed accents and short or long rows do not lose a source."""
    write_flowers(tmp_path, each=2)
    (tmp_path / "rose" / "rose-0.png").rename(tmp_path / "rose" / "ros\u00e9.png")
    lines = "file,source,licence\nrose\\rose\u0301.png,kew,CC0\nrose/rose-1.png\ndaisy/daisy-0.png, flickr ,CC0,extra\n"
    (tmp_path / "manifest.csv").write_text(lines, "utf-8-sig")
    folder = list_documents(tmp_path)
    assert {d.file.name: d.source for d in folder.documents if d.source} == {
        "ros\u00e9.png": "kew",
        "daisy-0.png": "flickr",
    }
    assert folder.licences == ("CC0",)
    (tmp_path / "manifest.csv").write_text("file,source\nros\u00e9.png,kew\n", "cp1252")
    with pytest.raises(DataError, match=r"manifest\.csv is not UTF-8"):
        list_documents(tmp_path)


def test_manifest_without_required_columns_is_rejected(tmp_path: Path) -> None:
    write_flowers(tmp_path, each=2)
    (tmp_path / "manifest.csv").write_text("name,licence\n")
    with pytest.raises(DataError, match="needs the columns file and source"):
        list_documents(tmp_path)


def test_families_group_related_sources(tmp_path: Path) -> None:
    write_flowers(tmp_path, each=3)
    _manifest(tmp_path, [("rose/rose-0.png", "kew", ""), ("rose/rose-1.png", "flickr", "")])
    (tmp_path / "families.csv").write_text("source,family\nkew,gardens\n")
    groups = {d.file.name: (d.source, d.group) for d in list_documents(tmp_path).documents}
    assert groups["rose-0.png"] == ("kew", "gardens")
    assert groups["rose-1.png"] == ("flickr", "flickr")
    assert groups["rose-2.png"] == ("", "")


def test_families_without_required_columns_are_rejected(tmp_path: Path) -> None:
    write_flowers(tmp_path, each=1)
    (tmp_path / "families.csv").write_text("source,group\nkew,gardens\n")
    with pytest.raises(DataError, match=r"families\.csv needs the columns source and family"):
        list_documents(tmp_path)


def test_ood_documents_have_the_source_of_the_manifest_or_of_their_folder(tmp_path: Path) -> None:
    write_flowers(tmp_path, each=1)
    _manifest(tmp_path, [("rose/rose-0.png", "kew", "")])
    documents = list_ood_documents(tmp_path)
    assert {d.label for d in documents} == {OOD_LABEL}
    assert {d.file.name: d.source for d in documents}["rose-0.png"] == "kew"
    assert "daisy" in {d.source for d in documents}


def test_ood_folder_without_documents_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no documents"):
        list_ood_documents(tmp_path)
