"""The local deployment uses the environment `local` of samconfig.toml with the URL of its own emulator."""

from pathlib import Path

from triptych.stack.deployment import local_parameters, sam_build
from triptych.stack.home import REPOSITORY, Home


def test_only_the_endpoint_of_the_local_environment_is_replaced() -> None:
    given = local_parameters((REPOSITORY / "samconfig.toml").read_text(), "http://127.0.0.1:9")
    assert [pair for pair in given if pair.startswith("LocalEndpoint=")] == ["LocalEndpoint=http://127.0.0.1:9"]
    assert "LogRetentionDays=1" in given
    assert any(pair.startswith("ModelImageUri=") for pair in given)


def test_existing_build_of_the_same_sources_is_reused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.build.mkdir()
    (home.build / "fingerprint").write_text("sources")
    assert sam_build(home, "sources") is False
