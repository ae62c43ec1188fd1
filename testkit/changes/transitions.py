"""Which changes of parameters are considered: for each parameter every other value, from each environment."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from testkit.changes.resource_changes import Update, compare
from testkit.template import ROOT, Rollout, template
from testkit.translated import expanded

Parameters = Mapping[str, str]

CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-0000-0000-000000000000"
KEY = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"

NETWORK = {
    "VpcId": "vpc-0a1b2c3d",
    "SubnetIds": "subnet-0a1b2c3d,subnet-1a2b3c4d",
    "SubnetCidr": "10.8.0.0/16",
}
"""Parameters of an existing network."""

_TABLE = {"ExistingTableName": "restored"}

_STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/restored/stream/2026-11-01T00:00:00.000"

_EVENTS = {"Results": "events"}

_FUNCTIONS = {"ModelHosting": "lambda"}

_BY_ADDRESS = {"DocumentTransfer": "address"}

_ENDPOINT = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/documents"

_OTHER_MODELS = {
    "OtherModelEndpoints": '{"v3": {"type": "sagemaker", "endpoint": "documents"}}',
    "OtherModelRevision": "1",
    "OtherModelArns": _ENDPOINT,
}

_CONVERTER = {"OfficeFormats": "convert", "ConverterImageUri": "registry/converter:1"}

_CHANGES: dict[str, tuple[Parameters, Parameters]] = {
    "CertificateArn": ({}, {"CertificateArn": CERTIFICATE, "ModelDomain": "models.example.com"}),
    "ConverterImageUri": (_CONVERTER, {**_CONVERTER, "ConverterImageUri": "registry/converter:2"}),
    "ConverterTasks": (_CONVERTER, {**_CONVERTER, "ConverterTasks": "2"}),
    "ExistingTableKeyArn": (_TABLE, {**_TABLE, "ExistingTableKeyArn": KEY}),
    "ExistingTableStreamArn": (
        {**_TABLE, **_EVENTS, "ExistingTableStreamArn": _STREAM},
        {**_TABLE, **_EVENTS, "ExistingTableStreamArn": _STREAM.replace("2026", "2027")},
    ),
    "ModelConcurrency": (_FUNCTIONS, {**_FUNCTIONS, "ModelConcurrency": "5"}),
    "ModelWarmth": (_FUNCTIONS, {**_FUNCTIONS, "ModelWarmth": "provisioned"}),
    "OtherModelArns": (_OTHER_MODELS, {**_OTHER_MODELS, "OtherModelArns": f"{_ENDPOINT},{_ENDPOINT}-2"}),
    "OtherModelEndpoints": ({}, _OTHER_MODELS),
    "OtherModelRevision": (_OTHER_MODELS, {**_OTHER_MODELS, "OtherModelRevision": "2"}),
    "InterfaceEndpoints": (NETWORK, {**NETWORK, "InterfaceEndpoints": "existing"}),
    "OfficeFormats": ({}, _CONVERTER),
    "ResultsBusName": (_EVENTS, {**_EVENTS, "ResultsBusName": "results"}),
    "RouteTableIds": (NETWORK, {**NETWORK, "RouteTableIds": "rtb-0a1b2c3d"}),
    "SubnetCidr": (NETWORK, {**NETWORK, "SubnetCidr": "10.0.0.0/8"}),
    "SubnetIds": (NETWORK, {**NETWORK, "SubnetIds": "subnet-0a1b2c3d,subnet-2a3b4c5d"}),
    "VpcId": ({}, NETWORK),
    "ZoneA": ({}, {"ZoneA": "us-east-1c", "ZoneB": "us-east-1d"}),
}
"""Changes of parameters that are only valid with others: all that differ from the environment, before and after."""

_VALUES: dict[str, list[str]] = {
    "AlarmEmail": ["on-call@example.com"],
    "ConverterImageUri": ["registry/converter:1"],
    "ExistingBucketKeyArn": [KEY],
    "ExistingBucketName": ["theirs"],
    "ExistingTableName": ["restored"],
    "ImageRepositoryArns": ["arn:aws:ecr:us-east-1:111111111111:repository/models"],
    "ModelBaseImage": ["registry/python:3.14"],
    "ModelImageUri": ["registry/image:1"],
    "ModelImageUriV1": ["registry/image:1"],
    "ModelImageUriV2": ["registry/image:1"],
    "ModelImageUriV3": ["registry/image:1"],
    "PackageIndexUrl": ["https://mirror.example/simple"],
    "PermissionsBoundaryArn": ["arn:aws:iam::aws:policy/AdministratorAccess"],
    "VpcCidr": ["10.0.0.0/16"],
}
"""Other values of parameters without a list of allowed ones."""

_MORE_CHANGES: dict[str, list[tuple[Parameters, Parameters]]] = {
    "CertificateArn": [
        (_FUNCTIONS, {**_FUNCTIONS, "CertificateArn": CERTIFICATE, "ModelDomain": "models.example.com"}),
    ],
    "DocumentTransfer": [
        ({"ModelHosting": "single"}, {"ModelHosting": "single", "DocumentTransfer": "address"}),
        (_FUNCTIONS, {**_FUNCTIONS, "DocumentTransfer": "address"}),
    ],
    "ExecuteCommand": [(_BY_ADDRESS, {**_BY_ADDRESS, "ExecuteCommand": "enabled"})],
    "ExistingBucketName": [
        (_FUNCTIONS, {**_FUNCTIONS, "ExistingBucketName": "theirs"}),
        (_BY_ADDRESS, {**_BY_ADDRESS, "ExistingBucketName": "theirs"}),
    ],
    "ModelCpu": [(_FUNCTIONS, {**_FUNCTIONS, "ModelCpu": "4096"})],
    "ModelHosting": [
        ({"ModelHosting": "single"}, _FUNCTIONS),
        (_BY_ADDRESS, {**_BY_ADDRESS, **_FUNCTIONS}),
        ({**_CONVERTER, "ModelHosting": "single"}, {**_CONVERTER, **_FUNCTIONS}),
    ],
    "ModelImageUriV1": [(_FUNCTIONS, {**_FUNCTIONS, "ModelImageUriV1": "registry/image:1"})],
    "Network": [(_FUNCTIONS, {**_FUNCTIONS, "Network": "none"})],
    "OfficeFormats": [(_FUNCTIONS, {**_FUNCTIONS, **_CONVERTER})],
}
"""Further changes, between stacks with other parameters."""

_NOT_ALONE = {("Network", "none")}
"""Values that require other parameters: see `_MORE_CHANGES`."""

_COVERED = {"LocalFunctions", "ModelDomain", "ZoneB"}
"""Parameters that only change together with another one, or on a local stack."""

ENVIRONMENTS = ("default", "staging", "production")
"""Environments of samconfig.toml that are deployed to AWS."""


@dataclass(frozen=True)
class Transition:
    """A change of one parameter, together with those that it requires.

    Attributes:
        parameter: Name of the parameter.
        environment: Where the stack was deployed from.
        before: All parameters that differ from their defaults, before the change.
        after: The same after the change.
    """

    parameter: str
    environment: str
    before: Parameters
    after: Parameters

    def __str__(self) -> str:
        """Return the change as text, for messages."""
        return f"{self.environment}: {dict(self.before)} to {dict(self.after)}"


@cache
def _parameters() -> dict[str, Any]:
    definitions: dict[str, Any] = template()["Parameters"]
    return definitions


def changeable_parameters() -> list[str]:
    """Return the parameters that can change on AWS, each with the ones that it requires."""
    return [name for name in _parameters() if name != "LocalEndpoint" and name not in _COVERED]


def transitions(parameter: str) -> Iterator[Transition]:
    """Yield every change of a parameter to another value and back, from each environment."""
    for environment in ENVIRONMENTS:
        base = environment_parameters(environment)
        for before, after in _alternatives(parameter, base):
            yield Transition(parameter, environment, {**base, **before}, {**base, **after})
            yield Transition(parameter, environment, {**base, **after}, {**base, **before})


@cache
def updates(parameter: str) -> list[tuple[Transition, Update]]:
    """Return the update of the stack for every change of a parameter, computed once per process."""
    return [(each, compare(_stack(each.before), _stack(each.after))) for each in transitions(parameter)]


def _stack(parameters: Parameters) -> Rollout:
    return _cached_stack(tuple(sorted(parameters.items())))


@cache
def _cached_stack(parameters: tuple[tuple[str, str], ...]) -> Rollout:
    return expanded(dict(parameters))


def environment_parameters(environment: str) -> dict[str, str]:
    """Return the parameters of an environment in samconfig.toml."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = config[environment]["deploy"]["parameters"].get("parameter_overrides", [])
    return dict(pair.split("=", 1) for pair in overrides)


def _alternatives(name: str, base: Parameters) -> list[tuple[Parameters, Parameters]]:
    """Return the changes of a parameter: what differs from an environment, before and after."""
    more = _MORE_CHANGES.get(name, [])
    if name in _CHANGES:
        return [_CHANGES[name], *more]
    definition = _parameters()[name]
    others = {base.get(name, str(definition["Default"]))} | {value for key, value in _NOT_ALONE if key == name}
    return [*(({}, {name: value}) for value in _values(name, definition) if value not in others), *more]


def _values(name: str, definition: Mapping[str, Any]) -> list[str]:
    if "AllowedValues" in definition:
        return [str(value) for value in definition["AllowedValues"]]
    if definition["Type"] == "Number":
        return [str(max(definition["MinValue"], 1) + 1), str(definition["Default"])]
    return _VALUES[name]
