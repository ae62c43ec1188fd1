"""Protects: every command in the documentation exists, with the options that it names."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from testkit.template import ROOT
from tests.support.shell_commands import CLI_ONLY, AwsCall, commands_of, parse_aws, read_commands
from triptych.cli import app

PAGES = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_operation_of_aws_and_its_options_exist(page: Path) -> None:
    for words in commands_of(page, "aws"):
        if tuple(words[1:3]) not in CLI_ONLY:
            parse_aws(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_of_triptych_and_its_options_exist(page: Path) -> None:
    group: Any = typer.main.get_command(app)
    for words in commands_of(page, "triptych"):
        if words[1].startswith("--"):
            continue
        command = group.commands.get(words[1])
        assert command, words
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        given = {word.split("=")[0] for word in words[2:] if word.startswith("--")}
        assert given <= known, words


def test_commands_are_found_in_blocks_and_in_sentences() -> None:
    block = "```sh\n$ aws s3 ls && sam build  # first\naws sqs \\\n  x\nother\n```"
    text = f"Run `triptych put FILE --wait`, then\n\n{block}\n`aws`"
    assert list(read_commands(text)) == [
        ["aws", "s3", "ls"],
        ["sam", "build"],
        ["aws", "sqs", "x"],
        ["triptych", "put", "FILE", "--wait"],
    ]


def test_options_are_read_as_the_aws_cli_reads_them() -> None:
    update = (
        "aws dynamodb update-continuous-backups --table-name T --region eu-west-1 "
        "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
    )
    recovery = {"PointInTimeRecoveryEnabled": True}
    parameters = {"TableName": "T", "PointInTimeRecoverySpecification": recovery}
    assert parse_aws(shlex.split(update)) == AwsCall("dynamodb", "update_continuous_backups", parameters)
    wait = "aws dynamodb wait table-exists --table-name T"
    assert parse_aws(shlex.split(wait)) == AwsCall("dynamodb", "wait table-exists", {"TableName": "T"})


@pytest.mark.parametrize(
    "command",
    [
        "aws nothing list",
        "aws sqs list-nothing",
        "aws sqs list-queues --nothing x",
        "aws dynamodb wait nothing",
        "aws sqs list-queues x",
    ],
)
def test_what_does_not_exist_is_an_error(command: str) -> None:
    with pytest.raises(ValueError, match=r"no |unexpected"):
        parse_aws(command.split())
