"""`triptych preflight`: find what would make a deployment fail, with calls that only read."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import boto3
import typer
from rich.console import Console
from rich.text import Text

from triptych.commands.options import JsonOption
from triptych.commands.shared import translate_aws_errors
from triptych.errors import UsageError
from triptych.preflight.clients import PreflightClients
from triptych.preflight.deployment import Deployment, describe_stack
from triptych.preflight.findings import Severity
from triptych.preflight.inspection import Inspection, inspect_deployment
from triptych.preflight.samconfig import SamEnvironment, parse_overrides, read_environment
from triptych.terminal.text import printable, to_json

_STYLES = {Severity.PROBLEM: "red", Severity.WARNING: "yellow", Severity.UNCHECKED: "magenta"}


def preflight_command(
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = "default",
    config_file: Annotated[Path, typer.Option(help="The samconfig.toml.")] = Path("samconfig.toml"),
    stack_name: Annotated[str | None, typer.Option(help="Name of the stack.", show_default="the environment's")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.", show_default="the environment's")] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="Parameter of the template, as in Network=public; overrides the environment. Repeatable."),
    ] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Address of an emulator.", hidden=True)] = None,
    as_json: JsonOption = False,
) -> None:
    """Find what would make `sam deploy` fail, before anything is created. Only reads.

    Takes stack, region and parameters from samconfig.toml, as `sam deploy` does. Exit code 0: nothing would fail; 1: a
    problem was found, or something could not be checked. Warnings do not count.
    """
    environment = read_environment(config_file, config_env)
    inspection = _inspect(environment, stack_name, region, parse_overrides(parameter or []), endpoint_url)
    if as_json:
        typer.echo(to_json(inspection.as_dict(), indent=2))
    else:
        _print(inspection)
    if not inspection.is_clear:
        raise typer.Exit(1)


def _inspect(
    environment: SamEnvironment,
    stack_name: str | None,
    region: str | None,
    overrides: dict[str, str],
    endpoint_url: str | None,
) -> Inspection:
    stack = stack_name or environment.stack
    if not stack:
        raise UsageError("The environment names no stack: use --stack-name.")
    with translate_aws_errors():
        session = boto3.Session(region_name=region or environment.region, profile_name=environment.profile)
        if not session.region_name:
            raise UsageError("The environment names no region: use --region.")
        clients = PreflightClients(session, endpoint_url)
        deployment = Deployment(
            stack,
            session.region_name,
            clients.sts.get_caller_identity()["Account"],
            session.get_partition_for_region(session.region_name),
            {**environment.parameters, **overrides},
            describe_stack(clients.cloudformation, stack),
        )
        return inspect_deployment(clients, deployment, datetime.now(UTC))


def _print(inspection: Inspection) -> None:
    console = Console(highlight=False, soft_wrap=True)
    deployment = inspection.deployment
    console.print(
        f"Stack {printable(deployment.stack)} in {deployment.region}, account {deployment.account}", style="bold"
    )
    for each in inspection.found:
        finding = each.finding
        line = Text.assemble(
            (f"{finding.severity.value}: ", _STYLES[finding.severity]), printable(finding.sentence), "\n"
        )
        line.append(f"  → {printable(finding.remedy)}", style="dim")
        console.print(line)
    if inspection.is_clear:
        console.print("Nothing would make the deployment fail.", style="green")
