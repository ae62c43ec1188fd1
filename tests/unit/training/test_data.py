import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.flowers import plant
from training.data import DataError, Document, folds, load_pages, scan, split


def test_labels_are_the_sorted_folders(garden: Path) -> None:
    folder = scan(garden)
    assert folder.labels == ("daisy", "rose", "sunflower")
    assert [d.label for d in folder.documents] == [0] * 8 + [1] * 8 + [2] * 8


def test_an_empty_label_is_an_error(tmp_path: Path) -> None:
    plant(tmp_path)
    (tmp_path / "tulip").mkdir()
    with pytest.raises(DataError, match="'tulip' has no documents"):
        scan(tmp_path)


def test_a_single_label_is_an_error(tmp_path: Path) -> None:
    plant(tmp_path, labels=("rose",))
    with pytest.raises(DataError, match="at least two labels, and has only 'rose'"):
        scan(tmp_path)


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        scan(tmp_path / "nowhere")


def test_other_labels_than_expected_are_named(garden: Path) -> None:
    with pytest.raises(DataError, match="other labels than expected: rose, sunflower; there may be daisy, tulip"):
        scan(garden, labels=("daisy", "tulip"))


def test_documents_of_some_labels_keep_the_places_that_all_labels_give_them(tmp_path: Path) -> None:
    """Who measures a version seldom has documents of each of its labels at hand."""
    plant(tmp_path, each=2, labels=("rose",))
    (tmp_path / "daisy").mkdir()
    folder = scan(tmp_path, labels=("daisy", "tulip", "rose"))
    assert folder.labels == ("daisy", "tulip", "rose")
    assert [d.label for d in folder.documents] == [2, 2]


def test_broken_documents_are_named_and_skipped(tmp_path: Path) -> None:
    """One bad file in ten thousand must neither stop a training nor vanish unnoticed."""
    plant(tmp_path, each=2)
    (tmp_path / "rose" / "half.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    pages, skipped = load_pages(scan(tmp_path).documents, 32, grey=False)
    assert len(pages) == 6
    assert len(skipped) == 1
    assert "half.jpg" in skipped[0]


def test_pages_of_a_pdf_are_read_like_images(tmp_path: Path) -> None:
    plant(tmp_path, each=1)
    sheets = [Image.new("RGB", (200, 300), color) for color in ("white", "grey")]
    sheets[0].save(tmp_path / "rose" / "two.pdf", save_all=True, append_images=sheets[1:])
    pages, skipped = load_pages(scan(tmp_path).documents, 64, grey=False)
    assert skipped == []
    of_pdf = [page for page in pages if page.document.file.name == "two.pdf"]
    assert len(of_pdf) == 2
    assert of_pdf[0].pixels.mean() > 250 > of_pdf[1].pixels.mean()


@pytest.mark.parametrize(("grey", "shape"), [(True, (85, 64)), (False, (85, 64, 3))])
def test_pages_are_kept_small(tmp_path: Path, grey: bool, shape: tuple[int, ...]) -> None:
    plant(tmp_path, each=1)
    Image.new("RGB", (600, 800), "white").save(tmp_path / "rose" / "large.png")
    pages, _ = load_pages(scan(tmp_path).documents, 64, grey=grey)
    large = next(page for page in pages if page.document.file.name == "large.png")
    assert large.pixels.shape == shape
    assert large.pixels.dtype == np.uint8


def _manifest(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "source", "licence"])
        writer.writerows(rows)


def test_sources_and_licences_come_from_the_manifest(tmp_path: Path) -> None:
    plant(tmp_path, each=2)
    _manifest(tmp_path, [("rose/rose-0.png", "kew", "CC BY 4.0"), ("rose/rose-1.png", "flickr", "CC0")])
    folder = scan(tmp_path)
    assert {d.source for d in folder.documents} == {"", "kew", "flickr"}
    assert folder.licences == ("CC BY 4.0", "CC0")


def test_a_manifest_is_read_however_a_spreadsheet_wrote_it(tmp_path: Path) -> None:
    """A byte order mark, backslashes, accents of two characters, rows cut short: none may cost a source."""
    plant(tmp_path, each=2)
    (tmp_path / "rose" / "rose-0.png").rename(tmp_path / "rose" / "ros\u00e9.png")
    lines = "file,source,licence\nrose\\rose\u0301.png,kew,CC0\nrose/rose-1.png\ndaisy/daisy-0.png, flickr ,CC0,extra\n"
    (tmp_path / "manifest.csv").write_text(lines, "utf-8-sig")
    folder = scan(tmp_path)
    assert {d.file.name: d.source for d in folder.documents if d.source} == {
        "ros\u00e9.png": "kew",
        "daisy-0.png": "flickr",
    }
    assert folder.licences == ("CC0",)
    (tmp_path / "manifest.csv").write_text("file,source\nros\u00e9.png,kew\n", "cp1252")
    with pytest.raises(DataError, match=r"manifest\.csv is not UTF-8"):
        scan(tmp_path)


def test_a_manifest_without_its_columns_is_an_error(tmp_path: Path) -> None:
    plant(tmp_path, each=2)
    (tmp_path / "manifest.csv").write_text("name,licence\n")
    with pytest.raises(DataError, match="needs the columns file and source"):
        scan(tmp_path)


documents = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", "c", ""])), min_size=6, max_size=60).map(
    lambda pairs: [
        Document(Path(f"{n}.png"), label, source and f"{source}{label}")
        for n, (label, source) in enumerate([*pairs, *((k, "a") for k in range(3)), *((k, "a") for k in range(3))])
    ]
)


shared = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", "c", ""])), max_size=60).map(
    lambda pairs: [
        Document(Path(f"{n}.png"), label, source)
        for n, (label, source) in enumerate([*pairs, *((k, "a") for k in range(3)), *((k, "b") for k in range(3))])
    ]
)
"""Documents of offices that send more than one kind."""


@given(shared, st.floats(0.1, 0.5), st.integers(0, 99))
def test_an_office_of_several_kinds_is_on_one_side(some: list[Document], share: float, seed: int) -> None:
    learn, aside, protocol = split(some, share, seed)
    assert {d.label for d in learn} == {d.label for d in aside} == {0, 1, 2}
    if "by chance" not in protocol:
        assert not {d.source for d in learn} & {d.source for d in aside}


def test_one_office_kept_aside_serves_all_of_its_labels() -> None:
    some = _papers(("acme", 0, 6), ("beta", 0, 3), ("acme", 1, 3), ("beta", 1, 6))
    learn, aside, protocol = split(some, 0.3, 0)
    assert {d.source for d in aside} == {"beta"}
    assert {d.source for d in learn} == {"acme"}
    assert protocol == "9 documents: sources beta"


@given(documents, st.floats(0.1, 0.5), st.integers(0, 99))
def test_a_split_never_shares_a_document_nor_empties_a_label(some: list[Document], share: float, seed: int) -> None:
    learn, aside, _ = split(some, share, seed)
    assert {d.file for d in learn} | {d.file for d in aside} == {d.file for d in some}
    assert not {d.file for d in learn} & {d.file for d in aside}
    assert {d.label for d in learn} == {d.label for d in aside} == {0, 1, 2}


@given(documents, st.integers(0, 99))
def test_a_split_holds_out_whole_sources_where_there_are_several(some: list[Document], seed: int) -> None:
    """A page of the same office on both sides would be praised for knowing the letterhead."""
    learn, aside, protocol = split(some, 0.2, seed)
    for label in range(3):
        sources = {d.source for d in some if d.label == label}
        if len(sources) > 1:  # of these documents one at least has a name
            held = {d.source for d in aside if d.label == label}
            assert len(held) == 1
            assert held.isdisjoint({d.source for d in learn if d.label == label})
    assert str(len(aside)) in protocol


def test_the_same_seed_splits_the_same(garden: Path) -> None:
    some = scan(garden).documents
    assert split(some, 0.25, 3) == split(some, 0.25, 3)
    assert split(some, 0.25, 3) != split(some, 0.25, 4)


def _papers(*groups: tuple[str, int, int]) -> list[Document]:
    return [Document(Path(f"{s}-{k}-{n}.png"), k, s) for s, k, count in groups for n in range(count)]


def test_each_source_is_measured_once_by_a_network_that_can_know_its_label() -> None:
    some = _papers(("jose", 0, 15), ("arxiv", 0, 12), ("irs", 1, 20), ("funsd", 1, 5), ("mixed", 0, 3), ("mixed", 1, 3))
    dealt = folds(some, 2)
    assert sorted(source for members in dealt for source in members) == ["arxiv", "funsd", "irs", "jose", "mixed"]
    for members in dealt:
        assert {d.label for d in some if d.source not in members} == {0, 1}


def test_a_label_of_one_source_can_only_be_cross_validated_when_it_is_drawn() -> None:
    some = _papers(("jose", 0, 15), ("arxiv", 0, 12), ("irs", 1, 20))
    with pytest.raises(DataError, match=r"label of .*irs-1-0.png has documents from one fold's sources only: .*irs"):
        folds(some, 2)
    assert len(folds(some, 2, drawn=frozenset({1}))) == 2


def test_folds_need_named_sources() -> None:
    with pytest.raises(DataError, match=r"manifest\.csv .* does not of rose/b\.png"):
        folds([Document(Path("daisy/a.png"), 0, "kew"), Document(Path("rose/b.png"), 1)], 2)


@pytest.mark.parametrize("count", [1, 3])
def test_every_fold_needs_a_source_of_its_own(count: int) -> None:
    """A fold without one would be trained for nothing, and end in a traceback."""
    with pytest.raises(DataError, match=f"a source for each: {count} are asked for"):
        folds(_papers(("inbox", 0, 5), ("outbox", 1, 5)), count, drawn=frozenset({0, 1}))
