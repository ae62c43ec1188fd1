"""Protects: the output and the exit code of `triptych preflight`."""

from pathlib import Path
from typing import Any

import pytest

from testkit.template import ROOT
from tests.support.aws_answers import failure
from tests.support.commands import run_triptych
from tests.unit.triptych.preflight.conftest import ACCOUNT, SeededAccount, account, seeded_clients
from triptych.commands import preflight
from triptych.errors import TriptychError, UsageError
from triptych.preflight.checks import CHECKS

__all__ = ["account", "seeded_clients"]  # fixtures
CONFIG = ("--config-file", ROOT / "samconfig.toml")


@pytest.fixture(autouse=True)
def _clients(account: SeededAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "PreflightClients", lambda *_: account.clients)


def test_a_clean_account_exits_with_0(account: SeededAccount) -> None:
    done = run_triptych("preflight", *CONFIG)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"Stack triptych in us-east-1, account {ACCOUNT}",
        "Nothing would make the deployment fail.",
    ]


def test_problems_are_printed_with_their_remedy(account: SeededAccount) -> None:
    account.aws.answers["ListRoles"] = {"Roles": []}
    account.aws.answers["HeadBucket"] = failure("AccessDenied")
    done = run_triptych("preflight", *CONFIG, check=False)
    assert done.exit_code == 1
    assert "problem: The account has no service-linked role for ECS." in done.stdout
    assert "  → Create it now: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com" in done.stdout
    assert "unchecked: Could not check the name of the inbox bucket: AWS denied the call." in done.stdout
    assert "  → Allow s3:ListBucket." in done.stdout
    assert "Nothing would make" not in done.stdout


def test_a_warning_alone_exits_with_0(account: SeededAccount) -> None:
    done = run_triptych("preflight", *CONFIG, "--config-env", "production", "--json")
    assert done.exit_code == 0
    assert done.json["clear"] is True
    assert [(each["check"], each["severity"]) for each in done.json["findings"]] == [("fargate-vcpus", "warning")]


def test_json_names_stack_checks_and_findings(account: SeededAccount) -> None:
    done = run_triptych("preflight", *CONFIG, "--stack-name", "Upper", "--region", "eu-west-1", "--json", check=False)
    assert done.exit_code == 1
    assert {name: done.json[name] for name in ("stack", "account", "region", "clear")} == {
        "stack": "Upper",
        "account": ACCOUNT,
        "region": "eu-west-1",
        "clear": False,
    }
    assert done.json["checks"] == [check.name for check in CHECKS]
    [finding] = [each for each in done.json["findings"] if each["check"] == "stack-name"]
    assert set(finding) == {"check", "severity", "sentence", "remedy"}


def test_a_parameter_replaces_the_environments(account: SeededAccount) -> None:
    arguments: list[Any] = ["preflight", *CONFIG, "--config-env", "staging", "--parameter", "MinModelTasks=7", "--json"]
    done = run_triptych(*arguments, check=False)
    assert [each["check"] for each in done.json["findings"]] == ["fargate-vcpus"]


def test_expired_credentials_are_one_error(account: SeededAccount) -> None:
    account.aws.answers["GetCallerIdentity"] = failure("ExpiredToken", "The security token has expired")
    with pytest.raises(TriptychError, match="The security token has expired"):
        run_triptych("preflight", *CONFIG)


def test_a_stack_and_a_region_are_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    path = tmp_path / "samconfig.toml"
    path.write_text("[default]\n")
    with pytest.raises(UsageError, match="--stack-name"):
        run_triptych("preflight", "--config-file", path)
    with pytest.raises(UsageError, match="--region"):
        run_triptych("preflight", "--config-file", path, "--stack-name", "triptych")
