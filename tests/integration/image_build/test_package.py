"""The image builder's package: what it contains, and which changes make CloudFormation request new images."""

from pathlib import Path

import pytest

from image_build import contexts
from testkit.template import ROOT
from tests.support.checkouts import SERVED_FILES, VERSIONS, Checkout, relative_files

SIZE_LIMIT = 250e6
"""Bytes that the unzipped package of a Lambda function may have."""


def tags(package: Path) -> dict[str, str]:
    folders = contexts.by_version(package / "contexts")
    return {version: contexts.image_tag(version, folder) for version, folder in folders.items()}


def modules(folder: str) -> set[str]:
    """Return the Python files directly in a folder of the repository."""
    return {f"{folder}/{path.name}" for path in (ROOT / folder).glob("*.py")}


def test_package_contains_a_context_for_each_version_and_the_builder(package: Path) -> None:
    assert {path.name for path in package.iterdir()} == {"contexts", "image_build"}
    assert relative_files(package / "image_build") == {
        *(path.name for path in (ROOT / "image_build").glob("*.py")),
        "build.sh",
    }
    assert set(tags(package)) == set(VERSIONS)
    assert sum(path.stat().st_size for path in package.rglob("*") if path.is_file()) < SIZE_LIMIT


def test_context_contains_service_decoding_and_one_model_only(package: Path) -> None:
    """The Makefile names the same files as Dockerfile.dockerignore, which applies to a manual `docker build`."""
    for version in VERSIONS:
        context = package / "contexts" / version
        assert relative_files(context) == {
            *modules("model_service"),
            "model_service/Dockerfile",
            "model_service/requirements.txt",
            *modules("decoding"),
            *modules("decoding/isolation"),
            *(f"models/{version}/{name}" for name in SERVED_FILES),
        }


def test_every_package_of_the_context_is_complete(package: Path) -> None:
    """No subpackage with Python files is missing from the Makefile."""
    for name in ("model_service", "decoding"):
        sources = {path.relative_to(ROOT / name) for path in (ROOT / name).rglob("*.py")}
        copied = {
            path.relative_to(package / "contexts/v1" / name) for path in (package / "contexts/v1" / name).rglob("*.py")
        }
        assert copied == sources


@pytest.mark.slow
def test_cached_build_picks_up_a_changed_model(checkout: Checkout, package: Path) -> None:
    """`sam build --cached` compares the function's folder, so models/ must be linked into it."""
    with checkout.changed("models/v2/model.bin"):
        changed = tags(checkout.sam_build("ImageBuilder"))
    restored = tags(checkout.sam_build("ImageBuilder"))

    assert {version for version in VERSIONS if changed[version] != tags(package)[version]} == {"v2"}
    assert restored == tags(package)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["model_service/routes.py", "decoding/isolation/worker.py"])
def test_changed_code_changes_the_tag_of_every_version(checkout: Checkout, package: Path, module: str) -> None:
    with checkout.changed(module):
        changed = tags(checkout.sam_build("ImageBuilder"))

    assert all(changed[version] != tags(package)[version] for version in VERSIONS)


@pytest.mark.slow
def test_compiled_files_do_not_change_the_tags(checkout: Checkout, package: Path) -> None:
    """Two checkouts of one commit give the same tags, whether or not the service has run in them."""
    compiled = checkout.path / "model_service" / "__pycache__" / "app.cpython-311.pyc"
    compiled.parent.mkdir(exist_ok=True)
    compiled.write_bytes(b"compiled")

    assert tags(checkout.sam_build("ImageBuilder")) == tags(package)
