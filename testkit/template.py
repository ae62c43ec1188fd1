"""template.yaml for tests, so that what they build and demand cannot drift from what is rolled out."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
_NOTHING = {"Ref": "AWS::NoValue"}


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags (!Ref, !Sub …) as what stands behind them."""


def _tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tag)


def template() -> dict[str, Any]:
    """The template as a dictionary; `!Ref X` reads as {"Ref": "X"}."""
    content = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)
    assert isinstance(content, dict)
    return content


def resource_of_type(kind: str) -> dict[str, Any]:
    """The properties of the only resource of this type."""
    bodies = [body for body in template()["Resources"].values() if isinstance(body, dict)]  # a list is a Fn::ForEach
    found = [body["Properties"] for body in bodies if body["Type"] == kind]
    assert len(found) == 1, f"template.yaml has {len(found)} resources of type {kind}"
    properties = found[0]
    assert isinstance(properties, dict)
    return properties


def table_definition(name: str) -> dict[str, Any]:
    """What `create_table` takes, from the template's table: keys, indexes and billing as they are rolled out."""
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    table = resource_of_type("AWS::DynamoDB::Table")
    return {"TableName": name, **{part: table[part] for part in wanted}}


class Rollout:
    """What the template comes to with given parameters: the resources and outputs that there are, without conditions.

    Args:
        content: The template, with functions by their short names.
        given: Parameters that differ from their defaults.
    """

    def __init__(self, content: Mapping[str, Any], given: Mapping[str, str]) -> None:
        unknown = set(given) - set(content["Parameters"])
        assert not unknown, f"template.yaml has no parameters {unknown}"
        defaults = {name: str(body["Default"]) for name, body in content["Parameters"].items() if "Default" in body}
        self._content = content
        self._values: dict[str, str] = {**defaults, **given}
        there = {
            name: body
            for name, body in content["Resources"].items()
            if "Condition" not in body or self.holds({"Condition": body["Condition"]})
        }
        self.resources: dict[str, Any] = {name: self._unconditional(body) for name, body in there.items()}
        self.outputs: dict[str, Any] = {
            name: self._unconditional(body)
            for name, body in content["Outputs"].items()
            if "Condition" not in body or self.holds({"Condition": body["Condition"]})
        }

    def __getitem__(self, name: str) -> dict[str, Any]:
        """The properties of a resource."""
        properties = self.resources[name]["Properties"]
        assert isinstance(properties, dict)
        return properties

    def __contains__(self, name: str) -> bool:
        return name in self.resources

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type, by name."""
        return {name: body["Properties"] for name, body in self.resources.items() if body["Type"] == kind}

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every statement of every role, with the role's name."""
        for role, properties in self.of_type("AWS::IAM::Role").items():
            for policy in properties["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield role, statement

    def broken_rules(self) -> list[str]:
        """What the section Rules has against these parameters."""
        return [
            assertion["AssertDescription"]
            for rule in self._content["Rules"].values()
            if self.holds(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self.holds(assertion["Assert"])
        ]

    def holds(self, condition: Mapping[str, Any]) -> bool:
        """Whether a condition holds."""
        [(function, arguments)] = condition.items()
        functions: dict[str, Callable[[Any], bool]] = {
            "Condition": lambda name: self.holds(self._content["Conditions"][name]),
            "Equals": lambda sides: len({str(self._resolve(side)) for side in sides}) == 1,
            "Not": lambda sides: not self.holds(sides[0]),
            "And": lambda sides: all(map(self.holds, sides)),
            "Or": lambda sides: any(map(self.holds, sides)),
        }
        return functions[function](arguments)

    def _unconditional(self, body: Mapping[str, Any]) -> Any:
        """A resource or output whose condition holds."""
        return self._resolve({key: value for key, value in body.items() if key != "Condition"})

    def _resolve(self, part: Any) -> Any:
        """A part of the template without its parameters, mappings and conditions; other functions stay."""
        if isinstance(part, list):
            return [resolved for item in part if (resolved := self._resolve(item)) != _NOTHING]
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
        return {key: resolved for key, value in part.items() if (resolved := self._resolve(value)) != _NOTHING}

    def _fill(self, text: str) -> str:
        """A text with its parameters."""
        return re.sub(r"\$\{(\w+)\}", lambda name: self._values.get(name[1], name[0]), text)


_template = cache(template)


def rollout(**parameters: object) -> Rollout:
    """The template with these parameters, the others at their defaults."""
    return Rollout(_template(), {name: str(value) for name, value in parameters.items()})
