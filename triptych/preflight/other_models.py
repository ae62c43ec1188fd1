"""The check of versions that are called elsewhere."""

from orchestrator.endpoint_settings import parse_endpoints
from orchestrator.errors import ConfigurationError
from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings


def find_other_models(deployment: Deployment) -> Findings:
    """Yield why the orchestrator would not start, or not use the endpoints of versions elsewhere."""
    setting, revision = deployment["OtherModelEndpoints"], deployment["OtherModelRevision"]
    earlier = deployment.earlier("OtherModelEndpoints")
    if setting:
        try:
            parse_endpoints(setting, "OtherModelEndpoints")
        except ConfigurationError as error:
            yield Finding(
                f"The new version of the orchestrator would not start: {error}.",
                "Correct OtherModelEndpoints (docs/endpoints.md).",
            )
    if earlier is not None and earlier != setting and deployment.earlier("OtherModelRevision") == revision:
        yield Finding(
            "OtherModelEndpoints changes, but OtherModelRevision does not: no new version of the orchestrator would be "
            "published.",
            f"Increase OtherModelRevision, which is {revision}.",
        )
