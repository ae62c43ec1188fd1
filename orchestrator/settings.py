"""Settings of the function, read from its environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.endpoint_settings import parse_endpoints
from orchestrator.endpoints import Endpoint
from orchestrator.errors import ConfigurationError


@dataclass(frozen=True)
class OrchestratorSettings:
    """Settings of the function; template.yaml sets the environment variables."""

    table_name: str
    """TABLE_NAME: name of the table of records."""
    endpoints: Mapping[str, Endpoint]
    """MODEL_ENDPOINTS: endpoint of each version as JSON, such as {"v1": "http://…/v1", …}; see `endpoint_settings`.
    OTHER_MODEL_ENDPOINTS: the same, for versions that are elsewhere, instead of the endpoints above or in addition."""
    converter_url: str | None = None
    """CONVERTER_ENDPOINT: base URL of the converter; None if the stack has none."""
    deadline_s: float = 3.0
    """DEADLINE_MS: budget of one document, from the handler's start to the written record."""
    patient_s: float = 27.0
    """PATIENT_MS: budget of an attempt at a document that timed out twice. Longer than the services decode (20 s), and
    shorter than they and the load balancer wait (30 s)."""
    write_reserve_s: float = 0.3
    """WRITE_RESERVE_MS: part of the budget that model calls leave for the write."""
    max_bytes: int = 20 * 1024 * 1024
    """MAX_DOCUMENT_BYTES: larger objects are rejected without being read."""
    policy_max_age: timedelta = timedelta(minutes=1)
    """POLICY_SECONDS: age from which a cached policy is read again."""

    keep_records: timedelta | None = None
    """RECORD_DAYS: days after its last write after which a record without a label expires; 0 for never."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "OrchestratorSettings":
        """Read the settings.

        Raises:
            ConfigurationError: A variable is missing or invalid; the message names it.
        """
        table_name = environment.get("TABLE_NAME", "")
        if not table_name:
            raise ConfigurationError("TABLE_NAME is not set")
        settings = cls(
            table_name=table_name,
            endpoints=_endpoints(environment),
            converter_url=_parse_url(environment, "CONVERTER_ENDPOINT"),
            deadline_s=_positive_integer(environment, "DEADLINE_MS", 3000) / 1000,
            patient_s=_positive_integer(environment, "PATIENT_MS", 27_000) / 1000,
            write_reserve_s=_positive_integer(environment, "WRITE_RESERVE_MS", 300) / 1000,
            max_bytes=_positive_integer(environment, "MAX_DOCUMENT_BYTES", 20 * 1024 * 1024),
            policy_max_age=timedelta(seconds=_positive_integer(environment, "POLICY_SECONDS", 60)),
            keep_records=_parse_days(environment, "RECORD_DAYS"),
        )
        if settings.write_reserve_s >= settings.deadline_s:
            raise ConfigurationError("WRITE_RESERVE_MS must be less than DEADLINE_MS")
        return settings


def _endpoints(environment: Mapping[str, str]) -> dict[str, Endpoint]:
    """Return the endpoint of each version, sorted by version."""
    endpoints = parse_endpoints(environment.get("MODEL_ENDPOINTS", ""))
    if other := environment.get("OTHER_MODEL_ENDPOINTS"):
        endpoints |= parse_endpoints(other, "OTHER_MODEL_ENDPOINTS")
    return dict(sorted(endpoints.items()))


def _parse_url(environment: Mapping[str, str], name: str) -> str | None:
    url = environment.get(name, "")
    if url and not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"{name} is not an http(s) URL")
    return url.rstrip("/") or None


def _parse_days(environment: Mapping[str, str], name: str) -> timedelta | None:
    if environment.get(name, "0") == "0":
        return None
    return timedelta(days=_positive_integer(environment, name, 1))


def _positive_integer(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ConfigurationError(f"{name} must be a positive whole number, not {text!r}")
    return int(text)
