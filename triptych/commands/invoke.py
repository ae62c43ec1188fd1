"""`triptych invoke`: send a document to one version at any endpoint, as the orchestrator does."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from records.outcomes import ModelFailure, Prediction
from triptych.commands.options import JsonOption
from triptych.errors import TriptychError, UsageError
from triptych.terminal.text import printable, to_json


def invoke_command(
    version: Annotated[str, typer.Argument(help="Model version, such as v2.")],
    path: Annotated[Path, typer.Argument(help="The document.", metavar="FILE")],
    url: Annotated[
        str | None, typer.Option(help="Base URL of a model service, to which /predict is added.", show_default=False)
    ] = None,
    function: Annotated[
        str | None, typer.Option(help="Lambda function: an ARN, or a name and alias.", show_default=False)
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="SageMaker endpoint.", show_default=False)] = None,
    variant: Annotated[
        str | None,
        typer.Option(help="With --endpoint: production variant.", show_default="the endpoint's distribution"),
    ] = None,
    setting: Annotated[
        str | None,
        typer.Option(help="Endpoint as in MODEL_ENDPOINTS, as JSON; for authentication, for example.", metavar="JSON"),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Maximum seconds to wait for the prediction.")] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Send a document to a model version at any endpoint, and print its prediction.

    The call is the orchestrator's: same request, retries and validation of the response (docs/endpoints.md). Nothing is
    recorded. Exits with 1 if there is no valid prediction.
    """
    value = _endpoint_value(url, function, endpoint, variant, setting)
    try:
        document = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    outcome = call_version(version, value, document, timeout)
    if isinstance(outcome, ModelFailure):
        raise TriptychError(f"{version} returned no prediction ({outcome.kind}): {outcome.detail}")
    if as_json:
        typer.echo(to_json(asdict(outcome)))
    else:
        Console().print(_prediction_table(version, outcome))


def _endpoint_value(
    url: str | None, function: str | None, endpoint: str | None, variant: str | None, setting: str | None
) -> Any:
    """Return the value of MODEL_ENDPOINTS that the options describe."""
    if sum(option is not None for option in (url, function, endpoint, setting)) != 1:
        raise UsageError("Give one of --url, --function, --endpoint and --setting.")
    if variant and not endpoint:
        raise UsageError("--variant requires --endpoint.")
    if function:
        return {"type": "lambda", "function": function}
    if endpoint:
        return {"type": "sagemaker", "endpoint": endpoint, **({"variant": variant} if variant else {})}
    if url:
        return url
    try:
        return json.loads(setting or "")
    except ValueError as error:
        raise UsageError(f"--setting is not JSON: {error}") from error


def call_version(version: str, endpoint: Any, document: bytes, seconds: float) -> Prediction | ModelFailure:
    """Call a version as the orchestrator does.

    Args:
        version: The version.
        endpoint: Its value in MODEL_ENDPOINTS.
        document: Content of the document.
        seconds: Time until the outcome is a timeout.

    Raises:
        UsageError: The endpoint is invalid.
    """
    from orchestrator.endpoint_settings import parse_endpoints
    from orchestrator.errors import ConfigurationError
    from orchestrator.models import ModelClient  # creates clients of AWS

    try:
        client = ModelClient(parse_endpoints(json.dumps({version: endpoint})), time.monotonic)
    except ConfigurationError as error:
        raise UsageError(str(error)) from error
    return client.predict(document, versions=[version], deadline=time.monotonic() + seconds)[version]


def _prediction_table(version: str, prediction: Prediction) -> Table:
    table = Table(show_header=False, box=None)
    abstained = " (abstained)" if prediction.abstained else ""
    table.add_row(version, printable(f"{prediction.label} {prediction.confidence:.1%}{abstained}"))
    table.add_row("pages", str(prediction.pages))
    table.add_row("latency", f"{prediction.latency_ms:.0f} ms")
    table.add_row("weights", printable(prediction.model_sha256[:16]))
    return table
