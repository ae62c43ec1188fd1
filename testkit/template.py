"""Read template.yaml for tests, so that their tables and expectations cannot drift from what is deployed."""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
_NO_VALUE = {"Ref": "AWS::NoValue"}


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short tags (!Ref, !Sub) as one-entry dictionaries: `!Ref X` is {"Ref": "X"}."""


def _construct_tag(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _construct_tag)


@cache
def _parsed() -> dict[str, Any]:
    """Parse template.yaml once per process. Callers outside this module get copies."""
    return read_template(ROOT / "template.yaml")


def read_template(path: Path) -> dict[str, Any]:
    """Return a template as a dictionary; `!Ref X` reads as {"Ref": "X"}."""
    content = yaml.load(path.read_text(), Loader=_Loader)
    assert isinstance(content, dict)
    return content


def template() -> dict[str, Any]:
    """Return a copy of the template as a dictionary; `!Ref X` reads as {"Ref": "X"}."""
    return deepcopy(_parsed())


def resource_of_type(kind: str) -> dict[str, Any]:
    """Return a copy of the properties of the only resource of this type."""
    bodies = [body for body in _parsed()["Resources"].values() if isinstance(body, dict)]  # a list is a Fn::ForEach
    matches = [body["Properties"] for body in bodies if body["Type"] == kind]
    assert len(matches) == 1, f"template.yaml has {len(matches)} resources of type {kind}"
    properties = deepcopy(matches[0])
    assert isinstance(properties, dict)
    return properties


def table_definition(name: str) -> dict[str, Any]:
    """Return the arguments of `create_table` for the template's table: keys, indexes and billing as deployed."""
    arguments = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    table = resource_of_type("AWS::DynamoDB::Table")
    return {"TableName": name, **{argument: table[argument] for argument in arguments}}


class Rollout:
    """The template with its parameters resolved: the resources and outputs whose conditions hold.

    Args:
        content: The template, with functions by their short names. It is not modified.
        overrides: Parameters that differ from their defaults.
    """

    def __init__(self, content: Mapping[str, Any], overrides: Mapping[str, str]) -> None:
        unknown = set(overrides) - set(content["Parameters"])
        assert not unknown, f"template.yaml has no parameters {unknown}"
        defaults = {name: str(body["Default"]) for name, body in content["Parameters"].items() if "Default" in body}
        self._content = content
        self._values: dict[str, str] = {**defaults, **overrides}
        self.resources: dict[str, Any] = self._active(content["Resources"])
        self.outputs: dict[str, Any] = self._active(content["Outputs"])

    def __getitem__(self, name: str) -> dict[str, Any]:
        """Return the properties of a resource."""
        properties = self.resources[name]["Properties"]
        assert isinstance(properties, dict)
        return properties

    def __contains__(self, name: str) -> bool:
        return name in self.resources

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of every resource of a type, by name."""
        return {name: body["Properties"] for name, body in self.resources.items() if body["Type"] == kind}

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield every policy statement of every role, with the role's name."""
        for role, properties in self.of_type("AWS::IAM::Role").items():
            for policy in properties["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield role, statement

    def violated_rules(self) -> list[str]:
        """Return the messages of the assertions in section Rules that these parameters violate."""
        return [
            assertion["AssertDescription"]
            for rule in self._content["Rules"].values()
            if self.holds(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self.holds(assertion["Assert"])
        ]

    def holds(self, condition: Mapping[str, Any]) -> bool:
        """Return whether a condition holds."""
        [(function, arguments)] = condition.items()
        functions: dict[str, Callable[[Any], bool]] = {
            "Condition": lambda name: self.holds(self._content["Conditions"][name]),
            "Equals": lambda sides: len({str(self._resolve(side)) for side in sides}) == 1,
            "Not": lambda sides: not self.holds(sides[0]),
            "And": lambda sides: all(map(self.holds, sides)),
            "Or": lambda sides: any(map(self.holds, sides)),
        }
        return functions[function](arguments)

    def _active(self, section: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entries of a section whose conditions hold, resolved and without `Condition`."""
        return {
            name: self._resolve({key: value for key, value in body.items() if key != "Condition"})
            for name, body in section.items()
            if "Condition" not in body or self.holds({"Condition": body["Condition"]})
        }

    def _resolve(self, part: Any) -> Any:
        """Return a copy of a part with parameters, mappings and conditions resolved; other functions stay."""
        if isinstance(part, list):
            return [resolved for item in part if (resolved := self._resolve(item)) != _NO_VALUE]
        if not isinstance(part, dict):
            return part
        if set(part) == {"Ref"} and part["Ref"] in self._values:
            return self._values[part["Ref"]]
        if set(part) == {"If"}:
            condition, then, otherwise = part["If"]
            return self._resolve(then if self.holds({"Condition": condition}) else otherwise)
        if set(part) == {"FindInMap"}:
            mapping, first, second = (self._resolve(key) for key in part["FindInMap"])
            return self._content["Mappings"][mapping][first][second]
        if set(part) == {"Sub"} and isinstance(part["Sub"], str):
            return {"Sub": self._fill(part["Sub"])}
        if set(part) == {"Sub"}:
            text, names = part["Sub"]
            return {"Sub": [self._fill(text), self._resolve(names)]}
        return {key: resolved for key, value in part.items() if (resolved := self._resolve(value)) != _NO_VALUE}

    def _fill(self, text: str) -> str:
        """Return a text with its parameters filled in."""
        return re.sub(r"\$\{(\w+)\}", lambda match: self._values.get(match[1], match[0]), text)


def rollout(**parameters: object) -> Rollout:
    """Resolve the template with these parameters, the others at their defaults."""
    return Rollout(_parsed(), {name: str(value) for name, value in parameters.items()})
