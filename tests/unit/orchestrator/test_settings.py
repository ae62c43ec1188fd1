"""Protects: an invalid setting stops the function at its start with a message that names the setting."""

import pytest

from orchestrator.endpoints import HttpEndpoint, LambdaEndpoint, SageMakerEndpoint
from orchestrator.errors import ConfigurationError
from orchestrator.settings import OrchestratorSettings

GOOD = {
    "TABLE_NAME": "records",
    "MODEL_ENDPOINTS": '{"v2": "http://load-balancer/v2/", "v1": "http://load-balancer/v1"}',
}


def test_endpoints_are_sorted_and_have_no_trailing_slash() -> None:
    settings = OrchestratorSettings.from_environment(GOOD)
    assert list(settings.endpoints.items()) == [
        ("v1", HttpEndpoint("http://load-balancer/v1")),
        ("v2", HttpEndpoint("http://load-balancer/v2")),
    ]
    assert (settings.deadline_s, settings.write_reserve_s) == (3.0, 0.3)


def test_versions_elsewhere_replace_those_of_the_stack_or_are_added() -> None:
    other = '{"v2": {"type": "lambda", "function": "f"}, "v0": {"type": "sagemaker", "endpoint": "e"}}'
    settings = OrchestratorSettings.from_environment({**GOOD, "OTHER_MODEL_ENDPOINTS": other})
    assert list(settings.endpoints.items()) == [
        ("v0", SageMakerEndpoint("e")),
        ("v1", HttpEndpoint("http://load-balancer/v1")),
        ("v2", LambdaEndpoint("f")),
    ]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"OTHER_MODEL_ENDPOINTS": '{"v3": {"type": "moon"}}'}, "OTHER_MODEL_ENDPOINTS: v3"),
        ({"OTHER_MODEL_ENDPOINTS": "v3"}, "OTHER_MODEL_ENDPOINTS is not JSON"),
        ({"TABLE_NAME": ""}, "TABLE_NAME"),
        ({"MODEL_ENDPOINTS": "v1=http://load-balancer"}, "MODEL_ENDPOINTS"),
        ({"MODEL_ENDPOINTS": "{}"}, "MODEL_ENDPOINTS"),
        ({"MODEL_ENDPOINTS": '["http://load-balancer"]'}, "MODEL_ENDPOINTS"),
        ({"MODEL_ENDPOINTS": '{"v1": "balancer"}'}, "v1"),
        ({"DEADLINE_MS": "soon"}, "DEADLINE_MS"),
        ({"DEADLINE_MS": "0"}, "DEADLINE_MS"),
        ({"DEADLINE_MS": "300"}, "WRITE_RESERVE_MS"),
        ({"POLICY_SECONDS": "-1"}, "POLICY_SECONDS"),
        ({"RECORD_DAYS": "-1"}, "RECORD_DAYS"),
    ],
)
def test_invalid_setting_is_named(changes: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        OrchestratorSettings.from_environment(GOOD | changes)
