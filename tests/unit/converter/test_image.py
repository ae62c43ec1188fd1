"""Protects: the image contains what the converter imports, in the versions that the tests passed with."""

import re
import subprocess
import sys
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from testkit.template import ROOT

FOLDER = ROOT / "converter"
ABSENT = ("numpy", "PIL", "pypdfium2", "openvino", "boto3", "pi_heif")
"""What the model service's image contains in addition, or the orchestrator's package."""


def versions(text: str) -> dict[str, str]:
    pairs = re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)$", text, re.M)
    return {name.lower().replace("_", "-"): version for name, version in pairs}


def test_requirements_have_the_versions_that_the_tests_passed_with() -> None:
    constraints = versions((ROOT / "constraints.txt").read_text())
    required = versions((FOLDER / "requirements.txt").read_text())

    assert required
    assert {name: constraints.get(name) for name in required} == required


def test_requirements_include_all_dependencies() -> None:
    """pip installs them without their dependencies."""
    required = versions((FOLDER / "requirements.txt").read_text())
    dependencies = {
        canonicalize_name(dependency.name)
        for name in required
        for dependency in map(Requirement, metadata.requires(name) or ())
        if dependency.marker is None or dependency.marker.evaluate({"extra": ""})
    }

    assert dependencies <= set(required)


def test_converter_needs_nothing_that_its_image_lacks() -> None:
    modules = [path.stem for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "__main__")]
    program = f"import sys\nfor name in {ABSENT}: sys.modules[name] = None\nimport " + ", ".join(
        f"converter.{module}" for module in [*modules, "__main__"]
    )

    completed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert completed.returncode == 0, completed.stderr


def test_image_installs_the_packages_that_the_documentation_names() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text()

    for package in ("libreoffice-writer", "libreoffice-calc", "libreoffice-impress"):
        assert package in dockerfile
        assert package in (ROOT / "docs" / "conversion.md").read_text()
