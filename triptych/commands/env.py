"""`triptych env`: print the settings with which other programs reach a stack."""

import shlex

import typer

from triptych.commands.options import StackOption
from triptych.storage import connection
from triptych.storage.connection import StackConnection

_OTHER_IDENTITIES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")
"""Variables of the AWS CLI and SDKs that would select another identity than the access key below."""


def env_command(stack: StackOption = None) -> None:
    """Print shell commands that set the environment of other programs: eval "$(triptych env)".

    The AWS CLI, boto3 and other AWS clients then use the local stack. TRIPTYCH_BUCKET and TRIPTYCH_TABLE name its
    bucket and table. With --stack, only these two are printed, because your own credentials apply.
    """
    for line in shell_commands(connection.connect(stack)):
        typer.echo(line)


def shell_commands(conn: StackConnection) -> list[str]:
    """Return the commands for a POSIX shell."""
    names = {"TRIPTYCH_BUCKET": conn.bucket, "TRIPTYCH_TABLE": conn.table_name}
    if conn.endpoint_url is None:
        return _exports(names)
    credentials = conn.session.get_credentials()
    assert credentials is not None  # those of the emulator
    local = {
        "AWS_ENDPOINT_URL": conn.endpoint_url,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_REGION": conn.session.region_name,
        "AWS_DEFAULT_REGION": conn.session.region_name,
    }
    return [f"unset {' '.join(_OTHER_IDENTITIES)}", *_exports(local | names)]


def _exports(variables: dict[str, str]) -> list[str]:
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
