"""`triptych promote` and `triptych policy`: change and show how predictions are combined into verdicts."""

import getpass
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
from triptych.errors import UsageError
from triptych.review.promotion import PolicyChange, Promotions, parse_share, parse_weights
from triptych.review.reviews import Reviews
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results
from triptych.terminal.text import printable, to_json


def promote_command(
    to: Annotated[
        str,
        typer.Argument(
            help="Version to promote: it then decides alone. Or an earlier policy to restore, such as p1.",
            show_default=False,
        ),
    ] = "",
    weights: Annotated[
        str,
        typer.Option(
            help="Let several versions decide: v1=1,v2=1,v3=2. Versions left out have no vote.", show_default=False
        ),
    ] = "",
    audit_share: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Share of automated verdicts to put into the audit sample.", show_default="unchanged"
        ),
    ] = None,
    doubt_below: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Confidence below which a verdict needs review.", show_default="unchanged"),
    ] = None,
    at_most_wrong: Annotated[
        str,
        typer.Option(
            help="Promise that at most this share of the automated verdicts (those without review) is wrong, such as "
            "1%. The audits must certify a threshold of doubt that keeps it, which then applies.",
            show_default=False,
        ),
    ] = "",
    why: Annotated[str, typer.Option(help="Reason, kept in the history. Required.", show_default=False)] = "",
    by: ByOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Promote a version, or change the weights: write a new policy for the verdicts.

    All versions keep predicting, so that each can be compared and promoted again. To undo a promotion, restore the
    policy before it.
    """
    author = getpass.getuser() if by is None else by
    if not author.strip() or not why.strip():
        raise UsageError("--by and --why must not be empty: both are kept in the history of policies.")
    if at_most_wrong and (to or weights or doubt_below is not None):
        raise UsageError("--at-most-wrong chooses the threshold for the current weights: change only one of them.")
    promise = parse_share(at_most_wrong) if at_most_wrong else None
    conn = connection.connect(stack)
    if promise is not None:
        doubt_below = _certified_threshold(promise, conn)
    change = PolicyChange(to, parse_weights(weights) if weights else None, audit_share, doubt_below, promise)
    policy = _promotions(conn).promote(change, by=author, why=why)
    if as_json:
        typer.echo(to_json(policy.as_dict(), indent=2))
    else:
        typer.echo(f"{policy.id} takes effect within a minute: {describe_policy(policy)}.")
        if policy.champion:
            typer.echo(_evidence_for(policy.champion, conn))


def policy_command(
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of policies, newest first.")] = 20,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Show the active policy and the ones before it."""
    history = _promotions(connection.connect(stack)).history(limit)
    if as_json:
        typer.echo(to_json([policy.as_dict() for policy in history], indent=2))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Policy", "Votes", "Doubt below", "Promise", "Audit sample", "Since", "By", "Reason"):
        table.add_column(heading)
    for number, policy in enumerate(history):
        since = policy.at.astimezone().strftime("%Y-%m-%d %H:%M") if policy.at else ""
        promise = f"at most {100 * policy.at_most_wrong:.3g} % wrong" if policy.at_most_wrong else ""
        shares = f"{policy.doubt_below:g}", promise, f"{policy.audit_share:.0%}"
        cells = [policy.id, describe_votes(policy), *shares, since, policy.by, policy.why]
        table.add_row(*(Text(printable(cell)) for cell in cells), style="bold" if number == 0 else "dim")
    Console().print(table)


def _evidence_for(champion: str, conn: StackConnection) -> str:
    """Return what the labels say about a promoted version, in case the user has not looked at the report."""
    from evidence.advice import summarize_version
    from triptych.review import reports  # imports SciPy, which takes a third of a second

    with translate_aws_errors():
        report = reports.build_report(Results(conn.table), Reviews(conn.table), PolicyTable(conn.table))
    summary = summarize_version(champion, report.pairs)
    return f"Evidence for {champion}: {summary}" if summary else f"There is no version to compare {champion} with yet."


def _certified_threshold(target: float, conn: StackConnection) -> float:
    """Return the lowest threshold of doubt that keeps a promise.

    Raises:
        UsageError: The audits do not certify any.
    """
    from triptych.review import reports  # imports SciPy, which takes a third of a second

    with translate_aws_errors():
        report = reports.build_report(Results(conn.table), Reviews(conn.table), PolicyTable(conn.table), target=target)
    if report.risk.threshold is None or report.risk.alarm:
        raise UsageError(f"{report.risk.sentence} The policy was not changed.")
    return report.risk.threshold


def describe_votes(policy: Policy) -> str:
    """Describe the weights of a policy in a few words."""
    voting = {version: weight for version, weight in sorted(policy.weights.items()) if weight}
    if not voting:
        return "all versions equally"
    if len(voting) == 1:
        return f"{next(iter(voting))} alone"
    listed = ", ".join(f"{version}={weight:g}" for version, weight in voting.items())
    return listed + (f" (champion {policy.champion})" if policy.champion else "")


def describe_policy(policy: Policy) -> str:
    """Describe a policy in half a sentence."""
    promise = (
        f", so that at most {100 * policy.at_most_wrong:.3g} % of the others are wrong" if policy.at_most_wrong else ""
    )
    return printable(
        f"{describe_votes(policy)}; verdicts below a confidence of {policy.doubt_below:g} are reviewed{promise}; "
        f"{policy.audit_share:.0%} of the others are audited"
    )


def _promotions(conn: StackConnection) -> Promotions:
    return Promotions(PolicyTable(conn.table), Results(conn.table))
