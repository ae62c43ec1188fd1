"""Settings of a service: environment variables of the same names in upper case, validated at start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from decoding.limits import Limits
from model_service.cpus import available_cpus

_LIMITS: Final = Limits()


class SettingsError(ValueError):
    """One or more settings are invalid. The message names each of them."""


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class ServerSettings(BaseModel):
    """The settings that every service has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address to listen on. The default accepts local connections only; the container sets 0.0.0.0."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """TCP port. With 0 the system chooses a free one, and the log names it."""
    max_in_flight: Annotated[int, Field(ge=1)] = 16
    """Maximum number of requests running and waiting. Further requests get 429 at once."""
    max_timeout_ms: Annotated[int, Field(ge=1)] = 30_000
    """Maximum duration of a request, upload included, and its duration without X-Timeout-Ms."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Documents processed in parallel, each on one CPU. 0 means the CPU quota."""
    drain_seconds: Annotated[float, Field(ge=0)] = 0.5
    """How long to accept requests after SIGTERM, while /health/ready responds 503."""
    stop_seconds: Annotated[int, Field(ge=1)] = 25
    """How long to complete requests in flight after draining. Must be below the container's stop timeout."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Lowest level that is logged."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the settings from environment variables. An empty variable counts as not set.

        Raises:
            SettingsError: Naming every variable with an invalid value.
        """
        given = {name: value for name in cls.model_fields if (value := environment.get(name.upper(), ""))}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            messages = (f"{str(detail['loc'][0]).upper()}: {detail['msg']}" for detail in error.errors())
            raise SettingsError("; ".join(messages)) from None

    @property
    def threads(self) -> int:
        """Documents processed in parallel."""
        return self.workers or available_cpus()


class ServiceSettings(ServerSettings):
    """The settings of a model service."""

    models_dir: Path = Path(__file__).parent.parent / "models"
    """Folder with one folder for each model version."""
    models: Annotated[tuple[str, ...], BeforeValidator(_split), Field(min_length=1)] = ("v1",)
    """Versions to serve, separated by commas. The first is the default version."""
    max_bytes: Annotated[int, Field(ge=1)] = _LIMITS.max_bytes
    """Maximum size of a document in bytes."""
    max_pixels: Annotated[int, Field(ge=1)] = _LIMITS.max_pixels
    """Maximum number of pixels of a page or embedded image."""
    max_pages: Annotated[int, Field(ge=1, le=100)] = _LIMITS.max_pages
    """Maximum number of pages read from the front of a document."""
    max_further_seconds: Annotated[float, Field(ge=0)] = 1.5
    """Seconds after which no further page of a long document is begun. The first eight pages are always read."""
    max_decode_seconds: Annotated[float, Field(gt=0)] = _LIMITS.max_seconds
    """Maximum time that a decoder process may work on a document."""
    object_buckets: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    """Buckets, separated by commas, whose objects are read if a request contains an address. None by default."""
    orient_pages: bool = True
    """Whether pages that lie on their side or upside down are turned before they are classified."""
    max_slow: Annotated[int, Field(ge=0, le=64)] = 4
    """Documents that take long to decode and make way for others, each in one more decoder process. 0 turns it off."""

    @property
    def ahead(self) -> int:
        """Further documents that are begun before a CPU is free for them.

        A document passes through several threads and a decoder process. Without a further document, two CPUs waited at
        these passages for 14 to 17 % of the time at full load. A single CPU did not wait.
        """
        return self.threads // 2

    @property
    def places(self) -> int:
        """Documents processed at the same time."""
        return self.threads + self.ahead

    @property
    def limits(self) -> Limits:
        """Bounds on one document."""
        return Limits(
            max_bytes=self.max_bytes,
            max_pixels=self.max_pixels,
            max_pages=self.max_pages,
            further_seconds=self.max_further_seconds,
            max_seconds=self.max_decode_seconds,
        )
