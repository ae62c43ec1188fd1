"""Settings of the converter: environment variables of the same names in upper case, validated at start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from converter.conversion import ConversionLimits
from model_service.cpus import available_cpus
from model_service.settings import SettingsError

_LIMITS: Final = ConversionLimits()


class ConverterSettings(BaseModel):
    """The settings of a converter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    libreoffice_dir: Path | None = None
    """Folder of LibreOffice's libraries. By default the usual ones are searched."""
    host: str = "127.0.0.1"
    """Address to listen on. The default accepts local connections only; the container sets 0.0.0.0."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """TCP port. With 0 the system chooses a free one, and the log names it."""
    max_bytes: Annotated[int, Field(ge=1)] = _LIMITS.max_bytes
    """Maximum size of a document in bytes."""
    max_pages: Annotated[int, Field(ge=1, le=100)] = _LIMITS.max_pages
    """Maximum number of pages converted from the front of a document."""
    max_convert_seconds: Annotated[float, Field(gt=0)] = _LIMITS.max_seconds
    """Maximum time that a process may work on a document."""
    max_members: Annotated[int, Field(ge=1, le=1000)] = _LIMITS.max_members
    """Maximum number of attachments or members that become documents."""
    max_output_bytes: Annotated[int, Field(ge=1)] = _LIMITS.max_output_bytes
    """Maximum size of the pages and all members together."""
    max_in_flight: Annotated[int, Field(ge=1)] = 16
    """Maximum number of conversions running and waiting. Further requests get 429 at once."""
    max_timeout_ms: Annotated[int, Field(ge=1)] = 30_000
    """Maximum duration of a request, upload included, and its duration without X-Timeout-Ms."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Documents converted at the same time, and processes that are kept ready. 0 means the CPU quota."""
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
    def limits(self) -> ConversionLimits:
        """Bounds on one conversion."""
        return ConversionLimits(
            max_bytes=self.max_bytes,
            max_pages=self.max_pages,
            max_seconds=self.max_convert_seconds,
            max_members=self.max_members,
            max_output_bytes=self.max_output_bytes,
        )

    @property
    def threads(self) -> int:
        """Documents converted at the same time."""
        return self.workers or available_cpus()
