"""Evaluation of versions on a folder of labelled documents, with the code of the model service and the orchestrator."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from decoding.errors import DocumentError
from decoding.limits import Limits
from model_service.classifier import Classification, Classifier
from model_service.engine import Model, load_model
from training.data import DataError, LabelledDocument, list_documents
from training.metrics import (
    Booleans,
    ClassificationMetrics,
    Floats,
    LabelIndices,
    classification_metrics,
    confusion_matrix,
)
from training.source_metrics import SourceMetrics, auroc, risk_coverage, source_metrics
from training.verdicts import Verdicts, combine_versions
from training.vote_weights import load_weights


@dataclass(frozen=True)
class VersionReport:
    """Metrics of one version on one folder.

    Attributes:
        metrics: Classification metrics.
        selection: Accuracy over sources, and how well confidence selects right predictions.
        abstained: Share of documents on which the version abstains.
        ms_per_page: Median milliseconds per page, decoding included.
    """

    metrics: ClassificationMetrics
    selection: "Selection"
    abstained: float
    ms_per_page: float

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            **asdict(self.metrics),
            **self.selection.as_json(),
            "abstained": self.abstained,
            "ms_per_page": self.ms_per_page,
        }


@dataclass(frozen=True)
class Selection:
    """Accuracy over sources, and how well confidence selects right predictions.

    Attributes:
        auroc: Probability that a right prediction has more confidence than a wrong one; None if all are right or wrong.
        risk_coverage: Pairs of a share of the documents and the accuracy on those with the highest confidence.
        by_source: Metrics over sources; None if the folder does not name the source of every document.
    """

    auroc: float | None
    risk_coverage: list[tuple[float, float]]
    by_source: SourceMetrics | None

    def as_json(self) -> dict[str, Any]:
        """Return everything except the single sources as plain JSON values."""
        sources = self.by_source
        return {
            "auroc": self.auroc,
            "risk_coverage": [{"coverage": share, "accuracy": accuracy} for share, accuracy in self.risk_coverage],
            "macro_over_sources": sources.macro if sources else None,
            "macro_interval": sources.interval if sources else None,
            "worst_decile": sources.worst_decile if sources else None,
        }


@dataclass(frozen=True)
class Evaluation:
    """Metrics of several versions and of their soft vote on one folder.

    Attributes:
        versions: Report of each version, by name.
        vote: Metrics of the soft vote, which is the label and the confidence of a verdict.
        weights: Weight of each version in the vote; all weigh the same if None.
        selection: Accuracy of the vote over sources, and how well its confidence selects right verdicts.
        flagged: Share of documents whose verdict would be flagged for review.
        unflagged_accuracy: Accuracy of the vote on the other documents; None if all are flagged.
        agreement: For each pair of versions, the share of documents for which both predict the same label.
        images: Number of documents.
        skipped: One message for each document that could not be read.
        labels: Names of the labels, in the order of the confusion matrix.
        confusion: Confusion matrix of the soft vote: true labels in rows, predicted labels in columns.
    """

    versions: Mapping[str, VersionReport]
    vote: ClassificationMetrics
    weights: Mapping[str, float] | None
    selection: Selection
    flagged: float
    unflagged_accuracy: float | None
    agreement: Mapping[str, float]
    images: int
    skipped: tuple[str, ...]
    labels: tuple[str, ...]
    confusion: LabelIndices

    def as_json(self) -> dict[str, Any]:
        """Return the evaluation as plain JSON values, for `--json`."""
        return {
            "versions": {name: report.as_json() for name, report in self.versions.items()},
            "vote": {
                **asdict(self.vote),
                **self.selection.as_json(),
                "weights": dict(self.weights) if self.weights else None,
                "flagged": self.flagged,
                "unflagged_accuracy": self.unflagged_accuracy,
            },
            "by_source": self._sources_as_json(),
            "confusion": {"labels": list(self.labels), "counts": self.confusion.tolist()},
            "agreement": dict(self.agreement),
            "images": self.images,
            "skipped": list(self.skipped),
        }

    def _sources_as_json(self) -> dict[str, dict[str, float]]:
        """Return the number of documents of each source, and the accuracy of each version and of the vote on it."""
        selections = {name: report.selection for name, report in self.versions.items()} | {"vote": self.selection}
        tables = {name: each.by_source.by_source for name, each in selections.items() if each.by_source}
        return {
            source: {"documents": one.documents, **{name: table[source].accuracy for name, table in tables.items()}}
            for source, one in tables.get("vote", {}).items()
        }


@dataclass(frozen=True)
class VersionPredictions:
    """Predictions of one version for the same documents as the other versions'.

    Attributes:
        probabilities: Calibrated probabilities, shape (documents, labels).
        abstained: Whether the version abstains, shape (documents,).
        ms_per_page: Median milliseconds per page, decoding included.
    """

    probabilities: Floats
    abstained: Booleans
    ms_per_page: float


def evaluate(
    models: Path, versions: Sequence[str], data: Path, *, report: Callable[[int, int], None] | None = None
) -> Evaluation:
    """Evaluate versions on an ImageFolder of images and PDFs.

    Args:
        models: Folder of the versions.
        versions: Names of the versions to evaluate.
        data: Folder with one folder per label. Labels may be missing.
        report: Function that is called after each document with the number of finished documents and of all documents.

    Raises:
        DataError: The folder cannot be read, or labels of the folder or of a version differ.
        ModelError: A version cannot be loaded.
    """
    loaded = {name: load_model(models / name) for name in versions}
    labels = _common_labels(loaded)
    folder = list_documents(data, labels)
    predictions, skipped = _classify(loaded, [document.file for document in folder.documents], report)
    if not predictions:
        raise DataError(f"no document of {data} could be read")
    read = [document for document in folder.documents if document.file in predictions]
    by_version = _by_version(loaded, predictions, labels)
    return evaluate_predictions(by_version, read, labels, tuple(skipped), load_weights(models, versions))


def evaluate_predictions(
    predictions: Mapping[str, VersionPredictions],
    documents: Sequence[LabelledDocument],
    labels: tuple[str, ...],
    skipped: tuple[str, ...] = (),
    weights: Sequence[float] | None = None,
) -> Evaluation:
    """Evaluate predictions of several versions for the same documents.

    Args:
        predictions: Predictions by version.
        documents: The documents, in the order of the predictions.
        labels: Names of the labels, in the order of the probabilities.
        skipped: Messages for documents that could not be read.
        weights: Weight of each version in the soft vote; all weigh the same if None.
    """
    truth = np.array([document.label for document in documents], dtype=np.int64)
    verdicts = _verdicts_of(predictions, labels, weights)
    correct = verdicts.probabilities.argmax(axis=1) == truth
    accepted = correct[~verdicts.needs_review]
    predicted = {name: version.probabilities.argmax(axis=1) for name, version in predictions.items()}
    return Evaluation(
        versions={
            name: VersionReport(
                classification_metrics(version.probabilities, truth, labels),
                _selection(version.probabilities, truth, documents),
                float(version.abstained.mean()),
                version.ms_per_page,
            )
            for name, version in predictions.items()
        },
        vote=classification_metrics(verdicts.probabilities, truth, labels),
        weights=dict(zip(predictions, weights, strict=True)) if weights else None,
        selection=_selection(verdicts.probabilities, truth, documents),
        flagged=float(verdicts.needs_review.mean()),
        unflagged_accuracy=float(accepted.mean()) if len(accepted) else None,
        agreement={
            f"{one}+{other}": float((predicted[one] == predicted[other]).mean())
            for one, other in combinations(predictions, 2)
        },
        images=len(truth),
        skipped=skipped,
        labels=labels,
        confusion=confusion_matrix(verdicts.probabilities.argmax(axis=1), truth, len(labels)),
    )


def _selection(probabilities: Floats, truth: LabelIndices, documents: Sequence[LabelledDocument]) -> Selection:
    correct, confidence = probabilities.argmax(axis=1) == truth, probabilities.max(axis=1)
    sources, families = [each.source for each in documents], [each.group for each in documents]
    return Selection(
        auroc(confidence[correct], confidence[~correct]),
        risk_coverage(confidence, correct),
        source_metrics(correct, sources, families) if all(sources) else None,
    )


def verdicts_on_files(models: Path, versions: Sequence[str], files: Sequence[Path]) -> Verdicts:
    """Return the verdicts of released versions on files, without those that cannot be read."""
    loaded = {name: load_model(models / name) for name in versions}
    labels = _common_labels(loaded)
    predictions, _ = _classify(loaded, files)
    if not predictions:
        return Verdicts(np.zeros((0, len(labels))), np.zeros(0, dtype=np.bool_))
    return _verdicts_of(_by_version(loaded, predictions, labels), labels, load_weights(models, versions))


def _verdicts_of(
    predictions: Mapping[str, VersionPredictions], labels: Sequence[str], weights: Sequence[float] | None
) -> Verdicts:
    return combine_versions(
        np.stack([version.probabilities for version in predictions.values()]),
        np.stack([version.abstained for version in predictions.values()]),
        labels,
        weights,
    )


def _common_labels(loaded: Mapping[str, Model]) -> tuple[str, ...]:
    """Return the labels of all versions, or raise `DataError` if they differ."""
    labels = {name: tuple(model.manifest.labels) for name, model in loaded.items()}
    first, *others = labels
    for name in others:
        if labels[name] != labels[first]:
            differing = sorted(set(labels[name]) ^ set(labels[first]))
            raise DataError(f"{first} and {name} have different labels ({', '.join(differing)}) and cannot be compared")
    return labels[first]


def _classify(
    loaded: Mapping[str, Model], files: Sequence[Path], report: Callable[[int, int], None] | None = None
) -> tuple[dict[Path, list[Classification]], list[str]]:
    """Return the predictions of every version for each readable file, and a message for each unreadable one."""
    classifier = Classifier(loaded, Limits())
    predictions: dict[Path, list[Classification]] = {}
    skipped: list[str] = []
    for number, file in enumerate(files, start=1):
        try:
            data = file.read_bytes()
            predictions[file] = [
                classifier.classify(data, model, since=time.perf_counter()) for model in loaded.values()
            ]
        except (DocumentError, OSError) as error:
            skipped.append(f"{file}: {error}")
        if report:
            report(number, len(files))
    return predictions, skipped


def _by_version(
    loaded: Mapping[str, Model], predictions: Mapping[Path, Sequence[Classification]], labels: Sequence[str]
) -> dict[str, VersionPredictions]:
    columns = zip(*predictions.values(), strict=True)
    return {name: _as_arrays(column, labels) for name, column in zip(loaded, columns, strict=True)}


def _as_arrays(predictions: Sequence[Classification], labels: Sequence[str]) -> VersionPredictions:
    times = [prediction.timings_ms.decode + prediction.timings_ms.infer for prediction in predictions]
    return VersionPredictions(
        probabilities=np.array([[prediction.probabilities[label] for label in labels] for prediction in predictions]),
        abstained=np.array([prediction.abstained for prediction in predictions]),
        ms_per_page=float(np.median(np.array(times) / np.array([prediction.pages for prediction in predictions]))),
    )
