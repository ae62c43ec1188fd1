"""The service's settings: environment variables of the same names in capitals, validated once at start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from decoding.limits import Limits
from model_service.cpus import available_cpus

_LIMITS: Final = Limits()


class SettingsError(ValueError):
    """A setting has no usable value; the message names each."""


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class ServiceSettings(BaseModel):
    """Everything that can be set from outside."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models_dir: Path = Path(__file__).parent.parent / "models"
    """Folder with a folder for each model version."""
    models: Annotated[tuple[str, ...], BeforeValidator(_split), Field(min_length=1)] = ("v1",)
    """Versions to serve, separated by commas; the first is the one that answers where none is named."""
    host: str = "127.0.0.1"
    """Address to listen on. The container sets 0.0.0.0; elsewhere nobody else should reach the port."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """TCP port; 0 lets the system choose, and the log says which."""
    max_bytes: Annotated[int, Field(ge=1)] = _LIMITS.max_bytes
    """Largest document, in bytes."""
    max_pixels: Annotated[int, Field(ge=1)] = _LIMITS.max_pixels
    """Largest page or embedded image, in pixels."""
    max_pages: Annotated[int, Field(ge=1, le=100)] = _LIMITS.max_pages
    """Pages read from the front of a document."""
    max_decode_seconds: Annotated[float, Field(gt=0)] = _LIMITS.max_seconds
    """Longest time that a document may keep a decoder process busy."""
    max_in_flight: Annotated[int, Field(ge=1)] = 16
    """Predictions accepted at a time, running and waiting; further ones get 503 at once."""
    max_timeout_ms: Annotated[int, Field(ge=1)] = 30_000
    """How long a request may take, upload included, where X-Timeout-Ms is absent or asks for more."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Documents worked on at the same time, each on one CPU; 0 takes as many as the CPU quota grants."""
    drain_seconds: Annotated[float, Field(ge=0)] = 0.5
    """After SIGTERM, how long requests are still accepted while /health/ready already says no."""
    stop_seconds: Annotated[int, Field(ge=1)] = 25
    """After that, how long to wait for what is in hand; below the container's stop timeout."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level that is logged."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings; an empty variable counts as not set.

        Raises:
            SettingsError: Naming every variable that has no usable value.
        """
        given = {name: value for name in cls.model_fields if (value := environment.get(name.upper(), ""))}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            faults = (f"{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
            raise SettingsError("; ".join(faults)) from None

    @property
    def limits(self) -> Limits:
        """Bounds on one document."""
        return Limits(
            max_bytes=self.max_bytes,
            max_pixels=self.max_pixels,
            max_pages=self.max_pages,
            max_seconds=self.max_decode_seconds,
        )

    @property
    def threads(self) -> int:
        """Documents worked on at the same time."""
        return self.workers or available_cpus()
