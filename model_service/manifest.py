"""What a model folder says of itself: `models/vN/manifest.json`, and the proof that its files are those.

The weights are read once and hashed as read, so what was verified is what is served.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import annotated_types as at
from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError, model_validator
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
    """What the graph does to its input first: (pixel - mean) / std. Information; already in the graph."""

    mean: Triple
    """Of R, G and B, in units of 0 to 255."""
    std: Triple
    """Of R, G and B, in units of 0 to 255."""


MAX_LABEL = 100
"""Characters of a label: a longer one could not be an answer, for a record would not take it."""


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class Manifest:
    """A model version. Keys that are not listed here are left to people and ignored."""

    version: Name
    """Name under which it is served, such as `v2`."""
    architecture: str
    """Of the network, such as `resnet18`."""
    labels: Annotated[tuple[Annotated[str, at.Len(1, MAX_LABEL)], ...], at.MinLen(2)]
    """In the order of the graph's outputs, which is alphabetical."""
    input: Preprocessing
    """What to do to a page before it is scored."""
    normalization: Normalization
    """What the graph does to it then."""
    precision: Literal["f32", "bf16", "f16", "int8"]
    """In which it is inferred on every host. Pinned: a host's own choice could change a verdict. An int8 graph is
    quantised in the file already; what it leaves in floats is computed in f32."""
    temperature: Annotated[float, at.Gt(0)]
    """Divides the logits before softmax, so that probabilities are honest."""
    abstain_below: Annotated[float, at.Interval(ge=0, le=1)]
    """An answer with less confidence than this is marked as abstained."""
    files: dict[Literal["model.xml", "model.bin"], Sha256]
    """Hash of each file."""
    sha256: Sha256
    """Hash of model.xml followed by model.bin: the identity of the model in answers and records."""
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    """Day of the export."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Data, licences, recipe, seed. For people."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What it reached, and on what. For people."""
    parity: Mapping[str, Any] = field(default_factory=dict)
    """How far the export is from the network that was trained. For people."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if list(self.labels) != sorted(set(self.labels)):
            raise ValueError("labels are not sorted, or one comes twice")
        if missing := {GRAPH, WEIGHTS} - set(self.files):
            raise ValueError(f"files lacks {', '.join(sorted(missing))}")
        return self

    def as_json(self) -> str:
        """The manifest as it stands in its file, indented for people."""
        return _ADAPTER.dump_json(self, indent=2).decode() + "\n"


_ADAPTER: Final = TypeAdapter(Manifest)


@dataclass(frozen=True)
class ModelFiles:
    """The files of a version, verified against its manifest."""

    manifest: Manifest
    """Of the version."""
    graph: bytes
    """Content of model.xml."""
    weights: bytes
    """Content of model.bin."""


def parse(text: str | bytes) -> Manifest:
    """Read a manifest from its JSON text.

    Raises:
        ManifestError: Naming each field that is missing or wrong.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or 'manifest'}: {fault['msg']}" for fault in error.errors())
        raise ManifestError("; ".join(faults)) from None


def load(folder: Path) -> Manifest:
    """Read `manifest.json` of a model folder, without looking at the weights.

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
        ManifestError: If a file is missing or is not the one that the manifest names.
    """
    manifest = load(folder)
    content = {name: _read(folder / name) for name in (GRAPH, WEIGHTS)}
    hashes, whole = _hashes(content[GRAPH], content[WEIGHTS])
    for name, found in hashes.items():
        if found != manifest.files[name]:
            raise ManifestError(f"{folder / name}: sha256 is {found}, the manifest says {manifest.files[name]}")
    if whole != manifest.sha256:
        raise ManifestError(f"{folder / FILE_NAME}: sha256 should be {whole}")
    return ModelFiles(manifest, content[GRAPH], content[WEIGHTS])


def hash_files(folder: Path) -> tuple[dict[Literal["model.xml", "model.bin"], str], str]:
    """What a manifest has to say of the files in a folder: its `files` and its `sha256`.

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
    whole = hashlib.sha256(graph)
    files: dict[Literal["model.xml", "model.bin"], str] = {
        GRAPH: whole.hexdigest(),
        WEIGHTS: hashlib.sha256(weights).hexdigest(),
    }
    whole.update(weights)
    return files, whole.hexdigest()
