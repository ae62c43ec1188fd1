"""The local rollout is the environment `local` of samconfig.toml, at the port that this stack got."""

from pathlib import Path

from triptych.stack.deploy import build, parameters
from triptych.stack.home import REPOSITORY, Home


def test_the_endpoint_is_the_stacks_own_and_the_rest_is_kept() -> None:
    given = parameters((REPOSITORY / "samconfig.toml").read_text(), "http://127.0.0.1:9")
    assert [pair for pair in given if pair.startswith("LocalEndpoint=")] == ["LocalEndpoint=http://127.0.0.1:9"]
    assert "LogRetentionDays=1" in given
    assert any(pair.startswith("ModelImageUri=") for pair in given)


def test_what_was_built_from_the_same_sources_is_not_built_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.build.mkdir()
    (home.build / "fingerprint").write_text("sources")
    assert build(home, "sources") is False
