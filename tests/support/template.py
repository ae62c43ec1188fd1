"""Parts of template.yaml for tests, so that what they build cannot drift from what is rolled out."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


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
