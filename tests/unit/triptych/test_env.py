"""Protects: the output of `triptych env`, which shells evaluate."""

import subprocess
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from triptych.cli import app
from triptych.storage import connection
from triptych.storage.connection import StackConnection

LOCAL = "http://127.0.0.1:4566"


def environment_after(commands: str, **inherited: str) -> dict[str, str]:
    """Return the environment of a program that a shell starts after the commands."""
    script = 'eval "$COMMANDS"\nenv'
    done = subprocess.run(
        ["/bin/sh", "-ec", script],
        env={"PATH": "/usr/bin:/bin", "COMMANDS": commands, **inherited},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.partition("=") for line in done.stdout.splitlines()]
    return {name: value for name, _, value in lines if name.startswith(("AWS_", "TRIPTYCH_"))}


def printed_for(found: StackConnection, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr(connection, "connect", lambda _: found)
    done = CliRunner().invoke(app, ["env", *arguments])
    assert done.exit_code == 0
    return done.stdout


def test_shell_uses_the_local_stack(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = printed_for(replace(stack, endpoint_url=LOCAL), monkeypatch)
    assert environment_after(printed, AWS_PROFILE="work", AWS_SESSION_TOKEN="other") == {
        "AWS_ENDPOINT_URL": LOCAL,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TRIPTYCH_BUCKET": "inbox",
        "TRIPTYCH_TABLE": "records",
    }


def test_shell_keeps_the_credentials_for_a_stack_in_aws(
    stack: StackConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = printed_for(stack, monkeypatch, "--stack", "triptych-production")
    assert environment_after(printed, AWS_PROFILE="work") == {
        "AWS_PROFILE": "work",
        "TRIPTYCH_BUCKET": "inbox",
        "TRIPTYCH_TABLE": "records",
    }


def test_names_are_quoted_for_the_shell(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = printed_for(replace(stack, table_name="a b; $(exit 1) 'c'"), monkeypatch)
    assert environment_after(printed)["TRIPTYCH_TABLE"] == "a b; $(exit 1) 'c'"
