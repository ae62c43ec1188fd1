"""Versions measured side by side on a folder of labelled documents, through the very code that serves them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from decoding.errors import DocumentError
from decoding.limits import Limits
from model_service.classifier import Classification, Classifier
from model_service.engine import Model, load_model
from training.data import DataError, Folder, scan
from training.metrics import Floats, Labels, Metrics, confusion, measure

Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class VersionReport:
    """One version on one folder: its metrics, the share it abstained on, and milliseconds a page, decoding included."""

    metrics: Metrics
    abstained: float
    ms_per_page: float


@dataclass(frozen=True)
class Evaluation:
    """All versions on one folder.

    Attributes:
        versions: By name.
        vote: Metrics of the versions' soft vote, which is the verdict that is recorded.
        flagged: Share of the documents whose verdict would be marked for review.
        agreement: For each pair of versions, the share of documents that both give the same label.
        images: Documents measured.
        skipped: One line for each document that could not be read.
        labels: In the order of the confusion matrix.
        confusion: Of the vote: rows are the truth, columns the verdict.
    """

    versions: Mapping[str, VersionReport]
    vote: Metrics
    flagged: float
    agreement: Mapping[str, float]
    images: int
    skipped: tuple[str, ...]
    labels: tuple[str, ...]
    confusion: Labels

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, for `--json`."""
        return {
            "versions": {
                name: {**asdict(report.metrics), "abstained": report.abstained, "ms_per_page": report.ms_per_page}
                for name, report in self.versions.items()
            },
            "vote": {**asdict(self.vote), "flagged": self.flagged},
            "agreement": dict(self.agreement),
            "images": self.images,
            "skipped": list(self.skipped),
        }


@dataclass(frozen=True)
class _Answers:
    """What one version said of every document."""

    probabilities: Floats
    abstained: Bools
    ms_per_page: float


def evaluate(
    models: Path, versions: Sequence[str], data: Path, *, tell: Callable[[int, int], None] | None = None
) -> Evaluation:
    """Measure versions on an ImageFolder of images and PDFs.

    Args:
        models: Folder that holds the versions' folders.
        versions: Which of them.
        data: One folder a label; not all labels need be there.
        tell: Called after each document with how many are done and how many there are.

    Raises:
        DataError: The folder cannot be used, or its labels or those of a version differ from the others'.
        ModelLoadError: A version cannot be served.
    """
    served = {name: load_model(models / name) for name in versions}
    labels = _common_labels(served)
    folder = scan(data, labels)
    said, skipped = _ask(served, [document.file for document in folder.documents], tell)
    if not said:
        raise DataError(f"no document of {data} could be read")
    truth = [document.label for document in folder.documents if document.file in said]
    return _report(_collected(served, said, labels), np.array(truth, dtype=np.int64), folder, tuple(skipped))


_Said = dict[Path, list[Classification]]
"""What every version said of each file that could be read."""


def _ask(
    served: Mapping[str, Model], files: Sequence[Path], tell: Callable[[int, int], None] | None = None
) -> tuple[_Said, list[str]]:
    """Classify files by every version; return what was said, and a line for each file that could not be read."""
    classifier = Classifier(served, Limits())
    said: _Said = {}
    skipped: list[str] = []
    for number, file in enumerate(files, start=1):
        try:
            content = file.read_bytes()
            said[file] = [classifier.classify(content, model, since=time.perf_counter()) for model in served.values()]
        except (DocumentError, OSError) as problem:
            skipped.append(f"{file}: {problem}")
        if tell:
            tell(number, len(files))
    return said, skipped


def _collected(served: Mapping[str, Model], said: _Said, labels: Sequence[str]) -> dict[str, _Answers]:
    return {
        name: _collect(column, labels) for name, column in zip(served, zip(*said.values(), strict=True), strict=True)
    }


def soft_vote(probabilities: Floats) -> Floats:
    """Return the vote that the orchestrator takes where all versions weigh the same (`records/verdict.py`).

    Args:
        probabilities: Of each version, shape (versions, documents, labels).

    Returns:
        Shape (documents, labels): their mean, its highest sharpened by the root of how many versions there are.
    """
    mean: Floats = probabilities.mean(axis=0)
    labels, power = mean.shape[1], np.sqrt(len(probabilities))
    rows, best = np.arange(len(mean)), mean.argmax(axis=1)
    top = mean[rows, best]
    high, low = top**power, (1 - top) ** power * (labels - 1) ** (1 - power)
    sharp = high / (high + low)
    vote = mean * ((1 - sharp) / np.maximum(1 - top, 1e-12))[:, None]
    vote[rows, best] = sharp
    return np.asarray(vote / vote.sum(axis=1, keepdims=True))


def marked(labels: Labels, unsure: Bools) -> Bools:
    """Return which documents the orchestrator would mark for review: versions disagree, or at least half abstain.

    Args:
        labels: What each version says, shape (versions, documents).
        unsure: Which of them abstain, same shape.
    """
    return np.asarray((labels != labels[0]).any(axis=0) | (unsure.sum(axis=0) * 2 >= len(unsure)))


def doubts(models: Path, versions: Sequence[str], files: Sequence[Path]) -> tuple[Bools, Floats]:
    """Return which of some files would be marked for review, and how sure the vote is of each.

    Files that cannot be read are left out.
    """
    served = {name: load_model(models / name) for name in versions}
    said, _ = _ask(served, files)
    answers = _collected(served, said, _common_labels(served)).values()
    probabilities = np.stack([answer.probabilities for answer in answers])
    unsure = np.stack([answer.abstained for answer in answers])
    return marked(probabilities.argmax(axis=2), unsure), soft_vote(probabilities).max(axis=1)


def _common_labels(served: Mapping[str, Model]) -> tuple[str, ...]:
    lists = {name: tuple(model.manifest.labels) for name, model in served.items()}
    first, *others = lists
    for name in others:
        if lists[name] != lists[first]:
            odd = sorted(set(lists[name]) ^ set(lists[first]))
            raise DataError(f"{first} and {name} know different labels ({', '.join(odd)}): they cannot be compared")
    return lists[first]


def _collect(said: Sequence[Classification], labels: Sequence[str]) -> _Answers:
    times = [one.timings_ms.decode + one.timings_ms.infer for one in said]
    return _Answers(
        probabilities=np.array([[one.probabilities[label] for label in labels] for one in said]),
        abstained=np.array([one.abstained for one in said]),
        ms_per_page=float(np.median(np.array(times) / np.array([one.pages for one in said]))),
    )


def _report(answers: Mapping[str, _Answers], truth: Labels, folder: Folder, skipped: tuple[str, ...]) -> Evaluation:
    verdicts = np.stack([answer.probabilities.argmax(axis=1) for answer in answers.values()])
    unsure = np.stack([answer.abstained for answer in answers.values()])
    flagged = marked(verdicts, unsure)
    names = list(answers)
    vote = soft_vote(np.stack([answer.probabilities for answer in answers.values()]))
    return Evaluation(
        versions={
            name: VersionReport(
                measure(answer.probabilities, truth, folder.labels), float(answer.abstained.mean()), answer.ms_per_page
            )
            for name, answer in answers.items()
        },
        vote=measure(vote, truth, folder.labels),
        flagged=float(flagged.mean()),
        agreement={
            f"{names[i]}+{names[j]}": float((verdicts[i] == verdicts[j]).mean())
            for i in range(len(names))
            for j in range(i + 1, len(names))
        },
        images=len(truth),
        skipped=skipped,
        labels=folder.labels,
        confusion=confusion(vote.argmax(axis=1), truth, len(folder.labels)),
    )
