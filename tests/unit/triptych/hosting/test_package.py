"""Protects: a package contains all that serves a version, and equal content gives equal bytes."""

import gzip
import io
import tarfile
from pathlib import Path

import boto3
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from typer.testing import CliRunner

from testkit.template import ROOT
from tests.support.tiny_model import write_tiny_model
from triptych.cli import app
from triptych.errors import UsageError
from triptych.hosting.package import archive, package_content


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = tmp_path_factory.mktemp("models")
    write_tiny_model(models, "v7")
    return models / "v7"


def test_package_contains_version_service_and_edges(version: Path) -> None:
    content = package_content(version)
    assert {"models/v7/manifest.json", "models/v7/model.xml", "models/v7/model.bin"} <= content.keys()
    assert {"config.yaml", "deployment.py", "code/inference.py", "code/requirements.txt"} <= content.keys()
    networks = [f"model_service/orientation_network/{name}.bin" for name in ("graph", "upright")]
    for module in ("model_service/app.py", *networks, "decoding/isolation/pool.py"):
        assert content[f"code/{module}"] == (ROOT / module).read_bytes()
    assert not [path for path in content if "__pycache__" in path]


def test_torchscript_is_part_of_the_package_if_there_is_any(version: Path, tmp_path: Path) -> None:
    assert "models/v7/model.pt" not in package_content(version)
    write_tiny_model(tmp_path, "v7")
    (tmp_path / "v7" / "model.pt").write_bytes(b"scripted")
    assert package_content(tmp_path / "v7")["models/v7/model.pt"] == b"scripted"


def test_requirements_have_the_versions_of_the_image(version: Path) -> None:
    requirements = package_content(version)["code/requirements.txt"].decode().split()
    image = (ROOT / "model_service" / "requirements.txt").read_text().split()
    pinned = [line for line in requirements if "==" in line]
    assert {line.split("==")[0] for line in pinned} >= {"numpy", "openvino", "pillow", "pypdfium2"}
    assert set(pinned) <= set(image)


@pytest.mark.parametrize("missing", ["manifest.json", "model.xml", "model.bin"])
def test_incomplete_version_is_an_error_that_names_the_file(missing: str, tmp_path: Path) -> None:
    write_tiny_model(tmp_path, "v7")
    (tmp_path / "v7" / missing).unlink()
    with pytest.raises(UsageError, match=missing):
        package_content(tmp_path / "v7")


PATHS = st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(PATHS, st.binary(max_size=200), max_size=6))
def test_archive_has_the_content_and_depends_on_nothing_else(content: dict[str, bytes]) -> None:
    packed = archive(content)
    assert packed == archive(dict(reversed(content.items())))
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
        entries = tar.getmembers()
        unpacked = {entry.name: file.read() for entry in entries if (file := tar.extractfile(entry))}
    assert unpacked == content
    assert {(entry.mtime, entry.uid, entry.uname, entry.mode) for entry in entries} <= {(0, 0, "", 0o644)}


def test_archive_contains_no_time() -> None:
    assert gzip.decompress(archive({}))
    assert archive({})[4:8] == b"\0\0\0\0"


def test_command_writes_the_package(version: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["package", "sagemaker", str(version), "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "model.tar.gz").read_bytes() == archive(package_content(version))


def test_command_uploads_the_package(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="bucket")
        result = CliRunner().invoke(app, ["package", "sagemaker", str(version), "--to", "s3://bucket/models/"])
        assert result.exit_code == 0, result.output
        stored = s3.get_object(Bucket="bucket", Key="models/v7/model.tar.gz")
        assert stored["Body"].read() == archive(package_content(version))


@pytest.mark.parametrize("url", ["bucket/models", "https://bucket", "s3://"])
def test_address_that_is_not_in_s3_is_an_error_before_any_work(url: str, version: Path) -> None:
    result = CliRunner().invoke(app, ["package", "sagemaker", str(version), "--to", url])
    assert isinstance(result.exception, UsageError)


def test_unknown_version_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["package", "sagemaker", "v99", "--output", str(tmp_path)])
    assert isinstance(result.exception, UsageError)


def test_configuration_of_ray_serve_names_its_deployment(version: Path) -> None:
    content = package_content(version)
    [application] = yaml.safe_load(content["config.yaml"])["applications"]
    module, _, variable = application["import_path"].partition(":")
    [deployment] = application["deployments"]
    source = content[f"{module}.py"].decode()
    assert f'\n{variable}: Final = serve.deployment(name="{deployment["name"]}")' in source
    assert application["route_prefix"] == "/"
