"""Protects: the settings in docs/endpoints.md are those that the orchestrator and `sam deploy` read."""

import re
import tomllib

import pytest

from orchestrator.endpoint_settings import parse_endpoints
from orchestrator.endpoints import LambdaEndpoint, SageMakerEndpoint
from orchestrator.setting_fields import SettingFields
from testkit.template import ROOT
from triptych.preflight.samconfig import parse_overrides

PAGE = (ROOT / "docs" / "endpoints.md").read_text("utf-8")


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_examples_of_endpoints_are_valid() -> None:
    mixed, mapped = (parse_endpoints(text) for text in examples("json"))
    assert (mixed["v2"], mixed["v3"]) == (LambdaEndpoint("triptych-v2:live"), SageMakerEndpoint("documents", "v3"))
    assert mapped["v3"].answer
    assert mapped["v3"].answer.rename["CREDIT_NOTE"] == "invoice"


def test_example_of_parameters_is_valid() -> None:
    [text] = examples("toml")
    parameters = parse_overrides(tomllib.loads(text)["parameter_overrides"])
    assert parse_endpoints(parameters["OtherModelEndpoints"]) == {"v3": SageMakerEndpoint("documents", "v3")}
    assert parameters["OtherModelRevision"] == "1"


def test_every_field_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field that the settings read is in a table of the page."""
    read: set[str] = set()
    for method in ("take", "number", "expression_or_texts"):
        original = getattr(SettingFields, method)

        def remember(self: SettingFields, name: str, *given: object, _original: object = original) -> object:
            read.add(name)
            return _original(self, name, *given)  # type: ignore[operator]

        monkeypatch.setattr(SettingFields, method, remember)
    parse_endpoints(
        """{"v1": {"type": "http", "url": "https://a", "auth": "api-key",
                   "secret": "arn:aws:ssm:eu-west-1:111122223333:parameter/key"},
            "v2": {"type": "http", "url": "https://a", "auth": "sigv4", "service": "lambda"},
            "v3": {"type": "lambda", "function": "f", "answer": {"scores": "s"}},
            "v4": {"type": "sagemaker", "endpoint": "e"}}"""
    )
    documented = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\|.*\|$", PAGE, re.MULTILINE))))
    assert read - {"type"} <= documented
    assert len(read) > 20
