"""Splits of labelled documents into training and validation sets, and into folds, by family of sources.

Pages of one source share paper, scanner and letterhead. A model that has seen some of them recognises the source, so a
score on the others would be too high. Sources that share a layout, a text or an archive are one family. Every split
keeps whole families on one side where it can. A source without a named family is a family by itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from training.data import MANIFEST, DataError, LabelledDocument

MAX_COUNTED = 25
"""Documents of a family and a label that count when folds are balanced."""
MIN_FAMILIES = 5
"""Families of a label below which a held-out score is not reliable."""


@dataclass(frozen=True)
class Split:
    """A training set, a validation set, and a sentence that describes how the validation set was chosen."""

    train: tuple[LabelledDocument, ...]
    validation: tuple[LabelledDocument, ...]
    protocol: str


def split_by_source(documents: Sequence[LabelledDocument], share: float, seed: int) -> Split:
    """Hold out whole families of labels that have several, and a random share of the documents of other labels.

    A family is held out for all of its labels, except for a label that would have no other document to train on.

    Args:
        documents: Documents to split.
        share: Share of each label's documents that should be held out.
        seed: Seed of the random choice of documents.

    Raises:
        DataError: A label has fewer than two documents, so that it cannot be in both sets.
    """
    rng = np.random.default_rng(seed)
    train: list[LabelledDocument] = []
    validation: list[LabelledDocument] = []
    groups = sorted(_by_label(documents).items())
    families = _validation_families([members for _, members in groups], share)
    any_random = False
    for _, members in groups:
        if len(members) < 2:
            raise DataError(f"the label of {members[0].file} has one readable document: it needs at least two")
        held_out = {d.file for d in members if d.group in families}
        if not 0 < len(held_out) < len(members):
            count = min(len(members) - 1, max(1, round(share * len(members))))
            held_out = {members[i].file for i in rng.permutation(len(members))[:count]}
            any_random = True
        train += [d for d in members if d.file not in held_out]
        validation += [d for d in members if d.file in held_out]
    parts = [f"sources {', '.join(families)}"] if families else []
    if any_random:
        parts.append(f"{share:.0%} of the documents of each {'other ' if families else ''}label by chance")
    return Split(tuple(train), tuple(validation), f"{len(validation)} documents: {'; '.join(parts)}")


def _validation_families(groups: Sequence[Sequence[LabelledDocument]], share: float) -> list[str]:
    """Choose one family of each label that has several: the one nearest to the share, unless one is chosen already."""
    chosen: list[str] = []
    for members in groups:
        sizes = Counter(document.group for document in members if document.group)
        if not sizes or sizes.keys() & set(chosen) or max(sizes.values()) == len(members):
            continue
        chosen.append(min(sizes, key=lambda name: (abs(sizes[name] - share * len(members)), name)))
    return chosen


def assign_folds(
    documents: Sequence[LabelledDocument], count: int, synthetic_labels: frozenset[int] = frozenset()
) -> list[frozenset[str]]:
    """Assign every family to one fold, so that cross-validation holds each of them out once.

    A family goes to the fold that holds the fewest documents of its labels, then the fewest documents. At most
    `MAX_COUNTED` documents of a family count, so that every fold holds out several families of each label.

    Args:
        documents: Documents to cross-validate on.
        count: Number of folds.
        synthetic_labels: Labels for which synthetic pages exist. Only these may have all of their families in one
            fold.

    Returns:
        The families of each fold.

    Raises:
        DataError: A document has no source, a label would have no page to train on, or a fold would be empty.
    """
    unnamed = next((d.file for d in documents if not d.source), None)
    if unnamed:
        raise DataError(
            f"cross-validation by source needs a {MANIFEST} that names the source of every document; it names none for "
            f"{unnamed.parent.name}/{unnamed.name}"
        )
    groups = Counter((d.group, d.label) for d in documents)
    families: dict[str, Counter[int]] = defaultdict(Counter)
    if count < 2 or len({family for family, _ in groups}) < count:
        raise DataError(f"cross-validation needs at least two folds, and a source for each of the {count} folds")
    for (family, label), size in groups.items():
        families[family][label] = min(size, MAX_COUNTED)
    members: list[list[str]] = [[] for _ in range(count)]
    load = [Counter[int]() for _ in range(count)]
    for family in sorted(families, key=lambda name: (-families[name].total(), name)):
        sizes = families[family]
        fold = min(range(count), key=lambda f: (sum(load[f][label] for label in sizes), load[f].total(), f))
        members[fold].append(family)
        load[fold].update(sizes)
    for fold_families in members:
        _check_labels_remain(documents, fold_families, synthetic_labels)
    return [frozenset(fold_families) for fold_families in members]


def assign_ood_folds(documents: Sequence[LabelledDocument], count: int) -> list[frozenset[str]]:
    """Assign the sources of out-of-distribution documents to folds in turn, the largest sources first."""
    sizes = Counter(document.source for document in documents)
    ordered = sorted(sizes, key=lambda name: (-sizes[name], name))
    return [frozenset(ordered[fold::count]) for fold in range(count)]


def scarce_labels(documents: Iterable[LabelledDocument], labels: Sequence[str]) -> dict[str, int]:
    """Return the number of families of each label that has fewer than `MIN_FAMILIES`.

    Documents without a source count as one family. With fewer families, a held-out score depends on which of them was
    held out more than on the model.
    """
    families: dict[int, set[str]] = defaultdict(set)
    for document in documents:
        families[document.label].add(document.group)
    counts = {label: len(families[index]) for index, label in enumerate(labels)}
    return {label: number for label, number in counts.items() if number < MIN_FAMILIES}


def _check_labels_remain(
    documents: Sequence[LabelledDocument], held_out: Sequence[str], synthetic_labels: frozenset[int]
) -> None:
    """Raise `DataError` if holding out these families leaves a label without any page to train on."""
    remaining = {d.label for d in documents if d.group not in held_out} | synthetic_labels
    for document in documents:
        if document.label not in remaining:
            raise DataError(
                f"the label of {document.file.parent.name}/{document.file.name} has documents from one fold's "
                f"sources only: {', '.join(sorted(held_out))}"
            )


def _by_label(documents: Iterable[LabelledDocument]) -> dict[int, list[LabelledDocument]]:
    groups: dict[int, list[LabelledDocument]] = defaultdict(list)
    for document in documents:
        groups[document.label].append(document)
    return dict(groups)
