"""Commands in the documentation: found in Markdown, and read as calls of AWS."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel, ServiceModel, Shape

PROGRAMS = ("aws", "sam", "triptych")
_FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_SERVICE_NAMES = {"s3api": "s3", "deploy": "codedeploy"}
"""Services that the CLI and the SDK call differently."""

CLI_ONLY = {("s3", "cp"), ("s3", "ls"), ("s3", "mb"), ("s3", "rb"), ("s3", "rm"), ("logs", "tail")}
"""Commands of the AWS CLI that are no operations of a service. Their options are not checked."""

_BOOLEANS = {"true": True, "false": False}
_GLOBAL_OPTIONS = {"region", "query", "output", "profile", "no-cli-pager", "max-items", "cli-input-json"}


def read_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of every command in a Markdown text: in code blocks, and in code within sentences."""
    lines = "\n".join(_FENCE.findall(text)).replace("\\\n", " ").splitlines()
    inline = [span.replace("\n", " ") for span in _INLINE.findall(_FENCE.sub("", text))]
    for line in [*lines, *inline]:
        for part in re.split(r"&&|\|", line.strip().removeprefix("$ ")):
            words = _words(part)
            if words and words[0] in PROGRAMS and len(words) > 1:
                yield words


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:  # a part of a longer text
        return []


def commands_of(page: Path, program: str) -> list[list[str]]:
    """Return the commands of one program on a page."""
    return [words for words in read_commands(page.read_text(encoding="utf-8")) if words[0] == program]


@dataclass(frozen=True)
class AwsCall:
    """A call of an operation, as the AWS CLI would make it."""

    service: str
    operation: str
    parameters: dict[str, Any]


def parse_aws(words: list[str]) -> AwsCall:
    """Return the call that `aws SERVICE OPERATION --option …` makes; `aws SERVICE wait NAME` is one of its operation.

    Raises:
        ValueError: The service, the operation or an option does not exist.
    """
    _, service, operation, *rest = words
    service = _SERVICE_NAMES.get(service, service)
    if operation == "wait":
        name, *rest = rest
        return AwsCall(service, f"wait {name}", _options(rest, _operation(service, _waiter_operation(service, name))))
    return AwsCall(service, operation.replace("-", "_"), _options(rest, _operation(service, operation)))


@cache
def _service(name: str) -> ServiceModel:
    session = botocore.session.get_session()
    if name not in session.get_available_services():
        raise ValueError(f"no service {name}")
    return session.get_service_model(name)


def _operation(service: str, command: str) -> OperationModel:
    names = {xform_name(name, "-"): name for name in _service(service).operation_names}
    if command not in names:
        raise ValueError(f"{service} has no operation {command}")
    return _service(service).operation_model(names[command])


def _waiter_operation(service: str, name: str) -> str:
    waiters = botocore.session.get_session().get_waiter_model(service)
    found = {xform_name(each, "-"): each for each in waiters.waiter_names}
    if name not in found:
        raise ValueError(f"{service} has no waiter {name}")
    return xform_name(waiters.get_waiter(found[name]).operation, "-")


def _options(words: list[str], operation: OperationModel) -> dict[str, Any]:
    shapes = operation.input_shape.members if operation.input_shape else {}
    members = {xform_name(name, "-"): (name, shape) for name, shape in shapes.items()}
    parameters: dict[str, Any] = {}
    while words:
        option, *words = words
        if not option.startswith("--"):
            raise ValueError(f"{operation.name}: unexpected {option}")
        values = []
        while words and not words[0].startswith("--"):
            value, *words = words
            values.append(value)
        key = option.removeprefix("--")
        negated = key.removeprefix("no-")
        if key in _GLOBAL_OPTIONS:
            continue
        if key in members:
            name, shape = members[key]
            parameters[name] = _value(shape, values)
        elif negated in members and members[negated][1].type_name == "boolean":
            parameters[members[negated][0]] = False
        else:
            raise ValueError(f"{operation.name} has no option {option}")
    return parameters


def _value(shape: Shape, values: list[str]) -> Any:
    """Return the value of an option, given as JSON, in shorthand or as words."""
    kind = shape.type_name
    if kind == "boolean":
        return not values or values == ["true"]
    if kind == "list":
        return values
    [text] = values
    if kind in ("integer", "long"):
        return int(text)
    if kind in ("structure", "map"):
        pairs = json.loads(text) if text.startswith("{") else dict(pair.split("=", 1) for pair in text.split(","))
        return {key: _BOOLEANS.get(value, value) if isinstance(value, str) else value for key, value in pairs.items()}
    return text
