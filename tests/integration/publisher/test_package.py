"""Protects: the package of the publisher contains bytecode, so that Lambda need not compile it at each start."""

import subprocess
import sys
from pathlib import Path

import pytest

from testkit.template import ROOT
from tests.support.checkouts import relative_files


def build(folder: Path, compiler: str) -> Path:
    """Build the package with a Python that compiles its modules; without one if the name is empty."""
    folder.mkdir()
    command = ["make", "build-Publisher", f"ARTIFACTS_DIR={folder}", f"COMPILER={compiler}"]
    subprocess.run(command, cwd=ROOT / "publisher", check=True, capture_output=True)
    return folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with bytecode for the Python that runs the tests."""
    return build(tmp_path / "package", sys.executable)


def test_modules_are_not_compiled_at_a_cold_start(package: Path) -> None:
    (package / "records" / "keys.py").write_text("this source is not compiled")
    program = f"import sys; sys.path.insert(0, {str(package)!r}); import records.keys; print(records.keys.__file__)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(package / "records" / "keys.py")


def test_equal_sources_make_equal_packages(package: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "elsewhere", sys.executable)
    assert relative_files(package) == relative_files(again)
    assert any(name.endswith(".pyc") for name in relative_files(package))
    assert all((package / name).read_bytes() == (again / name).read_bytes() for name in relative_files(package))


def test_package_is_complete_without_a_python_that_compiles(tmp_path: Path) -> None:
    package = build(tmp_path / "package", "")
    modules = {f"{name}/{path.name}" for name in ("publisher", "records") for path in (ROOT / name).glob("*.py")}
    assert relative_files(package) == modules
