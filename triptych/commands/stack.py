"""`triptych up` and `triptych down`: start and stop the local stack."""

from typing import Annotated

import typer
from rich.console import Console

from converter.libreoffice import find_libreoffice
from triptych import stack

_NO_LIBREOFFICE = (
    "LibreOffice is not installed, so office documents are rejected. On Debian or Ubuntu: "
    "sudo apt-get install --no-install-recommends libreoffice-writer libreoffice-calc libreoffice-impress"
)


def up_command(
    ingest: Annotated[
        stack.Ingest | None,
        typer.Option(
            help="How uploads reach the orchestrator: directly, or through a queue that absorbs bursts.",
            show_default="unchanged, or direct",
        ),
    ] = None,
    office_formats: Annotated[
        stack.OfficeFormats | None,
        typer.Option(
            help="Whether a fourth service converts office documents, mail and archives.",
            show_default="convert if LibreOffice is installed",
        ),
    ] = None,
    hosting: Annotated[
        stack.Hosting | None,
        typer.Option(
            help="Where the versions run: a service for each, one for all, or Lambda functions.",
            show_default="unchanged, or fargate",
        ),
    ] = None,
    transfer: Annotated[
        stack.Transfer | None,
        typer.Option(
            help="What a request to a service contains: the document, or its address in the inbox.",
            show_default="unchanged, or content",
        ),
    ] = None,
    results: Annotated[
        stack.ResultsMode | None,
        typer.Option(
            help="Whether each change of a record becomes an event on the event bus.", show_default="unchanged, or none"
        ),
    ] = None,
) -> None:
    """Start the local stack: template.yaml on an emulator, the three model services, and the converter.

    The stack keeps its documents and records when it is updated, stopped or killed. Its files are in .triptych, or in
    the folder that the environment variable TRIPTYCH_HOME names: a second folder is a second stack.
    """
    console = Console(stderr=True)
    has_libreoffice = find_libreoffice() is not None
    chosen = office_formats or ("convert" if has_libreoffice else "none")
    running = stack.start_stack(
        console=console, ingest=ingest, office_formats=chosen, results=results, hosting=hosting, transfer=transfer
    )
    if not has_libreoffice:
        console.print(_NO_LIBREOFFICE, highlight=False, soft_wrap=True)
    console.print(f"The local stack is running at {running.endpoint_url}. Logs: {running.logs}", highlight=False)
    console.print('For the AWS CLI and SDKs: eval "$(triptych env)"', highlight=False, markup=False)


def down_command(
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete the documents, records, labels and policies as well.")
    ] = False,
) -> None:
    """Stop the local stack and all of its processes.

    The next `triptych up` continues with its documents, records, labels and policies, unless you pass --forget.
    """
    console = Console(stderr=True)
    stopped = stack.stop_stack(console=console, forget=forget)
    console.print("The local stack is stopped." if stopped else "No local stack is running.", highlight=False)
    if forget:
        console.print("Its documents and records are deleted.", highlight=False)
