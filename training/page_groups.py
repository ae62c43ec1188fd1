"""Groups of pages that belong to one document, recognised by their names, and predictions for such documents."""

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from decoding.limits import Limits
from model_service.engine import aggregate_pages
from training.metrics import Floats

_PAGE_NUMBER = re.compile(r"(?:_(?:p|f|page_)(\d+)(?:_tif)?|(?<=/)(texlive-.*)-(\d+))(?=\.\w+$)|(?<=\w)#(\d+)$")
"""Page numbers in names: `_p007`, folios of digitised books such as `_f7`, the numbers of `training.texlive`, and `#2`
of `training.saved_predictions`. A plain number such as `0042.jpg` may number documents and does not match."""


def group_pages(names: Sequence[str]) -> list[list[int]]:
    """Return the indices of the pages of each document that has several pages, in the order of their page numbers."""
    groups: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for index, name in enumerate(names):
        match = _PAGE_NUMBER.search(name)
        number = int(next(part for part in reversed(match.groups()) if part)) if match else 1
        groups[_PAGE_NUMBER.sub(r"\2", name)].append((number, index))
    return [[index for _, index in sorted(pages)] for pages in groups.values() if len(pages) > 1]


def predict_documents(
    probabilities: Floats, groups: Sequence[Sequence[int]], max_pages: int = Limits().max_pages
) -> Floats:
    """Return probabilities of documents from those of their pages, as the model service aggregates them.

    Args:
        probabilities: Probabilities of each version, shape (versions, pages, labels).
        groups: Indices of the pages of each document.
        max_pages: Number of first pages to use; by default those that the service reads.

    Returns:
        Probabilities of each version, shape (versions, documents, labels).
    """
    return np.array([[aggregate_pages(pages[list(group[:max_pages])]) for group in groups] for pages in probabilities])
