"""Protects: invalid settings are reported at start."""

from pathlib import Path

import pytest

from decoding.limits import Limits
from model_service.settings import ServiceSettings, SettingsError


def test_the_defaults_are_valid() -> None:
    settings = ServiceSettings.from_environment({})

    assert settings.models == ("v1",)
    assert settings.host == "127.0.0.1"
    assert settings.limits == Limits(further_seconds=1.5)
    assert settings.threads >= 1


def test_settings_are_read_from_the_environment() -> None:
    settings = ServiceSettings.from_environment(
        {
            "MODELS": "v1, v2",
            "MODELS_DIR": "/m",
            "PORT": "0",
            "MAX_PAGES": "3",
            "WORKERS": "5",
            "HOST": "",
            "PATH": "/bin",
        }
    )

    assert settings.models == ("v1", "v2")
    assert settings.models_dir == Path("/m")
    assert settings.port == 0
    assert settings.limits.max_pages == 3
    assert settings.threads == 5
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(("workers", "ahead"), [("1", 0), ("2", 1), ("4", 2)])
def test_a_single_cpu_begins_no_document_ahead(workers: str, ahead: int) -> None:
    assert ServiceSettings.from_environment({"WORKERS": workers}).ahead == ahead


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("MODELS", ","),
        ("MAX_BYTES", "0"),
        ("MAX_IN_FLIGHT", "-1"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_the_error_for_an_invalid_setting_names_it(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        ServiceSettings.from_environment({name: value})


def test_all_invalid_settings_are_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"PORT.*WORKERS"):
        ServiceSettings.from_environment({"PORT": "x", "WORKERS": "y"})
