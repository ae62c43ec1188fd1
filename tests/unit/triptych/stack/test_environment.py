"""The local stack speaks to itself and to nothing else, whatever a person's own AWS configuration says."""

import os
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from triptych.stack import environment
from triptych.stack.errors import StackError
from triptych.stack.home import Home
from triptych.stack.ports import HOST, choose
from triptych.stack.processes import MARK

SECRET = "AKIAOFSOMEONE"


@pytest.fixture(autouse=True)
def persons_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A person with a profile, keys, an endpoint and a proxy of their own."""
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


def test_processes_get_nothing_of_it(home: Home) -> None:
    made = environment.aws(home)
    assert SECRET not in made.values()
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "SAM_CLI_TELEMETRY", "PYTHONPATH"} & set(made)
    assert made["AWS_CONFIG_FILE"] == made["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert made["AWS_EC2_METADATA_DISABLED"] == "true"
    assert "127.0.0.1" in made["NO_PROXY"]
    assert made["PATH"] == os.environ["PATH"]


def test_every_process_carries_the_mark_of_its_home(home: Home) -> None:
    assert environment.base(home)[MARK] == environment.aws(home)[MARK] == str(home.path)


@pytest.mark.parametrize("profile", ["work", "one-that-does-not-exist"])
def test_the_session_reads_nothing_of_it(monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    monkeypatch.setenv("AWS_PROFILE", profile)
    session = environment.session()
    credentials = session.get_credentials()
    assert credentials is not None
    assert (credentials.access_key, credentials.secret_key, credentials.token) == ("test", "test", None)
    assert session.region_name == "us-east-1"
    assert session.available_profiles == []


def test_the_session_asks_no_proxy() -> None:
    quick = Config(retries={"total_max_attempts": 1})
    client = environment.session().client("s3", endpoint_url=f"http://{HOST}:{choose(4566)}", config=quick)
    with pytest.raises(EndpointConnectionError):  # the endpoint itself refuses; a proxy would be a ProxyConnectionError
        client.list_buckets()


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIPTYCH_TOOLS", str(tmp_path))
    with pytest.raises(StackError, match=r"bin/sam is missing\. `make run` installs"):
        environment.tool("sam")
