"""The versions side by side on pages that none of them had learnt from, and their vote: the card of all cards.

    python -m training.vote v1 v2 v3 --strangers FOLDER

Every training leaves its held-out answers in `runs/models/VERSION/held-out.npz`. Versions that were cross-validated on
the same folder were dealt the same folds, so that each page was judged by three networks that had never seen its
source: their vote is what it would be on documents of somebody else.
"""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_service.engine import aggregate_pages
from model_service.manifest import Manifest, load
from training.card import draw_confusion
from training.data import DataError, Document, Page
from training.evaluate import Bools, doubts, marked, soft_vote
from training.metrics import Floats, Labels, confusion, measure

FILE = "held-out.npz"
CARD, PICTURE = "README.md", "vote.png"


@dataclass(frozen=True)
class Answers:
    """Calibrated held-out answers of one version: `names` of pages, their probabilities and right labels.

    A page's name is its label's number, its file's name, and `#2`, `#3` … for further pages of that file.
    """

    names: tuple[str, ...]
    probabilities: Floats
    truth: Labels


def keep_answers(file: Path, pages: Sequence[Page], probabilities: Floats) -> None:
    """Write held-out answers beside the checkpoints of a training."""
    file.parent.mkdir(parents=True, exist_ok=True)
    names, seen = [], Counter[Document]()
    for page in pages:
        seen[page.document] += 1
        number = f"#{seen[page.document]}" if seen[page.document] > 1 else ""
        names.append(f"{page.document.label}/{page.document.file.name}{number}")
    truth = np.array([page.document.label for page in pages], dtype=np.int64)
    np.savez_compressed(file.with_suffix(".npz"), names=np.array(names), probabilities=probabilities, truth=truth)


def read_answers(file: Path) -> Answers:
    """Read what `keep_answers` wrote.

    Raises:
        DataError: There is no such file.
    """
    if not file.exists():
        raise DataError(f"{file} is missing: train that version first")
    with np.load(file) as kept:
        return Answers(tuple(map(str, kept["names"])), kept["probabilities"], kept["truth"])


def common(answers: Mapping[str, Answers]) -> dict[str, Answers]:
    """Return the answers of every version to the pages that all of them were asked, in one order.

    Raises:
        DataError: There is no such page: the versions were not cross-validated on the same folder.
    """
    # Files of one name in several folders cannot be told apart: only a name that stands alone can be matched.
    alone = [{name for name, times in Counter(said.names).items() if times == 1} for said in answers.values()]
    shared = sorted(set.intersection(*alone))
    if not shared:
        raise DataError("the versions have no held-out page in common: train them on one folder, with folds")
    matched = {}
    for version, said in answers.items():
        place = {name: number for number, name in enumerate(said.names)}
        rows = [place[name] for name in shared]
        matched[version] = Answers(tuple(shared), said.probabilities[rows], said.truth[rows])
    return matched


_PAGE = re.compile(r"(?:_(?:p|f|page_)(\d+)(?:_tif)?|(?<=/)(texlive-.*)-(\d+))(?=\.\w+$)|(?<=\w)#(\d+)$")
"""How a page says which one it is: `_p007`, the folios `_f7` of digitised books, numbers that `training.texlive` gives,
and those of this module. A number alone may as well be a document's own: `0042.jpg`."""


def documents(names: Sequence[str]) -> list[list[int]]:
    """Return the places of pages that belong to one document, in the order of its pages."""
    groups: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for place, name in enumerate(names):
        mark = _PAGE.search(name)
        number = int(next(part for part in reversed(mark.groups()) if part)) if mark else 1
        groups[_PAGE.sub(r"\2", name)].append((number, place))
    return [[place for _, place in sorted(pages)] for pages in groups.values() if len(pages) > 1]


SERVED = "the first page counts half, all pages together the other half (served)"
WAYS: Mapping[str, Callable[[Floats], Floats]] = {
    SERVED: aggregate_pages,
    "mean of the pages' probabilities": lambda pages: pages.mean(axis=0),
    "geometric mean": lambda pages: _normal(np.exp(np.log(np.maximum(pages, 1e-9)).mean(axis=0))),
    "the surest page alone": lambda pages: pages[pages.max(axis=1).argmax()],
    "the first page alone": lambda pages: pages[0],
}
"""How the pages of one document can be combined: their probabilities, shape (pages, labels), to one row."""


def _normal(odds: Floats) -> Floats:
    return np.asarray(odds / odds.sum())


def pages_combined(
    said: Floats, truth: Labels, groups: Sequence[Sequence[int]], most: int = 8
) -> dict[str, list[float]]:
    """Return the share of documents that each way of combining up to `most` pages gets right.

    Args:
        said: What each version says of all pages, shape (versions, pages, labels).
        truth: The right label of each page.
        groups: The places of each document's pages.
        most: Further pages are passed over.

    Returns:
        For each way, the shares of the versions and of their vote.
    """
    right = np.array([truth[places[0]] for places in groups])
    shares = {}
    for way, combine in WAYS.items():
        documents = np.array([[combine(pages[list(places[:most])]) for places in groups] for pages in said])
        judged = [*documents, soft_vote(documents)]
        shares[way] = [float((rows.argmax(axis=1) == right).mean()) for rows in judged]
    return shares


def write_vote(models: Path, runs: Path, versions: Sequence[str], strangers: Path | None = None) -> str:
    """Write `models/README.md` and its picture from the held-out answers of all versions; return the text.

    Args:
        models: Folder of the versions, whose manifests are read.
        runs: Folder of the trainings' checkpoints and answers, `models.name/VERSION` within it.
        versions: Which to put side by side.
        strangers: Pages of kinds that no label covers, to say how many would be flagged.

    Raises:
        DataError: A version has no answers, or they have no page in common.
    """
    manifests = {version: load(models / version) for version in versions}
    labels = manifests[versions[0]].labels
    said = common({version: read_answers(runs / models.resolve().name / version / FILE) for version in versions})
    truth = said[versions[0]].truth
    probabilities = np.stack([answers.probabilities for answers in said.values()])
    vote = soft_vote(probabilities)
    table = confusion(vote.argmax(axis=1), truth, len(labels))
    draw_confusion(table, labels, f"the vote of {', '.join(versions)} on pages of unseen sources", models / PICTURE)
    lines = [
        "# The versions side by side",
        "",
        f"On {len(truth)} pages that every version was asked while it did not know them; for {versions[0]}, by",
        f"{manifests[versions[0]].metrics.get('protocol', 'a protocol that its manifest does not tell')}.",
        "Each version's card tells the sources. Written by `python -m training.vote`, see docs/training.md.",
        "",
        *_side_by_side(said, vote, truth, labels),
        "",
        f"![confusion matrix of the vote]({PICTURE})",
        "",
        *_doubt(manifests, probabilities, vote, truth, strangers, models),
        "",
        *_several_pages(versions, probabilities, vote, truth, documents(said[versions[0]].names)),
    ]
    text = "\n".join(lines) + "\n"
    (models / CARD).write_text(text, "utf-8")
    return text


def _side_by_side(said: Mapping[str, Answers], vote: Floats, truth: Labels, labels: Sequence[str]) -> list[str]:
    columns = {version: measure(answers.probabilities, truth, labels) for version, answers in said.items()}
    columns["the vote"] = measure(vote, truth, labels)
    rows = [
        f"| | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
        "| accuracy | " + " | ".join(f"{m.accuracy:.1%}" for m in columns.values()) + " |",
        "| 95 % interval | " + " | ".join("{:.1%} to {:.1%}".format(*m.interval) for m in columns.values()) + " |",
        "| macro-F1 | " + " | ".join(f"{m.macro_f1:.1%}" for m in columns.values()) + " |",
        "| calibration error | " + " | ".join(f"{m.ece:.3f}" for m in columns.values()) + " |",
    ]
    for label in labels:
        found = (f"{m.recall.get(label, float('nan')):.1%}" for m in columns.values())
        rows.append(f"| found of {label} | " + " | ".join(found) + " |")
    return rows


def _doubt(
    manifests: Mapping[str, Manifest],
    probabilities: Floats,
    vote: Floats,
    truth: Labels,
    strangers: Path | None,
    models: Path,
) -> list[str]:
    below = [manifest.abstain_below for manifest in manifests.values()]
    marks = marked(probabilities.argmax(axis=2), probabilities.max(axis=2) < np.array(below)[:, None])
    right = vote.argmax(axis=1) == truth
    lines = [
        "## Doubt",
        "",
        f"Of these pages {marks.mean():.1%} would be marked for review, because the versions disagree or at least half",
        f"of them abstain. The vote is right on {_share(right[~marks])} of the rest and on {_share(right[marks])} of",
        "the marked.",
    ]
    if strangers:
        tenth = float(np.quantile(vote.max(axis=1), 0.1))
        lines += [
            "",
            "Pages of kinds that no label covers, asked of the released versions: how many are marked, and how",
        ]
        lines += [
            f"many where only the vote's confidence decided, at the {tenth:.2f} that marks 10 % of the pages above:"
        ]
        lines += ["", "| kind | pages | marked | by confidence alone |", "|---|---|---|---|"]
        for kind in sorted(child for child in strangers.iterdir() if child.is_dir()):
            strange, sure = doubts(models, list(manifests), sorted(kind.iterdir()))
            lines.append(f"| {kind.name} | {len(sure)} | {strange.mean():.0%} | {(sure < tenth).mean():.0%} |")
    return lines


def _share(right: Bools) -> str:
    return f"{right.mean():.1%}" if len(right) else "none"


def _several_pages(
    versions: Sequence[str], probabilities: Floats, vote: Floats, truth: Labels, groups: Sequence[Sequence[int]]
) -> list[str]:
    if not groups:
        return []
    alone = [place for places in groups for place in places]
    pagewise = float((vote[alone].argmax(axis=1) == truth[alone]).mean())
    shares = pages_combined(probabilities, truth, groups)
    return [
        "## Documents of several pages",
        "",
        f"{len(groups)} documents of which at least two pages were held out, {len(alone)} pages. Page by page the vote",
        f"is right on {pagewise:.1%} of them; a document as a whole, by up to eight pages, by way of combining them:",
        "",
        f"| way | {' | '.join(versions)} | the vote |",
        f"|---|{'---|' * len(versions)}---|",
        *(f"| {way} | {' | '.join(f'{share:.1%}' for share in row)} |" for way, row in shares.items()),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--strangers", type=Path, help="one folder a kind of page that no label covers")
    given = parser.parse_args()
    print(write_vote(given.models, given.runs, given.versions, given.strangers))
