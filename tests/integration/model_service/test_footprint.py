"""Protects: the service imports nothing of training or AWS, and only what its image installs."""

import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import httpx2
import pytest

from tests.support.pages import encode, page
from tests.support.service import running_service

ROOT = Path(__file__).parents[3]
REQUIREMENTS = ROOT / "model_service" / "requirements.txt"
OMITTED = {"openvino-telemetry"}  # writes to a home folder, which a read-only container does not have


def pins() -> dict[str, str]:
    lines = REQUIREMENTS.read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_the_service_imports_no_torch_no_aws_client_and_no_other_part() -> None:
    code = "import model_service.__main__, sys; print(*{name.partition('.')[0] for name in sys.modules})"

    imported = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)

    assert "model_service" in imported.stdout.split()
    forbidden = {"torch", "torchvision", "boto3", "botocore", "orchestrator", "training", "triptych", "onnx"}
    assert not forbidden & set(imported.stdout.split())


def test_the_pins_are_the_tested_versions() -> None:
    assert pins() == {name: distribution(name).version for name in pins()}


def test_every_dependency_of_the_image_is_pinned() -> None:
    required = {
        re.split(r"[^A-Za-z0-9._-]", need)[0].lower().replace("_", "-")
        for name in pins()
        for need in distribution(name).requires or []
        if "extra ==" not in need and "platform_system" not in need and "sys_platform" not in need
        if "python_version <" not in need and "python_full_version <" not in need
    }

    assert required - OMITTED <= set(pins())
    assert not OMITTED & set(pins())


@pytest.mark.skipif("TRIPTYCH_FRESH_VENV" not in os.environ, reason="downloads 80 MB: set TRIPTYCH_FRESH_VENV=1 to run")
def test_the_service_runs_in_an_environment_of_only_the_pins(tmp_path: Path, tiny_models: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    exactly = ["--no-deps", "--only-binary=:all:", "-r", str(REQUIREMENTS)]
    subprocess.run([python, "-m", "pip", "install", "-q", *exactly], check=True)

    with running_service(tiny_models, command=(str(python), "-m", "model_service")) as service:
        response = httpx2.post(service.url + "/predict", content=encode(page(), "JPEG"), timeout=30)

    assert response.status_code == 200
