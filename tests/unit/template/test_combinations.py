"""Every combination of parameters as CloudFormation would see it, held against the linters.

Linters look at a template with all its conditions at once, and see little through them. So SAM's own translator expands
it first with the parameters given, conditions and mappings are worked out, and what is left is linted: what there would
be in the account.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from testkit.template import ROOT, Rollout, rollout, template
from tests.support.rollouts import BUILDING, COMBINATIONS
from tests.support.tools import needed
from triptych.stack import environment
from triptych.stack.home import Home

ALL = COMBINATIONS | BUILDING

BUILT = "s3://bucket/code"
"""Where `sam deploy` would have put the built function."""

FUNCTIONS = {"Cidr", "FindInMap", "GetAZs", "GetAtt", "If", "Join", "Select", "Split", "Sub"}
CODEDEPLOY = {"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"}


def short(part: Any) -> Any:
    """Functions by their short names."""
    if isinstance(part, dict):
        return {key.removeprefix("Fn::"): short(value) for key, value in part.items()}
    return [short(item) for item in part] if isinstance(part, list) else part


def long(part: Any) -> Any:
    """Functions by their full names."""
    if isinstance(part, dict):
        named = {key: long(value) for key, value in part.items()}
        return {f"Fn::{key}" if len(part) == 1 and key in FUNCTIONS else key: value for key, value in named.items()}
    return [long(item) for item in part] if isinstance(part, list) else part


def expanded(given: Mapping[str, str]) -> Rollout:
    """The template after SAM's translator and with its conditions worked out."""
    content = yaml_parse((ROOT / "template.yaml").read_text())
    for body in content["Resources"].values():
        if body["Type"] == "AWS::Serverless::Function":
            body["Properties"]["CodeUri"] = BUILT
    policies = type("NoManagedPolicies", (), {"load": staticmethod(dict)})()
    os.environ.setdefault("AWS_DEFAULT_REGION", environment.REGION)  # the translator asks for one
    return Rollout(short(transform(content, dict(given), policies)), given)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every combination in a file."""
    folder = tmp_path_factory.mktemp("combinations")
    files = {}
    for name, given in ALL.items():
        stack = expanded(given)
        files[name] = folder / f"{name}.json"
        template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": stack.resources, "Outputs": stack.outputs}
        files[name].write_text(json.dumps(long(template), indent=1))
    return files


def run(argv: list[str], folder: Path) -> None:
    settings = environment.aws(Home(folder)) | {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(folder)}
    done = subprocess.run(argv, env=settings, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def checkov() -> str:
    """It pins so much that it lives apart even from the tools: `make test` installs it in .venv-checkov."""
    found = ROOT / ".venv-checkov" / "bin" / "checkov"
    program = str(found) if found.exists() else shutil.which("checkov")
    if program is None:
        pytest.skip("checkov is not installed; `make test` does it")
    return program


@pytest.mark.parametrize("name", ALL)
def test_sam_expands_it(name: str) -> None:
    stack = expanded(ALL[name])
    kinds = {body["Type"] for body in stack.resources.values()}
    assert not [kind for kind in kinds if kind.startswith("AWS::Serverless")]
    assert not stack.violated_rules()
    at_once = ALL[name].get("OrchestratorRollout") == "AllAtOnce"
    assert kinds & CODEDEPLOY == (set() if at_once else CODEDEPLOY)
    assert ("UpdatePolicy" in stack.resources["OrchestratorAliaslive"]) == (not at_once)


def published(**given: str) -> tuple[str, Any]:
    """What makes CloudFormation publish a version: the name of the resource, and its description."""
    versions = expanded(given).of_type("AWS::Lambda::Version")
    [name] = [name for name in versions if name.startswith("Orchestrator")]
    return name, versions[name]["Description"]


@pytest.mark.parametrize(
    "given",
    [
        {"Encryption": "customer-managed"},
        {"OrchestratorArchitecture": "arm64"},
        {"OrchestratorMemory": "2048"},
        {"OrchestratorTimeout": "30"},
        {"VpcCidr": "10.0.0.0/16"},
        {"CertificateArn": "x", "ModelDomain": "models.example.com"},
        {"LocalEndpoint": "http://127.0.0.1:1"},
    ],
    ids=lambda given: str(*list(given)[:1]),
)
def test_a_parameter_that_changes_the_orchestrator_publishes_a_version(given: dict[str, str]) -> None:
    """The alias would else go on with the old setting: SAM does not see a parameter's value change."""
    assert published(**given) != published()


def test_no_other_parameter_publishes_one() -> None:
    """Lambda refuses a version that equals the last, and CloudFormation then takes the whole deployment back."""
    others: dict[str, str] = {"OrchestratorConcurrency": "5", "OrchestratorRollout": "AllAtOnce", "MinModelTasks": "2"}
    others |= {"Network": "public", "Ingest": "queue", "ExistingBucketName": "theirs", "LogRetentionDays": "7"}
    assert published(**others) == published()


@pytest.mark.parametrize("name", sorted(set(template()["Parameters"]) - {"CertificateArn", "ModelDomain"}))
def test_the_description_changes_with_what_the_orchestrator_is_made_of(name: str) -> None:
    """Whoever gives the function one more parameter has to name it in VersionDescription."""
    apart = {"VersionDescription", "DeploymentPreference", "ReservedConcurrentExecutions"}  # of no version
    before = rollout()["Orchestrator"]
    after = rollout(**{name: another(template()["Parameters"][name])})["Orchestrator"]
    changes = any(before.get(key) != after.get(key) for key in {*before, *after} - apart)
    if name == "VpcCidr":  # another network is other subnets
        changes = True
    assert (before["VersionDescription"] != after["VersionDescription"]) == changes


def another(parameter: Mapping[str, Any]) -> str:
    """A value that is not the default."""
    default = str(parameter.get("Default", ""))
    candidates = [*map(str, parameter.get("AllowedValues", [])), str(parameter.get("MinValue", "")), "another"]
    return next(value for value in candidates if value not in (default, ""))


def test_cfn_lint_finds_nothing(written: dict[str, Path], tmp_path: Path) -> None:
    run([needed("cfn-lint"), str(ROOT / "template.yaml")], tmp_path)
    filled_in = ["--ignore-checks", "W1020"]  # texts whose parameters stand there already
    run([needed("cfn-lint"), *filled_in, "--", *map(str, written.values())], tmp_path)


def test_sam_validate_finds_nothing(tmp_path: Path) -> None:
    run([needed("sam"), "validate", "--lint", "--template-file", str(ROOT / "template.yaml")], tmp_path)


def test_checkov_finds_nothing(written: dict[str, Path], tmp_path: Path) -> None:
    """Of what there would be in the account, and of the template as it is written."""
    everything = [str(ROOT / "template.yaml"), *map(str, written.values())]
    files = [part for path in everything for part in ("--file", path)]
    run([checkov(), "--framework", "cloudformation", "--skip-download", "--quiet", "--compact", *files], tmp_path)
