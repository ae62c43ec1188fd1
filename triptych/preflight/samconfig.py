"""Read an environment of samconfig.toml, so that the preflight inspects what `sam deploy` would do."""

import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triptych.errors import UsageError

_LONG_FORM = re.compile(r"ParameterKey=(?P<name>[^,]+),ParameterValue=(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True)
class SamEnvironment:
    """The settings of an environment of samconfig.toml.

    Attributes:
        stack: Name of the stack, if given.
        region: The region, if given.
        profile: The profile of the AWS configuration, if given.
        parameters: Parameters of the template.
    """

    stack: str | None = None
    region: str | None = None
    profile: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_environment(path: Path, name: str) -> SamEnvironment:
    """Return an environment of a samconfig.toml.

    Raises:
        UsageError: The file cannot be read, or has no such environment.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"Cannot read {path}: {error}.") from None
    environments = sorted(key for key, value in content.items() if isinstance(value, dict))
    if name not in environments:
        raise UsageError(f"{path} has no environment {name!r}; it has {', '.join(environments) or 'none'}.")
    settings = _settings(content[name])
    return SamEnvironment(
        settings.get("stack_name"),
        settings.get("region"),
        settings.get("profile"),
        parse_overrides(settings.get("parameter_overrides", [])),
    )


def _settings(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of `sam deploy`: those of all commands, replaced by its own."""
    merged: dict[str, Any] = {}
    for command in ("global", "deploy"):
        merged |= environment.get(command, {}).get("parameters", {})
    return merged


def parse_overrides(overrides: str | Iterable[str]) -> dict[str, str]:
    """Return parameters in the forms that `sam deploy --parameter-overrides` accepts.

    Args:
        overrides: One text with `Name=Value` pairs, or a list of them.

    Raises:
        UsageError: A part is not a pair.
    """
    parts = shlex.split(overrides) if isinstance(overrides, str) else [str(part) for part in overrides]
    pairs: dict[str, str] = {}
    for part in parts:
        long = _LONG_FORM.fullmatch(part)
        name, separator, value = (long["name"], "=", long["value"]) if long else part.partition("=")
        if not separator or not name:
            raise UsageError(f"Invalid parameter {part!r}: use Name=Value.")
        pairs[name] = _unquoted(value)
    return pairs


def _unquoted(value: str) -> str:
    """Return a value without the quotes and escapes that `sam deploy` removes."""
    return value.removeprefix('"').removesuffix('"').replace('\\"', '"')
