"""The orchestrator's Lambda package: its own code, the shared records, their requirements, and no more."""

import shutil
from pathlib import Path

import pytest

from testkit.template import ROOT
from tests.support.checkouts import Checkout, copy_checkout, relative_files
from tests.support.tools import require_tool

OWN_PACKAGES = ("orchestrator", "records", "decoding")
SHARED_MODULES = {"decoding/__init__.py", "decoding/convertible.py"}
"""All that the function needs of `decoding`, which depends on libraries that it lacks."""
REQUIREMENTS = {
    "aws_lambda_powertools",
    "bin",
    "jmespath",
    "snapshot_restore_py.py",
    "typing_extensions.py",
    "urllib3",
}
"""Top-level names that requirements.txt and its dependencies install."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    require_tool("sam")
    return copy_checkout(tmp_path_factory.mktemp("checkout"), weights=False)


@pytest.fixture(scope="module")
def package(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the first build, because later ones replace it."""
    return shutil.copytree(checkout.sam_build("Orchestrator"), tmp_path_factory.mktemp("package") / "Orchestrator")


def own_files(package: Path) -> set[str]:
    """Return the packaged files that come from this repository, without their bytecode."""
    names = {name for name in relative_files(package) if not name.endswith(".pyc")}
    return {name for name in names if name.split("/")[0] in OWN_PACKAGES}


def test_package_contains_orchestrator_records_and_requirements_only(package: Path) -> None:
    names = {path.name for path in package.iterdir() if path.suffix != ".dist-info" and path.name != "__pycache__"}
    assert names == {*OWN_PACKAGES, *REQUIREMENTS}
    complete = {f"{name}/{path.name}" for name in ("orchestrator", "records") for path in (ROOT / name).glob("*.py")}
    assert own_files(package) == complete | SHARED_MODULES
    for name in own_files(package):
        assert (package / name).read_bytes() == (ROOT / name).read_bytes()


@pytest.mark.slow
def test_cached_build_picks_up_a_change_in_records(checkout: Checkout, package: Path) -> None:
    """`sam build --cached` compares the function's folder, so records/ must be linked into it."""
    with checkout.changed("records/record.py"):
        rebuilt = checkout.sam_build("Orchestrator")

    assert (rebuilt / "records" / "record.py").read_text().endswith("# changed\n")
    assert not (package / "records" / "record.py").read_text().endswith("# changed\n")
