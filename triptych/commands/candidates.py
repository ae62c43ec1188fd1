"""Model version folders as candidates: their manifests, the file of their answers, and a classifier in this process."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from records.outcomes import ModelFailure, Outcome, Prediction
from records.table import PolicyTable
from triptych.errors import TriptychError, UsageError
from triptych.review.candidates import ReplayedRecords
from triptych.review.replay import Classify, ReplayAnswers, ReplayedVersion
from triptych.stack.home import Home
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

if TYPE_CHECKING:
    from evidence.candidates import CandidateEvidence


def read_version(folder: Path) -> ReplayedVersion:
    """Read the manifest of a version folder.

    Raises:
        UsageError: The folder has no valid manifest.
    """
    from model_service.errors import ManifestError
    from model_service.manifest import load  # imports pydantic

    try:
        manifest = load(folder)
    except ManifestError as error:
        raise UsageError(f"{folder} is not the folder of a model version: {error}") from error
    sources = tuple(str(manifest.training.get("data", "")).split(", "))
    exported_on = datetime.fromisoformat(manifest.date).replace(tzinfo=UTC)
    return ReplayedVersion(manifest.version, manifest.sha256, exported_on, sources)


def answers_path(conn: StackConnection, version: ReplayedVersion) -> Path:
    """Return the file of answers. That of the local stack is deleted together with the stack."""
    home = Home.default()
    folder = home.scratch if conn.endpoint_url else home.path
    name = hashlib.sha256(f"{conn.bucket}/{conn.table_name}/{version.model_sha256}".encode()).hexdigest()[:16]
    return folder / "replay" / f"{conn.name}-{version.name}-{name}.jsonl"


def file_header(conn: StackConnection, version: ReplayedVersion) -> dict[str, str]:
    """Return what identifies a file of answers."""
    return {
        "bucket": conn.bucket,
        "table": conn.table_name,
        "version": version.version,
        "model_sha256": version.model_sha256,
    }


def read_replayed(conn: StackConnection, folder: Path) -> ReplayedRecords:
    """Read the records that a candidate was replayed on.

    Raises:
        UsageError: The folder is not a version's, or it was not replayed.
        TriptychError: The table cannot be read.
    """
    version = read_version(folder)
    answers = ReplayAnswers.load(answers_path(conn, version), file_header(conn, version))
    return ReplayedRecords.read(version, answers, conn.bucket, Results(conn.table), PolicyTable(conn.table))


@dataclass(frozen=True)
class CandidateFolder:
    """The version folders in one folder, as the console offers them: those that were replayed on its stack.

    A name from a browser only selects one of the folders found here; it is never part of a path.
    """

    folder: Path

    def names(self, stack: StackConnection) -> list[str]:
        """Return the names of the folders that were replayed on a stack."""
        return sorted(self._replayed(stack))

    def assess(self, stack: StackConnection, name: str) -> "CandidateEvidence":
        """Return the evidence on one of `names`.

        Raises:
            UsageError: It is none of them.
            TriptychError: The table cannot be read.
        """
        found = self._replayed(stack).get(name)
        if found is None:
            raise UsageError(f"There is no replayed version {name!r}: reload the page.")
        return read_replayed(stack, found).assess()

    def _replayed(self, stack: StackConnection) -> dict[str, Path]:
        try:
            children = [child for child in self.folder.iterdir() if (child / "manifest.json").is_file()]
        except OSError as error:
            raise UsageError(f"{self.folder} cannot be read: {error.strerror}") from None
        return {child.name: child for child in children if _is_replayed(stack, child)}


def _is_replayed(stack: StackConnection, folder: Path) -> bool:
    try:
        return answers_path(stack, read_version(folder)).exists()
    except UsageError:
        return False  # not the folder of a version


def available_workers() -> int:
    """Return how many CPUs this process may use."""
    from model_service.cpus import available_cpus

    return available_cpus()


@contextmanager
def candidate_classifier(folder: Path, workers: int) -> Iterator[Classify]:
    """Load a version as its service does, with decoder processes, and yield a function that classifies documents.

    Raises:
        TriptychError: The version cannot be loaded, or no decoder process starts.
    """
    from decoding.errors import DecoderUnavailableError, DocumentError
    from decoding.isolation.pool import DecoderPool
    from model_service.app import load_classifier  # imports OpenVINO
    from model_service.errors import ModelLoadError
    from model_service.settings import ServiceSettings

    settings = ServiceSettings(models_dir=folder.parent, models=(folder.name,), workers=workers)
    with DecoderPool(settings.threads, slow=settings.max_slow, ahead=settings.ahead) as decoders:
        try:
            classifier = load_classifier(settings, decoders)
        except (DecoderUnavailableError, ModelLoadError) as error:
            raise TriptychError(f"{folder} cannot be loaded: {error}") from error
        model = classifier.model(None)

        def classify(document: bytes) -> Outcome:
            try:
                found = classifier.classify(document, model)
            except DocumentError as error:
                return ModelFailure("rejected", str(error), 0.0, problem=error.problem)
            except DecoderUnavailableError as error:
                raise TriptychError(str(error)) from error
            return Prediction(
                label=found.label,
                confidence=found.confidence,
                probabilities=found.probabilities,
                abstained=found.abstained,
                pages=found.pages,
                model_sha256=found.model_sha256,
                latency_ms=found.timings_ms.total,
                timings_ms=vars(found.timings_ms),
                rotated=tuple(found.rotated) if any(found.rotated) else (),
                cropped=tuple(found.cropped) if any(found.cropped) else (),
                familiarity=found.familiarity,
            )

        yield classify
