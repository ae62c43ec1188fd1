"""Linters on the template and on every combination of parameters as CloudFormation would deploy it.

Linters see little through conditions. So SAM's translator expands the template with the parameters of a combination
first, conditions and mappings are resolved, and the result is linted: the resources that an account would contain.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from testkit.template import ROOT, rollout, template
from testkit.translated import expanded, full_names
from tests.support.checkov import require_checkov
from tests.support.rollouts import BUILDING, COMBINATIONS, NOT_EMULATED
from tests.support.tools import require_tool
from triptych.preflight.stack import MAX_IMAGE_AND_BUCKET, MAX_NAMES
from triptych.stack import environment
from triptych.stack.home import Home

ALL = COMBINATIONS | BUILDING | NOT_EMULATED

CODEDEPLOY = {"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file for every combination."""
    folder = tmp_path_factory.mktemp("combinations")
    written = {}
    for name, given in ALL.items():
        stack = expanded(given)
        written[name] = folder / f"{name}.json"
        template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": stack.resources, "Outputs": stack.outputs}
        written[name].write_text(json.dumps(full_names(template), indent=1))
    return written


def run(argv: list[str], folder: Path) -> None:
    settings = environment.aws_environment(Home(folder)) | {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(folder)}
    done = subprocess.run(argv, env=settings, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALL)
def test_sam_expands_every_combination(name: str) -> None:
    stack = expanded(ALL[name])
    kinds = {body["Type"] for body in stack.resources.values()}
    assert not [kind for kind in kinds if kind.startswith("AWS::Serverless")]
    assert not stack.violated_rules()
    at_once = ALL[name].get("OrchestratorRollout") == "AllAtOnce"
    assert kinds & CODEDEPLOY == (set() if at_once else CODEDEPLOY)
    assert ("UpdatePolicy" in stack.resources["OrchestratorAliaslive"]) == (not at_once)


def published(**given: str) -> tuple[str, Any]:
    """Return the name and description of the version resource, whose changes publish a version."""
    versions = expanded(given).of_type("AWS::Lambda::Version")
    [name] = [name for name in versions if name.startswith("Orchestrator")]
    return name, versions[name]["Description"]


@pytest.mark.parametrize(
    "given",
    [
        {"Encryption": "customer-managed"},
        {"OrchestratorArchitecture": "arm64"},
        {"OrchestratorMemory": "2048"},
        {"OrchestratorTimeout": "60"},
        {"SnapStart": "orchestrator"},
        {"DocumentTransfer": "address"},
        {"VpcCidr": "10.0.0.0/16"},
        {"CertificateArn": "x", "ModelDomain": "models.example.com"},
        {"LocalEndpoint": "http://127.0.0.1:1"},
    ],
    ids=lambda given: str(*list(given)[:1]),
)
def test_parameter_that_changes_the_orchestrator_publishes_a_version(given: dict[str, str]) -> None:
    """Otherwise the alias would keep the old setting, because SAM ignores changes of parameter values."""
    assert published(**given) != published()


def test_other_parameters_do_not_publish_a_version() -> None:
    """Lambda rejects a version that equals the previous one, and CloudFormation then rolls back."""
    others: dict[str, str] = {"OrchestratorConcurrency": "5", "OrchestratorRollout": "AllAtOnce", "MinModelTasks": "2"}
    others |= {"Network": "public", "Ingest": "queue", "ExistingBucketName": "theirs", "LogRetentionDays": "7"}
    assert published(**others) == published()


@pytest.mark.parametrize("name", sorted(set(template()["Parameters"]) - {"CertificateArn", "ModelDomain"}))
def test_version_description_contains_every_parameter_of_the_function(name: str) -> None:
    """A new parameter of the function has to be added to VersionDescription."""
    if name == "OtherModelEndpoints":  # too long for a description; a rule requires OtherModelRevision
        return
    unversioned = {"VersionDescription", "DeploymentPreference", "ReservedConcurrentExecutions"}
    before = rollout()["Orchestrator"]
    after = rollout(**{name: other_value(template()["Parameters"][name])})["Orchestrator"]
    changes = any(before.get(key) != after.get(key) for key in {*before, *after} - unversioned)
    if name in {"VpcCidr", "ZoneA", "ZoneB"}:  # they mean other subnets
        changes = True
    assert (before["VersionDescription"] != after["VersionDescription"]) == changes


def longest_value(parameter: Mapping[str, Any]) -> str:
    return max((str(each) for each in parameter["AllowedValues"]), key=len)


@pytest.mark.parametrize("hosting", ["fargate", "lambda"])
def test_lambda_accepts_the_descriptions_of_versions(hosting: str) -> None:
    """Lambda accepts 256 characters. The preflight checks the names whose length the template does not limit."""
    parameters = template()["Parameters"]
    choices = ["OrchestratorArchitecture", "OrchestratorTimeout", "Encryption", "Tracing", "OfficeFormats", "SnapStart"]
    given = {name: longest_value(parameters[name]) for name in [*choices, "ModelCpu", "ModelArchitecture"]}
    given |= {"OrchestratorMemory": str(parameters["OrchestratorMemory"]["MaxValue"]), "OtherModelRevision": "999999"}
    given |= {"RecordDays": str(parameters["RecordDays"]["MaxValue"]), "ModelHosting": hosting}
    given |= {"VpcId": "vpc-1", "SubnetIds": ",".join(["subnet-0123456789abcdef0"] * 4), "DocumentTransfer": "address"}
    given |= {"ExistingTableName": "t" * (MAX_NAMES - 18), "CertificateArn": "arn", "ModelDomain": "models.example.com"}
    given |= {"ModelImageUri": "i" * (MAX_IMAGE_AND_BUCKET - 63), "ExistingBucketName": "b" * 63}
    resources = rollout(**given)
    texts = [resources["Orchestrator"]["VersionDescription"]]
    if hosting == "lambda":
        texts += [resources[f"ModelVersionV{number}"]["Description"] for number in (1, 2, 3)]
    lengths = [len(rendered(text)) for text in texts]
    assert 200 < max(lengths) <= 256


def rendered(value: Any) -> str:
    """Return the text that intrinsic functions would give."""
    match value:
        case str():
            return value
        case {"Sub": str(text)}:
            return text
        case {"Sub": [text, variables]}:
            return re.sub(r"\$\{(\w+)\}", lambda found: rendered(variables[found[1]]), text)
        case {"Join": [separator, {"Split": [other, whole]}]}:
            return str(separator).join(rendered(whole).split(other))
        case {"Join": [separator, list(parts)]}:
            return str(separator).join(map(rendered, parts))
    raise TypeError(value)


def other_value(parameter: Mapping[str, Any]) -> str:
    """Return a value of the parameter that is not its default."""
    default = str(parameter.get("Default", ""))
    candidates = [*map(str, parameter.get("AllowedValues", [])), str(parameter.get("MinValue", "")), "another"]
    return next(value for value in candidates if value not in (default, ""))


@pytest.mark.slow
def test_cfn_lint_reports_nothing_for_the_template(tmp_path: Path) -> None:
    run([require_tool("cfn-lint"), str(ROOT / "template.yaml")], tmp_path)


@pytest.mark.slow
def test_cfn_lint_reports_nothing_for_any_combination(files: dict[str, Path], tmp_path: Path) -> None:
    # W1020: a Sub whose parameters have been resolved. W3010: zones that parameters name. W3011: SAM passes the
    # UpdateReplacePolicy on to the alias.
    resolved = ["--ignore-checks", "W1020", "W3010", "W3011"]
    run([require_tool("cfn-lint"), *resolved, "--", *map(str, files.values())], tmp_path)


@pytest.mark.slow
def test_sam_validate_reports_nothing(tmp_path: Path) -> None:
    run([require_tool("sam"), "validate", "--lint", "--template-file", str(ROOT / "template.yaml")], tmp_path)


@pytest.mark.slow
def test_checkov_reports_nothing(files: dict[str, Path], tmp_path: Path) -> None:
    """For the resources of every combination, and for the template itself."""
    everything = [str(ROOT / "template.yaml"), *map(str, files.values())]
    options = [part for path in everything for part in ("--file", path)]
    run(
        [require_checkov(), "--framework", "cloudformation", "--skip-download", "--quiet", "--compact", *options],
        tmp_path,
    )
