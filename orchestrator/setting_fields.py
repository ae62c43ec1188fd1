"""The fields of settings that are JSON objects, with errors that name them."""

import re
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from orchestrator.errors import ConfigurationError


class SettingFields:
    """The fields of an object, each of which is taken once.

    Args:
        name: What the object is, for messages.
        value: The object.

    Raises:
        ConfigurationError: The value is not an object. Methods raise it if a field is missing or invalid.
    """

    def __init__(self, name: str, value: object) -> None:
        self._name = name
        if not isinstance(value, dict):
            raise self.error("is not an object with fields")
        self._left: dict[str, Any] = dict(value)

    def error(self, problem: str) -> ConfigurationError:
        """Return the error to raise for a problem of this object."""
        return ConfigurationError(f"{self._name} {problem}")

    def has(self, name: str) -> bool:
        """Return whether a field is left."""
        return self._left.get(name) is not None

    def nested(self, name: str) -> "SettingFields":
        """Take a field that is an object."""
        return SettingFields(f"{self._name}: {name}", self._left.pop(name))

    def take(self, name: str, kind: type, default: Any = None) -> Any:
        """Take an optional field of a type."""
        value = self._left.pop(name, None)
        if value is None:
            return default
        if type(value) is not kind:
            raise self.error(f"has an invalid {name!r}: {value!r}")
        return value

    def number(self, name: str, default: float) -> float:
        """Take an optional number."""
        value = self._left.pop(name, None)
        if value is None:
            return default
        if type(value) not in (int, float):
            raise self.error(f"has an invalid {name!r}: {value!r}")
        return float(value)

    def text(self, name: str, pattern: str, default: Any = None) -> Any:
        """Take an optional string that matches a regular expression as a whole."""
        value = self.take(name, str, default)
        if value is not None and not re.fullmatch(pattern, value):
            raise self.error(f"has an invalid {name!r}: {value!r}")
        return value

    def required(self, name: str, pattern: str) -> str:
        """Take a string that matches a regular expression as a whole."""
        value: str | None = self.text(name, pattern)
        if value is None:
            raise self.error(f"has no {name!r}")
        return value

    def choice(self, name: str, *values: str, default: str | None = None) -> str:
        """Take one of some strings."""
        value = self.take(name, str, default)
        if value not in values:
            raise self.error(f"has the {name!r} {value!r}, not one of: {', '.join(values)}")
        return str(value)

    def expression(self, name: str) -> str | None:
        """Take an optional JMESPath expression."""
        text: str | None = self.take(name, str)
        if text is not None:
            try:
                jmespath.compile(text)
            except JMESPathError as error:
                raise self.error(f"has an invalid {name!r}: {' '.join(str(error).split())}") from None
        return text

    def expression_or_texts(self, name: str) -> str | tuple[str, ...] | None:
        """Take an optional list of strings, or an expression for one."""
        value = self._left.get(name)
        if not isinstance(value, list):
            return self.expression(name)
        if not value or not all(isinstance(text, str) for text in value):
            raise self.error(f"has an invalid {name!r}: {value!r}")
        return tuple(self._left.pop(name))

    def require_none_left(self) -> None:
        """Check that every field was taken.

        Raises:
            ConfigurationError: A field is unknown, or does not fit the others.
        """
        if self._left:
            raise self.error(f"has unknown fields: {', '.join(sorted(map(str, self._left)))}")
