"""The manifest of a model version, `models/vN/manifest.json`, and the verification of its files.

The weights are read once and hashed in memory, so that exactly the verified bytes are served.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import annotated_types as at
from pydantic import AfterValidator, ConfigDict, StringConstraints, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from decoding.preprocessing import Preprocessing
from model_service.errors import ManifestError

FILE_NAME: Final = "manifest.json"
GRAPH: Final = "model.xml"
WEIGHTS: Final = "model.bin"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Triple = Annotated[tuple[float, float, float], at.Len(3, 3)]


@dataclass(frozen=True)
class Normalization:
    """Normalization of the input, (pixel - mean) / std. Informational: it is part of the graph."""

    mean: Triple
    """Means of R, G and B, in units of 0 to 255."""
    std: Triple
    """Standard deviations of R, G and B, in units of 0 to 255."""


MAX_LABEL = 100
"""Maximum length of a label in characters, as in records."""


def _nfc(label: str) -> str:
    return unicodedata.normalize("NFC", label)


def _nfd_sorted(labels: Iterable[str]) -> list[str]:
    """Return the labels in the order of their decomposed forms, in which earlier releases sorted them on macOS."""
    return sorted(labels, key=lambda label: unicodedata.normalize("NFD", label))


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class Manifest:
    """The manifest of a model version. Unknown keys are ignored."""

    version: Name
    """Name under which it is served, such as `v2`."""
    architecture: str
    """Architecture of the network, such as `resnet18`."""
    labels: Annotated[tuple[Annotated[str, at.Len(1, MAX_LABEL), AfterValidator(_nfc)], ...], at.MinLen(2)]
    """In the order of the graph's outputs, which is alphabetical, and in Unicode form NFC."""
    input: Preprocessing
    """Preprocessing of a page."""
    normalization: Normalization
    """Normalization of the preprocessed page, which is part of the graph."""
    precision: Literal["f32", "bf16", "f16", "int8"]
    """Precision of inference on every host; a precision chosen by the host could change a label. An int8 graph is
    quantised in the file; its floating-point parts are computed in f32."""
    temperature: Annotated[float, at.Gt(0)]
    """Divisor of the logits before softmax, which calibrates the probabilities."""
    abstain_below: Annotated[float, at.Interval(ge=0, le=1)]
    """A prediction with less confidence than this is marked as abstained."""
    files: dict[Literal["model.xml", "model.bin"], Sha256]
    """Hash of each file."""
    sha256: Sha256
    """Hash of model.xml followed by model.bin, which identifies the model in responses and records."""
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    """Day of the export."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Data, licences, recipe and seed. Informational."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Metrics and the data that they were measured on. Informational."""
    parity: Mapping[str, Any] = field(default_factory=dict)
    """Difference between the export and the trained network. Informational."""
    familiar_norm: Annotated[float, at.Gt(0)] | None = None
    """Norm of the pooled features below which a document is unfamiliar, see `engine.add_feature_norm`, so that its
    prediction is marked as abstained. Absent in manifests of release 0.2 and if no such threshold was measured."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.labels)) < len(self.labels) or list(self.labels) not in (
            sorted(self.labels),
            _nfd_sorted(self.labels),
        ):
            raise ValueError("labels are not sorted or not unique")
        if missing := {GRAPH, WEIGHTS} - set(self.files):
            raise ValueError(f"files lacks {', '.join(sorted(missing))}")
        return self

    def as_json(self) -> str:
        """Return the content of the manifest file."""
        return _ADAPTER.dump_json(self, indent=2).decode() + "\n"


_ADAPTER: Final = TypeAdapter(Manifest)


@dataclass(frozen=True)
class ModelFiles:
    """The files of a version, verified against its manifest."""

    manifest: Manifest
    """Manifest of the version."""
    graph: bytes
    """Content of model.xml."""
    weights: bytes
    """Content of model.bin."""


def parse(text: str | bytes) -> Manifest:
    """Parse a manifest.

    Raises:
        ManifestError: Naming each missing or invalid field.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        messages = (f"{'.'.join(map(str, detail['loc'])) or 'manifest'}: {detail['msg']}" for detail in error.errors())
        raise ManifestError("; ".join(messages)) from None


def load(folder: Path) -> Manifest:
    """Read `manifest.json` of a model folder, without verifying the weights.

    Raises:
        ManifestError: If it is missing or malformed.
    """
    path = folder / FILE_NAME
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}") from None


def load_files(folder: Path) -> ModelFiles:
    """Read a model folder and verify its graph and weights.

    Raises:
        ManifestError: If a file is missing or does not have the hash in the manifest.
    """
    manifest = load(folder)
    content = {name: _read(folder / name) for name in (GRAPH, WEIGHTS)}
    hashes, combined = _hashes(content[GRAPH], content[WEIGHTS])
    for name, found in hashes.items():
        if found != manifest.files[name]:
            raise ManifestError(f"{folder / name}: sha256 is {found}, the manifest has {manifest.files[name]}")
    if combined != manifest.sha256:
        raise ManifestError(f"{folder / FILE_NAME}: sha256 should be {combined}")
    return ModelFiles(manifest, content[GRAPH], content[WEIGHTS])


def hash_files(folder: Path) -> tuple[dict[Literal["model.xml", "model.bin"], str], str]:
    """Return the values of `files` and `sha256` in a manifest for the files of a folder.

    Raises:
        ManifestError: If a file is missing.
    """
    return _hashes(_read(folder / GRAPH), _read(folder / WEIGHTS))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}") from error


def _hashes(graph: bytes, weights: bytes) -> tuple[dict[Literal["model.xml", "model.bin"], str], str]:
    combined = hashlib.sha256(graph)
    files: dict[Literal["model.xml", "model.bin"], str] = {
        GRAPH: combined.hexdigest(),
        WEIGHTS: hashlib.sha256(weights).hexdigest(),
    }
    combined.update(weights)
    return files, combined.hexdigest()
