from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data import DataError, LabelledDocument
from training.splits import MIN_FAMILIES, assign_folds, assign_ood_folds, scarce_labels, split_by_source

Pairs = list[tuple[int, str]]

pairs = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", "c", ""])), max_size=60)
"""Labels and sources of documents. An empty source is unknown."""


def _documents(labels_and_sources: Pairs, *sources: str) -> list[LabelledDocument]:
    """Return the given documents, and one of each label from each of `sources`."""
    extra = [(label, source) for source in sources for label in range(3)]
    return [
        LabelledDocument(Path(f"{number}.png"), label, source)
        for number, (label, source) in enumerate([*labels_and_sources, *extra])
    ]


sources_with_one_label = pairs.map(
    lambda some: [
        LabelledDocument(document.file, document.label, document.source and f"{document.source}{document.label}")
        for document in _documents(some, "a", "a")
    ]
)
sources_with_all_labels = pairs.map(lambda some: _documents(some, "a", "b"))
shares = st.floats(0.1, 0.5)
seeds = st.integers(0, 99)


@given(sources_with_all_labels, shares, seeds)
def test_source_with_several_labels_is_on_one_side(some: list[LabelledDocument], share: float, seed: int) -> None:
    split = split_by_source(some, share, seed)
    assert {d.label for d in split.train} == {d.label for d in split.validation} == {0, 1, 2}
    if "by chance" not in split.protocol:
        assert not {d.source for d in split.train} & {d.source for d in split.validation}


def test_one_held_out_source_serves_all_of_its_labels() -> None:
    split = split_by_source(_groups(("acme", 0, 6), ("beta", 0, 3), ("acme", 1, 3), ("beta", 1, 6)), 0.3, 0)
    assert {d.source for d in split.validation} == {"beta"}
    assert {d.source for d in split.train} == {"acme"}
    assert split.protocol == "9 documents: sources beta"


@given(sources_with_one_label, shares, seeds)
def test_split_shares_no_document_and_leaves_no_label_empty(
    some: list[LabelledDocument], share: float, seed: int
) -> None:
    split = split_by_source(some, share, seed)
    assert {d.file for d in split.train} | {d.file for d in split.validation} == {d.file for d in some}
    assert not {d.file for d in split.train} & {d.file for d in split.validation}
    assert {d.label for d in split.train} == {d.label for d in split.validation} == {0, 1, 2}


@given(sources_with_one_label, seeds)
def test_split_holds_out_a_whole_source_of_labels_that_have_several(some: list[LabelledDocument], seed: int) -> None:
    """Pages of one source on both sides would make the validation optimistic."""
    split = split_by_source(some, 0.2, seed)
    for label in range(3):
        sources = {d.source for d in some if d.label == label}
        if len(sources) > 1:  # at least one of them has a name
            held_out = {d.source for d in split.validation if d.label == label}
            assert len(held_out) == 1
            assert held_out.isdisjoint({d.source for d in split.train if d.label == label})
    assert str(len(split.validation)) in split.protocol


def test_same_seed_gives_the_same_split() -> None:
    some = _groups(("", 0, 8), ("", 1, 8))
    assert split_by_source(some, 0.25, 3) == split_by_source(some, 0.25, 3)
    assert split_by_source(some, 0.25, 3) != split_by_source(some, 0.25, 4)


def test_label_with_a_single_document_is_rejected() -> None:
    with pytest.raises(DataError, match=r"acme-1-0\.png has one readable document"):
        split_by_source(_groups(("acme", 0, 2), ("acme", 1, 1)), 0.2, 0)


def _groups(*groups: tuple[str, int, int]) -> list[LabelledDocument]:
    """Return documents by source, label and count."""
    return [LabelledDocument(Path(f"{s}-{k}-{n}.png"), k, s) for s, k, count in groups for n in range(count)]


def test_each_source_is_in_one_fold_and_each_label_can_be_trained_without_it() -> None:
    some = _groups(("jose", 0, 15), ("arxiv", 0, 12), ("irs", 1, 20), ("funsd", 1, 5), ("mixed", 0, 3), ("mixed", 1, 3))
    folds = assign_folds(some, 2)
    assert sorted(source for members in folds for source in members) == ["arxiv", "funsd", "irs", "jose", "mixed"]
    for members in folds:
        assert {d.label for d in some if d.source not in members} == {0, 1}


def test_label_with_one_source_needs_synthetic_pages() -> None:
    some = _groups(("jose", 0, 15), ("arxiv", 0, 12), ("irs", 1, 20))
    with pytest.raises(DataError, match=r"label of .*irs-1-0.png has documents from one fold's sources only: .*irs"):
        assign_folds(some, 2)
    assert len(assign_folds(some, 2, synthetic_labels=frozenset({1}))) == 2


def test_folds_need_named_sources() -> None:
    some = [LabelledDocument(Path("daisy/a.png"), 0, "kew"), LabelledDocument(Path("rose/b.png"), 1)]
    with pytest.raises(DataError, match=r"manifest\.csv .* it names none for rose/b\.png"):
        assign_folds(some, 2)


@pytest.mark.parametrize("count", [1, 3])
def test_each_fold_needs_a_source(count: int) -> None:
    with pytest.raises(DataError, match=f"a source for each of the {count} folds"):
        assign_folds(_groups(("inbox", 0, 5), ("outbox", 1, 5)), count, synthetic_labels=frozenset({0, 1}))


def test_families_stay_on_one_side_of_every_split() -> None:
    """Two sources with one layout are one family: a network that was trained on one of them recognises the other."""
    courts = _groups(*((source, label, 4) for source in ("nyc", "boston") for label in (0, 1)))
    others = _groups(*((source, label, 4) for source in ("irs", "cern") for label in (0, 1)))
    some = [*(LabelledDocument(d.file, d.label, d.source, family="court") for d in courts), *others]
    assert sorted(family for fold in assign_folds(some, 3) for family in fold) == ["cern", "court", "irs"]
    split = split_by_source(some, 0.3, 0)
    assert {d.group for d in split.train}.isdisjoint({d.group for d in split.validation})


def test_large_family_does_not_keep_others_out_of_its_fold() -> None:
    """Every fold needs several families of a label."""
    some = _groups(("huge", 0, 500), *((f"s{number}", 0, 10) for number in range(9)))
    sizes = sorted(len(fold) for fold in assign_folds(some, 2))
    assert sizes[0] >= 3


def test_kinds_of_ood_documents_are_held_out_in_turn() -> None:
    some = _groups(("maps", -1, 5), ("photos", -1, 3), ("blank", -1, 1))
    folds = assign_ood_folds(some, 2)
    assert [sorted(fold) for fold in folds] == [["blank", "maps"], ["photos"]]


def test_labels_with_few_families_are_reported() -> None:
    some = _groups(*((f"s{number}", 0, 1) for number in range(MIN_FAMILIES)), ("one", 1, 9), ("", 1, 3))
    assert scarce_labels(some, ("form", "invoice")) == {"invoice": 2}
