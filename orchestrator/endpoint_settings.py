"""Read the settings MODEL_ENDPOINTS and OTHER_MODEL_ENDPOINTS: where each version is called.

A value is the base URL of a service, or an object with a type:

    {"type": "http", "url": "https://…", "auth": "api-key", "secret": "arn:aws:secretsmanager:…"}
    {"type": "http", "url": "https://…", "auth": "sigv4", "service": "lambda"}
    {"type": "lambda", "function": "triptych-v2:live"}
    {"type": "sagemaker", "endpoint": "documents", "variant": "v3"}

docs/api.md describes all fields.
"""

import json
from urllib.parse import urlsplit

from orchestrator.answer_mapping import SCALES, AnswerMapping
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
from orchestrator.setting_fields import SettingFields

_ACCOUNT = r"arn:aws[a-z-]*:{service}:[a-z0-9-]+:\d{{12}}:"
_SECRET = f"{_ACCOUNT.format(service='secretsmanager')}secret:.+|{_ACCOUNT.format(service='ssm')}parameter/.+"
_FUNCTION = (
    rf"({_ACCOUNT.format(service='lambda')}function:)?[A-Za-z0-9_-]{{1,64}}(:(\$LATEST|[A-Za-z0-9_-]{{1,128}}))?"
)
_SAGEMAKER_NAME = r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}"
_HEADER = r"[A-Za-z0-9-]{1,100}"
_REGION = r"[a-z]{2}(-[a-z]+)+-\d"
_PATH = r"(/[A-Za-z0-9._~/-]*)?"
_PATH_AND_QUERY = r"(/[A-Za-z0-9._~/-]*)?(\?[A-Za-z0-9._~&=-]+)?"
_MEDIA_TYPE = r"[a-z]+/[a-z0-9.+-]+"
_URL = r"https?://[\x21-\x7e]+"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def parse_endpoints(text: str, setting: str = "MODEL_ENDPOINTS") -> dict[str, Endpoint]:
    """Return the endpoint of each version, sorted by version.

    Args:
        text: The setting.
        setting: Its name, for messages.

    Raises:
        ConfigurationError: The text is invalid; the message names the version and the field.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{setting} is not JSON: {error}") from None
    if not isinstance(values, dict) or not values:
        raise ConfigurationError(f'{setting} must map versions to endpoints, as in {{"v1": "http://…/v1"}}')
    return {version: _parse(_fields(f"{setting}: {version}", value)) for version, value in sorted(values.items())}


def _fields(name: str, value: object) -> SettingFields:
    """Return the fields of an endpoint. A string is short for the URL of a service."""
    return SettingFields(name, {"type": "http", "url": value} if isinstance(value, str) else value)


def _parse(fields: SettingFields) -> Endpoint:
    endpoint: Endpoint
    match fields.choice("type", "http", "lambda", "sagemaker"):
        case "http":
            endpoint = _http(fields)
        case "lambda":
            function = fields.required("function", _FUNCTION)
            region = function.split(":")[3] if function.startswith("arn:") else fields.text("region", _REGION)
            path = fields.text("path", _PATH, PREDICT_PATH)
            endpoint = LambdaEndpoint(function, region, path, _body(fields, MAX_EVENT_BYTES), _answer(fields))
        case _:
            endpoint = SageMakerEndpoint(
                fields.required("endpoint", _SAGEMAKER_NAME),
                fields.text("variant", _SAGEMAKER_NAME),
                fields.text("region", _REGION),
                _body(fields, MAX_SAGEMAKER_BYTES),
                _answer(fields),
            )
    fields.require_none_left()
    return endpoint


def _http(fields: SettingFields) -> HttpEndpoint:
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
    path = fields.text("path", _PATH_AND_QUERY, PREDICT_PATH)
    return HttpEndpoint(url, path, auth, _body(fields, max_bytes), _answer(fields))


def _body(fields: SettingFields, max_bytes: int | None) -> BodyFormat:
    """Return how the service receives documents, with a default for their maximum size."""
    limit = fields.take("max_bytes", int, max_bytes)
    if limit is not None and limit <= 0:
        raise fields.error(f"has an invalid 'max_bytes': {limit}")
    reads_objects = fields.take("reads_objects", bool, not fields.has("answer"))  # only model services read objects
    by_address = fields.take("by_address", bool, False)
    if by_address and not reads_objects:
        raise fields.error("has 'by_address', but it reads no objects: 'reads_objects' must be true")
    return BodyFormat(fields.text("content_type", _MEDIA_TYPE, DOCUMENT_TYPE), limit, reads_objects, by_address)


def _answer(fields: SettingFields) -> AnswerMapping | None:
    """Return how to read the answers of an endpoint that is not a model service."""
    if not fields.has("answer"):
        return None
    answer = fields.nested("answer")
    rename = answer.take("rename", dict, {})
    abstain_below = answer.number("abstain_below", 0.0)
    scores = answer.expression("scores")
    if scores is None:
        raise answer.error("has no 'scores'")
    if not all(isinstance(label, str) for label in rename.values()):
        raise answer.error(f"has an invalid 'rename': {rename!r}")
    if not 0 <= abstain_below <= 1:
        raise answer.error(f"has an invalid 'abstain_below': {abstain_below!r}")
    mapping = AnswerMapping(
        scores,
        labels=answer.expression_or_texts("labels"),
        scale=answer.choice("scale", *SCALES, default="probabilities"),
        rename=rename,
        label=answer.expression("label"),
        pages=answer.expression("pages"),
        model_sha256=answer.expression("model_sha256"),
        abstained=answer.expression("abstained"),
        abstain_below=abstain_below,
    )
    answer.require_none_left()
    return mapping
