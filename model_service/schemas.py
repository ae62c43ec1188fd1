"""Answers about the service itself, as OpenAPI shows them."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from model_service.manifest import Manifest


class Health(BaseModel):
    """Whether the process lives, or takes requests."""

    status: Literal["live", "ready"]


class ModelSummary(BaseModel):
    """A version that is served here."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    version: str
    """Name of the version."""
    architecture: str
    """Of its network."""
    labels: list[str]
    """That it tells apart."""
    sha256: str
    """Identity of its weights."""
    date: str
    """Day of its export."""

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Take it from a manifest."""
        return cls(
            version=manifest.version,
            architecture=manifest.architecture,
            labels=list(manifest.labels),
            sha256=manifest.sha256,
            date=manifest.date,
        )


class ModelList(BaseModel):
    """The versions that are served here."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    default: str
    """Answers where a request names none."""
    models: list[ModelSummary]
    """All of them, the default first."""
