"""Protects: a wrong environment is named when the function starts, not guessed around."""

import pytest

from orchestrator.errors import ConfigurationError
from orchestrator.settings import OrchestratorSettings

GOOD = {"TABLE_NAME": "records", "MODEL_ENDPOINTS": '{"v2": "http://balancer/v2/", "v1": "http://balancer/v1"}'}


def test_versions_come_in_order_and_urls_without_a_slash_at_the_end() -> None:
    settings = OrchestratorSettings.from_environment(GOOD)
    assert list(settings.endpoints.items()) == [("v1", "http://balancer/v1"), ("v2", "http://balancer/v2")]
    assert (settings.deadline_s, settings.write_reserve_s) == (3.0, 0.3)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"TABLE_NAME": ""}, "TABLE_NAME"),
        ({"MODEL_ENDPOINTS": "v1=http://balancer"}, "MODEL_ENDPOINTS"),
        ({"MODEL_ENDPOINTS": "{}"}, "MODEL_ENDPOINTS"),
        ({"MODEL_ENDPOINTS": '["http://balancer"]'}, "MODEL_ENDPOINTS"),
        ({"MODEL_ENDPOINTS": '{"v1": "balancer"}'}, "v1"),
        ({"DEADLINE_MS": "soon"}, "DEADLINE_MS"),
        ({"DEADLINE_MS": "0"}, "DEADLINE_MS"),
        ({"DEADLINE_MS": "300"}, "WRITE_RESERVE_MS"),
        ({"POLICY_SECONDS": "-1"}, "POLICY_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        OrchestratorSettings.from_environment(GOOD | changes)
