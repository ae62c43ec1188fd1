"""Responses that describe the service, as published in OpenAPI."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from model_service.manifest import Manifest


class ModelSummary(BaseModel):
    """A served version."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    version: str
    """Name of the version."""
    architecture: str
    """Architecture of its network."""
    labels: list[str]
    """Labels that it predicts."""
    sha256: str
    """Hash of its graph and weights."""
    date: str
    """Day of its export."""

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Create the summary of a manifest."""
        return cls(
            version=manifest.version,
            architecture=manifest.architecture,
            labels=list(manifest.labels),
            sha256=manifest.sha256,
            date=manifest.date,
        )


class ModelList(BaseModel):
    """The served versions."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    default: str
    """The version that responds if a request names none."""
    models: list[ModelSummary]
    """All versions, the default first."""
