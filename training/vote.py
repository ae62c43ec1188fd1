"""Comparison of versions and of their soft vote on held-out pages, and the learnt weights of the vote.

The comparison is written to `models/README.md`, and the weights to `models/vote.json`.

    python -m training.vote v1 v2 v3 --ood FOLDER

Every training saves its held-out predictions in `runs/models/VERSION/held-out.npz`. Versions that are cross-validated
on the same folder with the same number of folds have the same folds. Each page was then classified by networks that
were not trained on its source, and their vote shows the accuracy to expect on documents of unseen sources.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evidence.calibration import BINS
from model_service.manifest import Manifest, load
from records.policy import DOUBT_BELOW
from training.card import draw_confusion
from training.evaluate import verdicts_on_files
from training.metrics import Booleans, Floats, LabelIndices, classification_metrics, confusion_matrix
from training.page_groups import group_pages, predict_documents
from training.saved_predictions import PREDICTIONS_FILE, SavedPredictions, load_predictions, match_pages
from training.source_metrics import source_metrics
from training.verdicts import Verdicts, combine_versions
from training.vote_weights import LearntVote, learn_vote, save_vote

CARD, PICTURE = "README.md", "vote.png"


@dataclass(frozen=True)
class _Comparison:
    """Predictions of several versions for the same held-out pages, the learnt vote, and its verdicts."""

    manifests: Mapping[str, Manifest]
    saved: Mapping[str, SavedPredictions]
    learnt: LearntVote | None
    verdicts: Verdicts

    @property
    def versions(self) -> list[str]:
        return list(self.saved)

    @property
    def labels(self) -> Sequence[str]:
        return next(iter(self.manifests.values())).labels

    @property
    def names(self) -> Sequence[str]:
        return next(iter(self.saved.values())).names

    @property
    def truth(self) -> LabelIndices:
        return next(iter(self.saved.values())).truth

    @property
    def probabilities(self) -> Floats:
        """Probabilities of each version, shape (versions, pages, labels)."""
        return np.stack([saved.probabilities for saved in self.saved.values()])


def write_comparison(models: Path, runs: Path, versions: Sequence[str], ood: Path | None = None) -> str:
    """Write `models/README.md` and its confusion matrix from the held-out predictions of all versions.

    Args:
        models: Folder of the versions, whose manifests are read.
        runs: Folder of checkpoints and saved predictions, in `models.name/VERSION`.
        versions: Versions to compare.
        ood: Folder with one folder per kind of out-of-distribution pages.

    Returns:
        The text of `models/README.md`.

    Raises:
        DataError: A version has no saved predictions, or the versions have no page in common.
    """
    manifests = {version: load(models / version) for version in versions}
    labels = manifests[versions[0]].labels
    folder = runs / models.resolve().name
    saved = match_pages({version: load_predictions(folder / version / PREDICTIONS_FILE) for version in versions})
    learnt = _learn(saved)
    if learnt:
        save_vote(learnt, models)
    probabilities = np.stack([one.probabilities for one in saved.values()])
    verdicts = _apply_thresholds(probabilities, manifests, labels, learnt)
    comparison = _Comparison(manifests, saved, learnt, verdicts)
    counts = confusion_matrix(verdicts.probabilities.argmax(axis=1), comparison.truth, len(labels))
    draw_confusion(counts, labels, f"soft vote of {', '.join(versions)} on pages of unseen sources", models / PICTURE)
    lines = [
        "# Comparison of the versions",
        "",
        f"{len(comparison.truth)} held-out pages that no compared network was trained on. Protocol of {versions[0]}:",
        f"{manifests[versions[0]].metrics.get('protocol', 'not stated in its manifest')}.",
        "Each version's card lists the sources. Written by `python -m training.vote`, see docs/training.md.",
        "",
        *_metrics_table(comparison),
        "",
        *_weights_section(comparison),
        f"![confusion matrix of the soft vote]({PICTURE})",
        "",
        *_review_section(comparison, models, ood),
        "",
        *_documents_section(comparison),
    ]
    text = "\n".join(lines).rstrip() + "\n"
    (models / CARD).write_text(text, "utf-8")
    return text


def _learn(saved: Mapping[str, SavedPredictions]) -> LearntVote | None:
    """Return the learnt vote of several versions; None for one version or without named sources."""
    first = next(iter(saved.values()))
    if len(saved) < 2 or not all(first.sources):
        return None
    probabilities = {version: one.probabilities for version, one in saved.items()}
    return learn_vote(probabilities, first.truth, first.sources, first.families)


def _apply_thresholds(
    probabilities: Floats, manifests: Mapping[str, Manifest], labels: Sequence[str], learnt: LearntVote | None
) -> Verdicts:
    """Return the verdicts; each version abstains below the threshold of its manifest."""
    thresholds = np.array([manifest.abstain_below for manifest in manifests.values()])
    weights = list(learnt.weights.values()) if learnt else None
    return combine_versions(probabilities, probabilities.max(axis=2) < thresholds[:, None], labels, weights)


def _metrics_table(comparison: _Comparison) -> list[str]:
    columns = {
        version: classification_metrics(saved.probabilities, comparison.truth, comparison.labels)
        for version, saved in comparison.saved.items()
    }
    columns["soft vote"] = classification_metrics(
        comparison.verdicts.probabilities, comparison.truth, comparison.labels
    )
    rows = [
        f"| | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
        "| accuracy | " + " | ".join(f"{m.accuracy:.1%}" for m in columns.values()) + " |",
        "| 95 % interval | " + " | ".join("{:.1%} to {:.1%}".format(*m.interval) for m in columns.values()) + " |",
        "| macro-F1 | " + " | ".join(f"{m.macro_f1:.1%}" for m in columns.values()) + " |",
        f"| calibration error ({BINS} bins) | " + " | ".join(f"{m.ece:.3f}" for m in columns.values()) + " |",
        *_source_rows(comparison),
    ]
    for label in comparison.labels:
        recalls = (f"{m.recall.get(label, float('nan')):.1%}" for m in columns.values())
        rows.append(f"| recall, {label} | " + " | ".join(recalls) + " |")
    return rows


def _source_rows(comparison: _Comparison) -> list[str]:
    """Return the rows of the metrics over sources; none if no source is named."""
    first = next(iter(comparison.saved.values()))
    if not all(first.sources):
        return []
    predictions = [*comparison.probabilities, comparison.verdicts.probabilities]
    metrics = [
        source_metrics(rows.argmax(axis=1) == comparison.truth, first.sources, first.families) for rows in predictions
    ]
    return [
        "| accuracy, mean over sources | " + " | ".join(f"{m.macro:.1%}" for m in metrics) + " |",
        "| its 95 % interval | " + " | ".join("{:.1%} to {:.1%}".format(*m.interval) for m in metrics) + " |",
        "| accuracy, worst tenth of the sources | " + " | ".join(f"{m.worst_decile:.1%}" for m in metrics) + " |",
    ]


def _weights_section(comparison: _Comparison) -> list[str]:
    learnt = comparison.learnt
    if not learnt:
        return []
    fitted = ", ".join(f"{version} {weight:.2f}" for version, weight in learnt.fitted.items())
    low, high = learnt.interval
    decision = {
        "champion": f"No vote is better, so the vote follows the champion, {learnt.champion}.",
        "equal": "All versions weigh the same.",
        "fitted": "The vote uses the fitted weights.",
    }[learnt.rule]
    if learnt.rule != "champion" and low <= 0:
        decision = f"The interval includes zero, so this gain is not certain. {decision}"
    return [
        "## Weights of the vote",
        "",
        f"Weights with the highest likelihood, every source counting alike: {fitted}. With weights that are fitted on",
        f"other families, the vote's mean accuracy over {learnt.sources} sources ({learnt.families} families) is",
        f"{learnt.accuracy['fitted']:.1%}, and with equal weights {learnt.accuracy['equal']:.1%}.",
        f"{learnt.champion} alone has {learnt.accuracy[learnt.champion]:.1%}; the better vote differs by",
        f"{100 * learnt.gain:+.1f} points (95 % interval {100 * low:+.1f} to {100 * high:+.1f}, by bootstrap over",
        f"families). {decision}",
        "",
    ]


def _review_section(comparison: _Comparison, models: Path, ood: Path | None) -> list[str]:
    flagged = comparison.verdicts.needs_review
    correct = comparison.verdicts.probabilities.argmax(axis=1) == comparison.truth
    lines = [
        "## Review",
        "",
        f"{flagged.mean():.1%} of these pages would be flagged for review, because the confidence of the vote is below",
        f"{DOUBT_BELOW} or at least half of the deciding versions are below their threshold of confidence. The vote",
        f"is right on {_share(correct[~flagged])} of the others and {_share(correct[flagged])} of the flagged pages.",
        "The familiarity of the pages is not part of the comparison; see docs/experiments.md.",
    ]
    if ood:
        threshold = float(np.quantile(comparison.verdicts.probabilities.max(axis=1), 0.1))
        lines += [
            "",
            "Out-of-distribution pages, classified by the released versions: share flagged, and share that confidence",
            f"alone would flag at {threshold:.2f}, below which lie 10 % of the pages above:",
            "",
            "| kind | pages | flagged | by confidence alone |",
            "|---|---|---|---|",
        ]
        for kind in sorted(child for child in ood.iterdir() if child.is_dir()):
            verdicts = verdicts_on_files(models, comparison.versions, sorted(kind.iterdir()))
            uncertain = verdicts.probabilities.max(axis=1) < threshold
            shares = (_share(flags, digits=0) for flags in (verdicts.needs_review, uncertain))
            lines.append(f"| {kind.name} | {len(uncertain)} | {' | '.join(shares)} |")
    return lines


def _share(flags: Booleans, digits: int = 1) -> str:
    return f"{flags.mean():.{digits}%}" if len(flags) else "none"


def _documents_section(comparison: _Comparison) -> list[str]:
    groups = group_pages(comparison.names)
    if not groups:
        return []
    grouped_pages = [index for group in groups for index in group]
    page_labels = comparison.verdicts.probabilities.argmax(axis=1)
    page_accuracy = float((page_labels[grouped_pages] == comparison.truth[grouped_pages]).mean())
    documents = predict_documents(comparison.probabilities, groups)
    verdicts = _apply_thresholds(documents, comparison.manifests, comparison.labels, comparison.learnt)
    truth = comparison.truth[[group[0] for group in groups]]
    accuracies = [float((rows.argmax(axis=1) == truth).mean()) for rows in (*documents, verdicts.probabilities)]
    return [
        "## Documents of several pages",
        "",
        f"{len(groups)} documents have at least two held-out pages, {len(grouped_pages)} pages in total. The soft vote",
        f"is right on {page_accuracy:.1%} of the pages. Accuracy on documents, from up to eight pages each:",
        "",
        f"| | {' | '.join(comparison.versions)} | soft vote |",
        f"|---|{'---|' * len(comparison.versions)}---|",
        f"| accuracy | {' | '.join(f'{accuracy:.1%}' for accuracy in accuracies)} |",
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", metavar="VERSION")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of the versions")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of checkpoints and predictions")
    parser.add_argument(
        "--ood", "--strangers", type=Path, metavar="FOLDER", help="one folder per kind of out-of-distribution pages"
    )
    given = parser.parse_args()
    print(write_comparison(given.models, given.runs, given.versions, given.ood))
