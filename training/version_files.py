"""The files of a trained version: exported model, manifest and model card.

A version's folder contains `recipe.toml`, `model.xml`, `model.bin`, `manifest.json`, `README.md` (the model card) and
`confusion.png`.
"""

import json
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from training.architectures import normalisation_of
from training.calibration import abstain_threshold, familiar_norm, fit_temperature
from training.card import write_card
from training.cross_validation import HeldOut, VersionTraining, preprocess
from training.data import Page
from training.export import ParityError, as_served, check_parity, export_openvino, sha256_of_files
from training.metrics import ClassificationMetrics, Floats, classification_metrics, softmax
from training.precision import CALIBRATION_PAGES, quantise
from training.recipe import Recipe
from training.saved_predictions import PREDICTIONS_FILE, save_predictions
from training.source_metrics import auroc, source_metrics
from training.train import FitResult

TORCHSCRIPT = "model.pt"
PARITY_PAGES = 64
MAX_ACCURACY_LOSS = 0.01
"""Accuracy that int8 may lose on the compared pages."""


def training_facts(
    recipe: Recipe,
    licences: Sequence[str],
    pages: Sequence[Page],
    synthetic: Sequence[Page],
    ood: Sequence[Page],
    fitted: FitResult,
) -> dict[str, Any]:
    """Return the section `training` of the manifest.

    `drawn` is the number of synthetic pages and `broken_off` means interrupted: the keys of manifests do not change.
    `out_of_distribution` is the number of real out-of-distribution pages.
    """
    sources = sorted({page.document.source for page in pages} - {""})
    return {
        "data": ", ".join(sources) or "an ImageFolder without named sources",
        "images": len(pages),
        "drawn": len(synthetic),
        "out_of_distribution": len(ood),
        "licences": list(licences),
        "recipe": "recipe.toml",
        "seed": recipe.seed,
        "weights": recipe.weights,
        "broken_off": fitted.interrupted,
    }


def write_version(
    folder: Path, training: VersionTraining, fitted: FitResult, held_out: HeldOut, facts: dict[str, Any]
) -> ClassificationMetrics:
    """Export and check the model, and write the manifest and the card.

    Args:
        folder: Empty folder to write to.
        training: Settings of the version.
        fitted: The trained model.
        held_out: Predictions for held-out pages.
        facts: Section `training` of the manifest.

    Returns:
        The metrics on the held-out pages.

    Raises:
        ParityError: The exported model does not agree with the trained model, or int8 loses too much accuracy.
    """
    recipe = training.recipe
    temperature = round(fit_temperature(held_out.logits, held_out.truth), 4)
    probabilities = softmax(held_out.logits, temperature)
    metrics = classification_metrics(probabilities, held_out.truth, training.labels)
    save_predictions(training.runs / PREDICTIONS_FILE, held_out.pages, probabilities)
    model = as_served(fitted.model)
    export_openvino(model, recipe.input.width, recipe.input.height, folder)
    parity = check_parity(model, folder, preprocess(recipe, held_out.pages, PARITY_PAGES), temperature)
    if recipe.precision == "int8":
        _quantise_in_place(recipe, held_out, folder)
    manifest = {
        **_model_facts(training, folder, temperature, probabilities),
        "training": facts,
        "metrics": {
            **_metrics_facts(metrics, held_out.protocol),
            **_source_facts(held_out, probabilities, temperature),
        },
        "parity": asdict(parity),
        "precisions": {name: asdict(result) for name, result in held_out.precisions.items()},
        **_familiarity_facts(held_out, trained_on_ood=_trained_on_ood(recipe, facts)),
        "date": datetime.now(UTC).date().isoformat(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    sources = [page.document.source for page in held_out.pages]
    write_card(folder, recipe, manifest, probabilities, held_out.truth, sources, training.notes)
    return metrics


def _model_facts(training: VersionTraining, folder: Path, temperature: float, probabilities: Floats) -> dict[str, Any]:
    """Return what the model service needs of the manifest: labels, input, thresholds and hashes of the files."""
    recipe = training.recipe
    mean, std = normalisation_of(recipe.architecture)
    model, weights = folder / "model.xml", folder / "model.bin"
    return {
        "version": recipe.version,
        "architecture": recipe.architecture,
        "labels": list(training.labels),
        "input": recipe.input.model_dump(),
        "normalization": {"mean": list(mean), "std": list(std)},
        "precision": recipe.precision,
        "temperature": temperature,
        # Rounded down: a threshold that is rounded up to 1 would flag every page.
        "abstain_below": math.floor(abstain_threshold(probabilities) * 1e4) / 1e4,
        "files": {file.name: sha256_of_files([file]) for file in (model, weights)},
        "sha256": sha256_of_files([model, weights]),
    }


def _metrics_facts(metrics: ClassificationMetrics, protocol: str) -> dict[str, Any]:
    """Return the section `metrics` of the manifest."""
    return {
        "accuracy": round(metrics.accuracy, 6),
        "accuracy_interval": [round(bound, 6) for bound in metrics.interval],
        "macro_f1": round(metrics.macro_f1, 6),
        "ece": round(metrics.ece, 4),
        "recall": {label: round(share, 4) for label, share in metrics.recall.items()},
        "images": metrics.images,
        "protocol": protocol,
    }


def _source_facts(held_out: HeldOut, probabilities: Floats, temperature: float) -> dict[str, Any]:
    """Return the metrics over sources, and on out-of-distribution pages; empty if no source is named."""
    documents = [page.document for page in held_out.pages]
    if not documents or not all(document.source for document in documents):
        return {}
    correct = probabilities.argmax(axis=1) == held_out.truth
    by_source = source_metrics(correct, [each.source for each in documents], [each.group for each in documents])
    return {
        "sources": len(by_source.by_source),
        "families": len({each.group for each in documents}),
        "macro_over_sources": round(by_source.macro, 6),
        "macro_interval": [round(bound, 6) for bound in by_source.interval],
        "worst_decile": round(by_source.worst_decile, 6),
        "pooled_interval": [round(bound, 6) for bound in by_source.pooled_interval],
        **_ood_facts(held_out, probabilities, temperature),
    }


def _ood_facts(held_out: HeldOut, probabilities: Floats, temperature: float) -> dict[str, Any]:
    """Return how well confidence and norms separate out-of-distribution pages; empty if there are none."""
    if held_out.ood_logits is None or not len(held_out.ood_logits):
        return {}
    confidence, ood = (rows.max(axis=1) for rows in (probabilities, softmax(held_out.ood_logits, temperature)))
    facts = {
        "ood_pages": len(ood),
        "ood_auroc": round(auroc(confidence, ood) or 0.0, 4),
        "ood_flagged": round(float((ood < abstain_threshold(probabilities)).mean()), 4),
    }
    if held_out.norms is None or held_out.ood_norms is None:
        return facts
    return facts | {
        "ood_auroc_norm": round(
            auroc(held_out.norms.astype(np.float64), held_out.ood_norms.astype(np.float64)) or 0.0, 4
        ),
        "ood_flagged_norm": round(float((held_out.ood_norms < np.quantile(held_out.norms, 0.1)).mean()), 4),
    }


def _trained_on_ood(recipe: Recipe, facts: Mapping[str, Any]) -> bool:
    """Return whether the training set contained out-of-distribution pages, real or synthetic."""
    return bool(facts["out_of_distribution"]) or bool(facts["drawn"] and recipe.synthetic.ood_pages)


def _familiarity_facts(held_out: HeldOut, *, trained_on_ood: bool) -> dict[str, Any]:
    """Return the norm below which documents are unfamiliar; empty if it would mean nothing.

    Only a network that was trained on out-of-distribution pages has features of a small norm on other such pages.
    """
    threshold = familiar_norm(held_out.norms) if held_out.norms is not None and trained_on_ood else None
    return {} if threshold is None else {"familiar_norm": float(f"{threshold:.4g}")}


def _quantise_in_place(recipe: Recipe, held_out: HeldOut, folder: Path) -> None:
    """Replace the exported model by its int8 version, or raise `ParityError` if int8 loses too much accuracy."""
    int8 = held_out.precisions.get("int8")
    if int8 and int8.accuracy < held_out.precisions["f32"].accuracy - MAX_ACCURACY_LOSS:
        raise ParityError(
            f"int8 is right on {int8.accuracy:.1%} of {int8.pages} pages, f32 on "
            f"{held_out.precisions['f32'].accuracy:.1%}: serve this version in f32"
        )
    with tempfile.TemporaryDirectory() as scratch:
        examples = preprocess(recipe, held_out.training_pages, CALIBRATION_PAGES)
        quantise(folder, examples, Path(scratch), f32_layers=recipe.f32_layers)
        for file in Path(scratch).iterdir():
            shutil.copyfile(file, folder / file.name)


def publish(new_files: Path, out: Path) -> None:
    """Move the new files into the version's folder, the manifest last because it contains the others' hashes."""
    if not (new_files / TORCHSCRIPT).exists():
        (out / TORCHSCRIPT).unlink(missing_ok=True)  # belongs to an earlier training
    for file in sorted(new_files.iterdir(), key=lambda f: f.name == "manifest.json"):
        file.replace(out / file.name)
