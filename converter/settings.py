"""Settings of the converter: environment variables of the same names in upper case, validated at start."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from converter.conversion import ConversionLimits
from model_service.settings import ServerSettings

_LIMITS: Final = ConversionLimits()


class ConverterSettings(ServerSettings):
    """The settings of a converter. It keeps as many processes ready as it converts documents at the same time."""

    libreoffice_dir: Path | None = None
    """Folder of LibreOffice's libraries. By default the usual ones are searched."""
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
