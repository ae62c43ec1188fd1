"""The model card: what a version is, what it learnt from, what it reaches and where it fails."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.metrics import Floats, Labels, confusion
from training.recipe import Recipe

PICTURE = "confusion.png"


def write_card(
    folder: Path,
    recipe: Recipe,
    manifest: Mapping[str, Any],
    probabilities: Floats,
    truth: Labels,
    sources: Sequence[str],
    notes: str = "",
) -> None:
    """Write `README.md` and `confusion.png` into a version's folder.

    Args:
        folder: Where to.
        recipe: How the version was made.
        manifest: What `manifest.json` holds.
        probabilities: Calibrated, of the held-out pages, shape (pages, classes).
        truth: Their labels.
        sources: Where each comes from; empty strings where unknown.
        notes: What a person wrote about the making of this version: what was tried, what did not help.
    """
    labels: list[str] = manifest["labels"]
    table = confusion(probabilities.argmax(axis=1), truth, len(labels))
    draw_confusion(table, labels, f"{recipe.version}: verdicts on held-out pages", folder / PICTURE)
    (folder / "README.md").write_text(_text(recipe, manifest, table, probabilities, truth, sources, notes), "utf-8")


def draw_confusion(table: Labels, labels: Sequence[str], title: str, file: Path) -> None:
    """Draw counts as a heat map: rows are the truth, columns the verdict, shade is the share of the row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    side = 2.4 + 0.55 * len(labels)
    figure = Figure(figsize=(side, side), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("verdict")
    axes.set_ylabel("truth")
    axes.set_title(title)
    for row, column in zip(*np.nonzero(table), strict=True):
        shade = "white" if shares[row, column] > 0.55 else "black"
        axes.text(column, row, str(table[row, column]), ha="center", va="center", color=shade, fontsize=9)
    figure.savefig(file, dpi=90)


def _text(
    recipe: Recipe,
    manifest: Mapping[str, Any],
    table: Labels,
    probabilities: Floats,
    truth: Labels,
    sources: Sequence[str],
    notes: str,
) -> str:
    metrics, training, parity = manifest["metrics"], manifest["training"], manifest["parity"]
    low, high = metrics["accuracy_interval"]
    size = recipe.input
    lines = [
        f"# {recipe.version}: {recipe.architecture}",
        "",
        f"Takes a page squashed to {size.width} x {size.height}, {size.color}, and says which of these it is: "
        f"{', '.join(manifest['labels'])}. Trained on {manifest['date']} by [recipe.toml](recipe.toml), seed "
        f"{recipe.seed}, from the initial weights `{recipe.weights}`.",
        "",
        "## What it reaches",
        "",
        f"Measured on {metrics['protocol']}.",
        "",
        "| | |",
        "|---|---|",
        f"| accuracy | {metrics['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%}, {metrics['images']} pages) |",
        f"| macro-F1 | {metrics['macro_f1']:.1%} |",
        f"| calibration error | {metrics['ece']:.3f} at temperature {manifest['temperature']:.3f} |",
        f"| says that it does not know | below a confidence of {manifest['abstain_below']:.2f} |",
        f"| export against torch | {parity['images']} pages: largest difference of a probability "
        f"{parity['max_abs_probability_difference']:.4f}, {parity['label_changes']} other labels |",
        "",
        "The temperature and the threshold are fitted to those same held-out answers"
        + ("." if "cross-validation" in metrics["protocol"] else ", and the best epoch was chosen by them."),
        "",
        *_precision_table(manifest),
        *_recall_table(manifest["labels"], table, probabilities, truth, sources),
        "",
        f"![confusion matrix]({PICTURE})",
        "",
        "## What it learnt from",
        "",
        f"{training['images']} pages ({training['data']})"
        + (f" and {training['drawn']} that the project drew itself." if training["drawn"] else "."),
        *(["", "The training was broken off by hand; the best epoch until then was kept."] * training["broken_off"]),
        "",
        *[f"- {licence}" for licence in training["licences"] or ["No licence was stated."]],
        *_teachers(recipe),
        *_notes(notes),
        "",
        "## Limits",
        "",
        "It knows the labels above and no other: a page of another kind gets one of them, as a rule with less",
        "confidence, which is what the threshold is for. Where a label was learnt from one or two sources, expect less",
        "on documents of others than the table says of a holdout by image. Pages lying on their side were not trained.",
        "",
    ]
    return "\n".join(lines)


def _precision_table(manifest: Mapping[str, Any]) -> list[str]:
    rows = manifest["precisions"]
    if not rows:
        return []
    lines = [
        f"Served in {manifest['precision']} on every host. Pages that it had not learnt from, in each precision:",
        "",
    ]
    lines += ["| | accuracy | other label than f32 | CPU time a page, one thread |", "|---|---|---|---|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {row['accuracy']:.1%} | {row['changed']} of {row['pages']} | {row['ms']:.1f} ms |")
    return [*lines, ""]


def _notes(notes: str) -> list[str]:
    return ["", "## How it came to be", "", notes.strip()] if notes.strip() else []


def _recall_table(
    labels: Sequence[str], table: Labels, probabilities: Floats, truth: Labels, sources: Sequence[str]
) -> list[str]:
    verdict = probabilities.argmax(axis=1)
    lines = ["| label | source | pages | found | mistaken most often for |", "|---|---|---|---|---|"]
    names = np.array(sources)
    for index, label in enumerate(labels):
        for source in sorted(set(names[truth == index])):
            chosen = (truth == index) & (names == source)
            others = np.bincount(verdict[chosen], minlength=len(labels))
            found = others[index] / chosen.sum()
            others[index] = 0
            rival = f"{labels[int(others.argmax())]} ({others.max()})" if others.any() else ""
            lines.append(f"| {label} | {source or 'not named'} | {chosen.sum()} | {found:.1%} | {rival} |")
    hits = int(np.trace(table))
    lines.append(f"| all | | {table.sum()} | {hits / max(1, table.sum()):.1%} | |")
    return lines


def _teachers(recipe: Recipe) -> list[str]:
    teachers = recipe.distillation.teachers
    if not teachers:
        return []
    return ["", f"It also learnt to agree with {' and '.join(teachers)} (distillation), whose data are the same."]
