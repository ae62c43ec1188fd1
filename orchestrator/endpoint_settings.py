"""Read the setting MODEL_ENDPOINTS: where each version is called.

A value is the base URL of a service, or an object with a type:

    {"type": "http", "url": "https://…", "auth": "api-key", "secret": "arn:aws:secretsmanager:…"}
    {"type": "http", "url": "https://…", "auth": "sigv4", "service": "lambda"}
    {"type": "lambda", "function": "triptych-v2:live"}
    {"type": "sagemaker", "endpoint": "documents", "variant": "v3"}

docs/api.md describes all fields.
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from orchestrator.endpoints import (
    MAX_EVENT_BYTES,
    MAX_SAGEMAKER_BYTES,
    PREDICT_PATH,
    ApiKeySetting,
    Endpoint,
    HttpEndpoint,
    LambdaEndpoint,
    SageMakerEndpoint,
    SigV4Setting,
)
from orchestrator.errors import ConfigurationError
from orchestrator.request_body import DOCUMENT_TYPE, BodyFormat

_ACCOUNT = r"arn:aws[a-z-]*:{service}:[a-z0-9-]+:\d{{12}}:"
_SECRET = re.compile(
    f"{_ACCOUNT.format(service='secretsmanager')}secret:.+|{_ACCOUNT.format(service='ssm')}parameter/.+"
)
_FUNCTION = re.compile(
    rf"({_ACCOUNT.format(service='lambda')}function:)?[A-Za-z0-9_-]{{1,64}}(:(\$LATEST|[A-Za-z0-9_-]{{1,128}}))?"
)
_SAGEMAKER_NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_PATH = re.compile(r"(/[A-Za-z0-9._~/-]*)?")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_URL = re.compile(r"https?://[\x21-\x7e]+")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def parse_endpoints(text: str) -> dict[str, Endpoint]:
    """Return the endpoint of each version, sorted by version.

    Raises:
        ConfigurationError: The text is invalid; the message names the version and the field.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"MODEL_ENDPOINTS is not JSON: {error}") from None
    if not isinstance(values, dict) or not values:
        raise ConfigurationError('MODEL_ENDPOINTS must map versions to endpoints, as in {"v1": "http://…/v1"}')
    return {version: _parse(_Fields(version, value)) for version, value in sorted(values.items())}


class _Fields:
    """The fields of one endpoint, each of which is taken once.

    Args:
        version: The version, for messages.
        value: A value of MODEL_ENDPOINTS.
    """

    def __init__(self, version: str, value: object) -> None:
        self._version = version
        if isinstance(value, str):
            value = {"type": "http", "url": value}
        if not isinstance(value, dict):
            raise self.error("is neither a URL nor an object with a type")
        self._left: dict[str, Any] = dict(value)

    def error(self, problem: str) -> ConfigurationError:
        """Return the error to raise for a problem of this endpoint."""
        return ConfigurationError(f"MODEL_ENDPOINTS: {self._version} {problem}")

    def take(self, name: str, kind: type, default: Any = None) -> Any:
        """Take an optional field of a type."""
        value = self._left.pop(name, None)
        if value is None:
            return default
        if type(value) is not kind:
            raise self.error(f"has an invalid {name!r}: {value!r}")
        return value

    def text(self, name: str, pattern: re.Pattern[str], default: Any = None) -> Any:
        """Take an optional string that matches a pattern."""
        value = self.take(name, str, default)
        if value is not None and not pattern.fullmatch(value):
            raise self.error(f"has an invalid {name!r}: {value!r}")
        return value

    def required(self, name: str, pattern: re.Pattern[str]) -> str:
        """Take a string that matches a pattern."""
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

    def require_none_left(self) -> None:
        """Check that every field was taken.

        Raises:
            ConfigurationError: A field is unknown, or does not fit the others.
        """
        if self._left:
            raise self.error(f"has unknown fields: {', '.join(sorted(map(str, self._left)))}")


def _parse(fields: _Fields) -> Endpoint:
    endpoint: Endpoint
    match fields.choice("type", "http", "lambda", "sagemaker"):
        case "http":
            endpoint = _http(fields)
        case "lambda":
            function = fields.required("function", _FUNCTION)
            region = function.split(":")[3] if function.startswith("arn:") else fields.text("region", _REGION)
            path = fields.text("path", _PATH, PREDICT_PATH)
            endpoint = LambdaEndpoint(function, region, path, _body(fields, MAX_EVENT_BYTES))
        case _:
            endpoint = SageMakerEndpoint(
                fields.required("endpoint", _SAGEMAKER_NAME),
                fields.text("variant", _SAGEMAKER_NAME),
                fields.text("region", _REGION),
                _body(fields, MAX_SAGEMAKER_BYTES),
            )
    fields.require_none_left()
    return endpoint


def _http(fields: _Fields) -> HttpEndpoint:
    url = fields.required("url", _URL).rstrip("/")
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise fields.error("has a 'url' without a host, or with credentials, a query or a fragment")
    auth: ApiKeySetting | SigV4Setting | None = None
    max_bytes = None
    match fields.choice("auth", "none", "api-key", "sigv4", default="none"):
        case "api-key":
            auth = ApiKeySetting(fields.required("secret", _SECRET), fields.text("header", _HEADER, "x-api-key"))
        case "sigv4":
            service = fields.choice("service", "lambda", "execute-api")
            auth, max_bytes = SigV4Setting(service, fields.text("region", _REGION)), MAX_EVENT_BYTES
    if auth and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise fields.error("would send a key or a signature without TLS: its 'url' must begin with https")
    return HttpEndpoint(url, fields.text("path", _PATH, PREDICT_PATH), auth, _body(fields, max_bytes))


def _body(fields: _Fields, max_bytes: int | None) -> BodyFormat:
    """Return how the service receives documents, with a default for their maximum size."""
    limit = fields.take("max_bytes", int, max_bytes)
    if limit is not None and limit <= 0:
        raise fields.error(f"has an invalid 'max_bytes': {limit}")
    return BodyFormat(
        fields.text("content_type", _MEDIA_TYPE, DOCUMENT_TYPE), limit, fields.take("reads_objects", bool, True)
    )
