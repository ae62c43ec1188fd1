"""`triptych promote` and `triptych policy`: whose answers make the verdict, and who decided that."""

import getpass
import json
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from records.policy import Policy
from records.table import PolicyTable
from triptych.commands.options import ByOption, JsonOption, StackOption
from triptych.commands.shared import translate_aws_errors
from triptych.review.promotion import PolicyChange, Promotions, parse_weights
from triptych.review.reviews import Reviews
from triptych.storage import connection
from triptych.storage.results import Results


def promote(
    to: Annotated[
        str, typer.Argument(help="A version, which then decides alone; or an earlier policy (p1 …), to go back to it.")
    ] = "",
    weights: Annotated[
        str, typer.Option(help="Let several decide: v1=1,v2=1,v3=2. What is not named has no vote.")
    ] = "",
    audit_share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of unquestioned verdicts that a person is shown.")
    ] = None,
    why: Annotated[str, typer.Option(help="The reason, for whoever reads the history.", show_default=False)] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Change whose answers make the verdict. All versions go on answering, and can be promoted again."""
    wish = PolicyChange(to, parse_weights(weights) if weights else None, audit_share)
    found = connection.connect(stack)
    made = _promotions(found).promote(wish, by=by or getpass.getuser(), why=why)
    if as_json:
        typer.echo(json.dumps(made.as_dict(), indent=2, ensure_ascii=False))
    else:
        typer.echo(f"{made.id} holds within a minute: {describe(made)}.")
        if made.champion:
            typer.echo(_evidence(made.champion, found))


def policy(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 20,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Show the policy that holds, and those that held before it."""
    history = _promotions(connection.connect(stack)).history(limit)
    if as_json:
        typer.echo(json.dumps([made.as_dict() for made in history], indent=2, ensure_ascii=False))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "Decides", "Audits", "When", "Who", "Why"):
        table.add_column(name)
    for number, made in enumerate(history):
        when = made.at.astimezone().strftime("%Y-%m-%d %H:%M") if made.at else ""
        cells = [made.id, voters(made), f"{made.audit_share:.0%}", when, made.by, made.why]
        table.add_row(*map(Text, cells), style="bold" if number == 0 else "dim")
    Console().print(table)


def _evidence(champion: str, stack: connection.StackConnection) -> str:
    """What the labels say of who was promoted: for whoever did it before looking, or on a hunch."""
    from evidence.advice import about
    from triptych.review import reports  # brings scipy, which no other line here needs

    with translate_aws_errors():
        found = reports.build_report(Results(stack.table), Reviews(stack.table), PolicyTable(stack.table))
    said = about(champion, found.pairs)
    return f"What the labels say of {champion}: {said}" if said else f"There is nothing to compare {champion} with yet."


def voters(made: Policy) -> str:
    """Whose answers count, in a few words."""
    voting = {version: weight for version, weight in sorted(made.weights.items()) if weight}
    if not voting:
        return "all alike"
    if len(voting) == 1:
        return f"{next(iter(voting))} alone"
    counted = ", ".join(f"{version}={weight:g}" for version, weight in voting.items())
    return counted + (f" (champion {made.champion})" if made.champion else "")


def describe(made: Policy) -> str:
    """The policy in half a sentence."""
    return f"{voters(made)}; {made.audit_share:.0%} of what nothing speaks against is audited"


def _promotions(stack: connection.StackConnection) -> Promotions:
    return Promotions(PolicyTable(stack.table), Results(stack.table))
