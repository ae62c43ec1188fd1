"""The local stack uses only the emulator, whatever the AWS configuration of the user."""

import os
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from triptych.stack import environment
from triptych.stack.errors import StackError
from triptych.stack.home import Home
from triptych.stack.ports import HOST, choose_port
from triptych.stack.processes import HOME_VARIABLE

SECRET = "AKIAOFSOMEONE"


@pytest.fixture(autouse=True)
def user_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user with a profile, keys, an endpoint and a proxy."""
    config = tmp_path / "config"
    config.write_text(f"[profile work]\nregion = eu-west-1\naws_access_key_id = {SECRET}\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    monkeypatch.setenv("SAM_CLI_TELEMETRY", "1")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")


def test_processes_do_not_inherit_the_users_configuration(home: Home) -> None:
    variables = environment.aws_environment(home)
    assert SECRET not in variables.values()
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "SAM_CLI_TELEMETRY", "PYTHONPATH"} & set(
        variables
    )
    assert variables["AWS_CONFIG_FILE"] == variables["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert variables["AWS_EC2_METADATA_DISABLED"] == "true"
    assert "127.0.0.1" in variables["NO_PROXY"]
    assert variables["PATH"] == os.environ["PATH"]


def test_environment_contains_the_home_of_the_stack(home: Home) -> None:
    assert (
        environment.base_environment(home)[HOME_VARIABLE]
        == environment.aws_environment(home)[HOME_VARIABLE]
        == str(home.path)
    )


@pytest.mark.parametrize("profile", ["work", "one-that-does-not-exist"])
def test_session_ignores_the_users_configuration(monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    monkeypatch.setenv("AWS_PROFILE", profile)
    session = environment.local_session()
    credentials = session.get_credentials()
    assert credentials is not None
    assert (credentials.access_key, credentials.secret_key, credentials.token) == ("test", "test", None)
    assert session.region_name == "us-east-1"
    assert session.available_profiles == []


def test_session_ignores_the_proxy() -> None:
    no_retries = Config(retries={"total_max_attempts": 1})
    client = environment.local_session().client(
        "s3", endpoint_url=f"http://{HOST}:{choose_port(4566)}", config=no_retries
    )
    with pytest.raises(EndpointConnectionError):  # with a proxy, it would be a ProxyConnectionError
        client.list_buckets()


def test_missing_tool_is_reported_with_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIPTYCH_TOOLS", str(tmp_path))
    with pytest.raises(StackError, match=r"bin/sam is missing\. `make run` installs"):
        environment.tool_path("sam")
